//! Errors in spans, for each type of `Err`.

use std::{error::Error, fmt, io};

use futures::FutureExt as _;
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Component, FinishedSpan, Status, Traceable as _,
    call::{ErrorReport, Failure, KnownErrorType},
    trace, tracer,
};
use serde_json::json;

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("search failed")]
struct SearchError(#[source] QuotaError);

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("quota used up")]
struct QuotaError;

type SearchResult<T> = Result<T, SearchError>;

/// The span of a call that fails with that error.
fn span_of<E: Failure<Via>, Via>(fail: impl FnOnce() -> Result<(), E>) -> FinishedSpan {
    let capture = Capture::new();
    let result = capture.run(|| Component::tool("Search").try_in_span("run", fail));
    assert!(result.is_err());
    capture.spans().only("Search").clone()
}

fn text(span: &FinishedSpan, key: &str) -> Option<String> {
    span.attributes().get(key).map(|value| value.to_string())
}

/// `error.type` and `error.message`.
#[allow(clippy::unwrap_used, reason = "only tests call it")]
fn told(span: &FinishedSpan) -> (String, String) {
    (text(span, "error.type").unwrap(), text(span, "error.message").unwrap())
}

fn pair(kind: &str, message: &str) -> (String, String) {
    (kind.to_owned(), message.to_owned())
}

#[test]
fn g17_the_error_comes_back_unchanged() {
    let capture = Capture::new();
    let error = SearchError(QuotaError);
    let tool = Component::tool("Search");
    let search = || tool.try_in_span("run", || Err::<(), _>(error.clone()));
    assert_eq!(capture.run(search), Err(error));
    assert_span_tree!(capture, { tool "Search" [status = error] });
}

#[test]
fn g17_the_span_says_all_that_is_known_of_the_error() {
    fn search() -> SearchResult<()> {
        Err(SearchError(QuotaError))
    }
    let span = span_of(search);
    assert_eq!(span.status(), Status::Error);
    assert_eq!(span.attributes().get("success"), Some(false.into()));
    assert_eq!(told(&span), pair("SearchError", "search failed"));
    assert_eq!(text(&span, "error.chain").unwrap(), json!(["quota used up"]).to_string());
    assert_eq!(span.attributes().get("result.success"), Some(false.into()));
}

#[test]
fn g17_an_exception_event_tells_it_too() {
    let span = span_of(|| Err(SearchError(QuotaError)));
    let events: Vec<_> = span.events().collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].name(), "exception");
    assert_eq!(events[0].attributes().get("exception.type"), Some("SearchError".into()));
    assert_eq!(
        events[0].attributes().get("exception.message"),
        Some("search failed: quota used up".into())
    );
    assert!(events[0].time() >= span.start_time() && events[0].time() <= span.end_time());
}

#[test]
fn g17_each_type_of_error_is_read() {
    let io = span_of(|| Err(io::Error::other("disk")));
    assert_eq!(told(&io), pair("io::Error::Other", "disk"));

    let boxed = span_of(|| Err::<(), Box<dyn Error>>("bare".into()));
    assert_eq!(told(&boxed), pair("Box<dyn Error>", "bare"));

    let shared = span_of(|| Err::<(), Box<dyn Error + Send + Sync>>("shared".into()));
    assert_eq!(told(&shared), pair("Box<dyn Error + Send + Sync>", "shared"));

    let owned = span_of(|| Err("owned".to_owned()));
    assert_eq!(told(&owned), pair("String", "owned"));

    let borrowed = span_of(|| Err("borrowed"));
    assert_eq!(told(&borrowed), pair("&str", "borrowed"));

    let unit = span_of(|| Err(()));
    assert_eq!(told(&unit), pair("()", "failed"));
}

#[test]
fn g17_a_report_with_context_shows_what_lies_behind() {
    let span = span_of(|| {
        Err(anyhow::Error::new(SearchError(QuotaError)).context("answering the question"))
    });
    assert_eq!(told(&span), pair("QuotaError", "answering the question"));
    assert_eq!(
        text(&span, "error.chain").unwrap(),
        json!(["search failed", "quota used up"]).to_string()
    );
}

#[test]
fn g17_an_error_without_sources_has_no_chain() {
    assert_eq!(text(&span_of(|| Err(QuotaError)), "error.chain"), None);
}

#[test]
fn g17_an_error_type_of_ones_own_says_what_is_shown() {
    enum Refusal {
        Quota,
    }
    impl Failure<()> for Refusal {
        fn report(&self) -> ErrorReport {
            match self {
                Self::Quota => ErrorReport::from_message("Refusal", "quota used up"),
            }
        }
    }
    assert_eq!(told(&span_of(|| Err(Refusal::Quota))), pair("Refusal", "quota used up"));
}

#[test]
fn g17_an_error_that_cannot_be_shown_harms_nobody() {
    #[derive(Debug)]
    struct Vicious;
    impl fmt::Display for Vicious {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("no")
        }
    }
    impl Error for Vicious {}
    let span = span_of(|| Err(Vicious));
    assert_eq!(span.status(), Status::Error);
    assert!(text(&span, "error.message").unwrap().contains("panicked"));
}

