//! `error.type` for each form of error, and each way of tracing it.

use std::{borrow::Cow, error::Error, fmt, io, sync::PoisonError};

use raaf_testkit::Capture;
use raaf_trace_core::{
    Component, ErrorType, Traceable,
    call::{KnownErrorType, Outcome},
    traced_block,
};

#[derive(Debug, thiserror::Error, ErrorType)]
enum ModelError {
    #[error("retry in {0} s")]
    #[error_type("rate_limited")]
    RateLimited(u32),
    #[error(transparent)]
    #[error_type(transparent)]
    Tool(#[from] ToolError),
    #[error("the answer of {model} is malformed")]
    Malformed { model: String },
}

#[derive(Debug, thiserror::Error, ErrorType)]
#[error("the tool failed")]
#[error_type("tool_failed")]
struct ToolError;

/// An enum that says nothing of itself.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("the model failed")]
    Model(#[source] ModelError),
    #[error("stopped by {0}")]
    Stopped(String),
    #[error("too many turns")]
    MaxTurns,
    #[error("disk")]
    Disk(#[from] io::Error),
}

#[derive(Debug)]
struct Status(u16);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.0)
    }
}

impl Error for Status {}

impl ErrorType for Status {
    fn error_type(&self) -> Cow<'static, str> {
        self.0.to_string().into()
    }
}

raaf_trace_core::submit! { KnownErrorType::new::<Status>() }

#[derive(Debug, ErrorType)]
#[error_type("generic")]
struct Generic<T>(T);

impl<T> fmt::Display for Generic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("generic")
    }
}

impl<T: fmt::Debug> Error for Generic<T> {}

#[derive(Traceable)]
#[trace(new, kind = "tool")]
struct Search {
    component: Component,
}

/// `error.type` of the only span, which is `exception.type` as well.
#[allow(clippy::unwrap_used, reason = "only tests call it")]
fn type_in(capture: &Capture) -> String {
    let spans = capture.spans();
    let span = spans.only("Search");
    let event = span.events().next().unwrap();
    let kind = span.error().unwrap().kind();
    assert_eq!(event.attributes().get("exception.type"), Some(kind.into()));
    kind.to_owned()
}

/// Fails a span with this error, by the macro and by the closure form, which must agree.
macro_rules! type_of {
    ($error:expr) => {{
        let by_macro = Capture::new();
        let _ = by_macro.run(|| traced_block!(Search::new(), "run", || Err::<(), _>($error)));
        let by_closure = Capture::new();
        let _ = by_closure.run(|| Search::new().try_in_span("run", || Err::<(), _>($error)));
        let told = type_in(&by_macro);
        assert_eq!(told, type_in(&by_closure));
        told
    }};
}

#[test]
fn g17_an_error_says_its_own_type() {
    assert_eq!(type_of!(ModelError::RateLimited(3)), "rate_limited");
    assert_eq!(type_of!(ModelError::from(ToolError)), "tool_failed");
    assert_eq!(type_of!(ModelError::Malformed { model: "gpt".into() }), "ModelError::Malformed");
    assert_eq!(type_of!(ToolError), "tool_failed");
    assert_eq!(type_of!(Status(429)), "429");
}

#[test]
fn g17_an_enum_is_told_with_its_variant() {
    let stopped = RunError::Stopped("a user".into());
    assert_eq!(type_of!(RunError::MaxTurns), "RunError::MaxTurns");
    assert_eq!(
        Outcome::of_result(&Err::<(), _>(stopped)).into_error().unwrap().type_name,
        "RunError::Stopped"
    );
    assert_eq!(type_of!(RunError::Model(ToolError.into())), "RunError::Model");
}

#[test]
fn g17_an_io_error_is_told_with_its_kind() {
    let kind = "io::Error::NotFound";
    assert_eq!(type_of!(io::Error::from(io::ErrorKind::NotFound)), kind);
    let missing = || std::fs::read("/no such file").map(|_| ());
    let boxed = || missing().map_err(Box::<dyn Error>::from).unwrap_err();
    assert_eq!(type_of!(boxed()), kind);
    assert_eq!(type_of!(anyhow::Error::from(missing().unwrap_err()).context("reading")), kind);
}

#[test]
fn g17_what_is_boxed_is_told_by_the_error_within() {
    let boxed = |error: ModelError| -> Box<dyn Error + Send + Sync> { error.into() };
    assert_eq!(type_of!(boxed(ModelError::RateLimited(1))), "rate_limited");
    let run = || RunError::Model(ModelError::RateLimited(1));
    assert_eq!(type_of!(anyhow::Error::from(run()).context("planning")), "rate_limited");
    assert_eq!(type_of!(anyhow::Error::from(RunError::MaxTurns).context("x")), "MaxTurns");
    let disk = RunError::from(io::Error::from(io::ErrorKind::TimedOut));
    assert_eq!(
        type_of!(anyhow::Error::from(RunError::from(io::Error::from(io::ErrorKind::TimedOut)))),
        "io::Error::TimedOut"
    );
    assert_eq!(
        type_of!(std::sync::Arc::<dyn Error + Send + Sync>::from(Box::from("text"))),
        "Arc<dyn Error + Send + Sync>"
    );
    assert!(disk.source().is_some());
    let json = || serde_json::from_str::<u8>("x").unwrap_err();
    assert_eq!(type_of!(anyhow::Error::from(json())), "serde_json::Error");
    assert_eq!(type_of!(json()), "serde_json::Error");
    // A box of a report hides the error even from its `source`.
    let reported = || Box::<dyn Error + Send + Sync>::from(anyhow::Error::from(ToolError));
    assert_eq!(type_of!(reported()), "ToolError");
    let reported = || Box::<dyn Error>::from(anyhow::Error::from(RunError::MaxTurns));
    assert_eq!(type_of!(reported()), "MaxTurns");
}

#[test]
fn g17_a_message_never_becomes_a_type() {
    assert_eq!(type_of!(anyhow::anyhow!("Secret")), "anyhow::Error");
    let text = || Box::<dyn Error>::from("Secret");
    assert_eq!(type_of!(text()), "Box<dyn Error>");
    assert_eq!(type_of!("Secret"), "&str");
    assert_eq!(type_of!(anyhow::anyhow!("Secret").context("Other")), "anyhow::Error");
    for message in ["Secret", "Secret(3)", "Secret {"] {
        let boxed = || Box::<dyn Error + Send + Sync>::from(anyhow::Error::msg(message));
        assert_eq!(type_of!(boxed()), "Box<dyn Error + Send + Sync>");
    }
}

#[test]
fn g17_a_debug_form_written_by_hand_never_becomes_a_type() {
    struct Named(String);
    impl fmt::Debug for Named {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }
    impl fmt::Display for Named {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "refused: {}", self.0)
        }
    }
    impl Error for Named {}

    let named = || Named("Secret(3)".to_owned());
    assert_eq!(type_of!(named()), "Named");
    assert_eq!(type_of!(Box::<dyn Error>::from(named())), "Box<dyn Error>");
    assert_eq!(type_of!(anyhow::Error::from(named()).context("asking")), "anyhow::Error");
}

#[test]
fn g17_an_error_that_holds_references_or_is_generic_is_told_by_the_macro() {
    let capture = Capture::new();
    let lock = std::sync::Mutex::new(0);
    capture.run(|| {
        let _ =
            traced_block!(Search::new(), "run", || { Err::<(), _>(PoisonError::new(lock.lock())) });
    });
    assert!(type_in(&capture).starts_with("PoisonError<"));
    let capture = Capture::new();
    let _ = capture.run(|| traced_block!(Search::new(), "run", || Err::<(), _>(Generic(1))));
    assert_eq!(type_in(&capture), "generic");
}

#[test]
fn g17_the_type_stays_where_content_is_left_out() {
    let capture = Capture::with(|provider| provider.include_sensitive_data(false));
    let fail = || Err::<(), _>(anyhow::Error::from(ModelError::RateLimited(3)).context("Ann"));
    let _ = capture.run(|| Search::new().try_in_span("run", fail));
    assert_eq!(type_in(&capture), "rate_limited");
    assert_eq!(capture.spans().only("Search").error().unwrap().message(), None);
}

#[test]
fn g17_a_type_that_cannot_be_told_harms_nobody() {
    struct Vicious;
    impl fmt::Debug for Vicious {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("no")
        }
    }
    impl fmt::Display for Vicious {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("vicious")
        }
    }
    impl Error for Vicious {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            panic!("no")
        }
    }
    assert_eq!(type_of!(Vicious), "Vicious");
    assert_eq!(type_of!(Box::<dyn Error>::from(Vicious)), "Box<dyn Error>");
}