#[test]
fn g17_generic_code_may_fail_with_any_error() {
    fn traced<E: Error + 'static>(error: E) -> FinishedSpan {
        span_of(|| Err(error))
    }
    assert_eq!(told(&traced(QuotaError)).0, "QuotaError");
}

#[test]
fn g17_question_marks_work_inside_the_closure() {
    let span = span_of(|| {
        let number: i32 = "x".parse()?;
        anyhow::ensure!(number > 0, "too small");
        Ok(())
    });
    assert_eq!(told(&span), pair("ParseIntError", "invalid digit found in string"));
}

#[test]
fn g17_futures_and_workflows_and_manual_spans_fail_alike() {
    let capture = Capture::new();
    let fail = || Err::<(), _>(QuotaError);
    capture.run(|| {
        let tool = Component::tool("Future");
        let failed = tool.try_in_span("run", async { fail() }).now_or_never();
        assert_eq!(failed, Some(fail()));
        assert_eq!(trace("workflow").try_in_span(fail), fail());
        let failed = trace("async workflow").try_in_span(async { fail() }).now_or_never();
        assert_eq!(failed, Some(fail()));
        assert_eq!(tracer().tool_span("Manual").try_in_span(fail), fail());
    });
    let spans = capture.spans();
    for name in ["Future", "workflow", "async workflow", "Manual"] {
        assert_eq!(told(spans.only(name)), pair("QuotaError", "quota used up"), "{name}");
    }
}

#[test]
fn g17_an_error_that_was_handled_stays_where_it_was() {
    let capture = Capture::new();
    let (agent, tool) = (Component::agent("Writer"), Component::tool("Search"));
    capture.run(|| {
        agent.in_span("run", || tool.try_in_span("run", || Err::<(), _>(QuotaError)).is_err())
    });
    assert_span_tree!(capture, { agent "Writer" [status = ok] { tool "Search" [status = error] } });
}

#[test]
fn a4_a_source_that_is_json_has_no_secrets_in_the_joined_message() {
    #[derive(Debug, thiserror::Error)]
    #[error("{{\"password\": \"hunter2\"}}")]
    struct Answer;
    #[derive(Debug, thiserror::Error)]
    #[error("refused")]
    struct Refused(#[source] Answer);

    let span = span_of(|| Err(Refused(Answer)));
    let event = span.events().next().unwrap();
    assert_eq!(
        event.attributes().get("exception.message"),
        Some(r#"refused: {"password": "[REDACTED]"}"#.into())
    );
    let error = span.error().unwrap();
    assert_eq!(error.with_causes().unwrap(), r#"refused: {"password": "[REDACTED]"}"#);
}

#[test]
fn l8_a_handled_error_of_a_reused_call_shows_its_cause() {
    let capture = Capture::new();
    let tool = Component::tool("Search");
    capture.run(|| {
        tool.in_span("run", || {
            tool.try_in_span("run", || Err::<(), _>(SearchError(QuotaError))).is_err()
        })
    });
    assert_span_tree!(capture, {
        tool "Search" [ok, event "exception" [
            "exception.type" = "SearchError",
            "exception.message" = "search failed: quota used up"
        ]]
    });
}

#[test]
fn g17_a_pause_is_no_failure_however_it_is_wrapped() {
    #[derive(Debug, thiserror::Error)]
    #[error("waits for an approval")]
    struct Waits;

    impl raaf_trace_core::ErrorType for Waits {
        fn error_type(&self) -> std::borrow::Cow<'static, str> {
            "waits".into()
        }

        fn is_pause(&self) -> bool {
            true
        }
    }

    raaf_trace_core::submit! { KnownErrorType::new::<Waits>() }

    #[derive(Debug, thiserror::Error)]
    #[error("the step ended")]
    struct Step(#[source] Waits);

    #[derive(Debug, thiserror::Error, raaf_trace_core::ErrorType)]
    enum Ended {
        #[error(transparent)]
        #[error_type(transparent)]
        Early(Waits),
    }

    fn traced_span_of_waits() -> FinishedSpan {
        #[raaf_trace_core::traced(component = "search", kind = "tool")]
        fn search() -> Result<(), Step> {
            Err(Step(Waits))
        }
        let capture = Capture::new();
        assert!(capture.run(search).is_err());
        capture.spans().only("search").clone()
    }

    let boxed = |error: Waits| -> Box<dyn Error + Send + Sync> { error.into() };
    for span in [
        span_of(|| Err(Waits)),
        span_of(|| Err(Step(Waits))),
        span_of(|| Err(Ended::Early(Waits))),
        span_of(|| Err(boxed(Waits))),
        traced_span_of_waits(),
    ] {
        assert_eq!(span.status(), Status::Unset);
        assert_eq!(span.attributes().get("paused"), Some(true.into()));
        for key in ["error.type", "success", "result.success"] {
            assert_eq!(span.attributes().get(key), None, "{key}");
        }
        assert!(span.events().next().is_none());
    }
}
