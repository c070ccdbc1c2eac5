//! Failures of models are told apart in the trace, without content too.

#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use std::time::Duration;

use raaf_agents::{Agent, OpenAiModel, RetryPolicy, RunErrorKind};
use raaf_testkit::{Capture, Spans, assert_span_tree};
use raaf_trace_core::{attributes::ValueRef, keys};
use serde_json::json;

use server::{Answer, Server};

/// Runs an agent on a server with these answers, of which each is tried, without content in the
/// trace.
async fn failed(answers: Vec<Answer>, timeout: Duration) -> Spans {
    let retries = u32::try_from(answers.len()).unwrap() - 1;
    let server = Server::start(answers).await;
    let shortly = Duration::from_millis(1);
    let model = OpenAiModel::builder("m").base_url(server.url()).timeout(timeout);
    let model =
        model.retries(RetryPolicy::new(retries).with_delays(shortly, shortly)).build().unwrap();
    let agent = Agent::builder("Writer", model).build();
    let capture = Capture::with(|provider| provider.include_sensitive_data(false));
    let error = capture.run_async(agent.run("go")).await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Model(_)));
    capture.spans_async().await
}

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn g17_kinds_of_failure_and_the_status_stay_without_content() {
    let refusal = |status| Answer::status(status, &json!({"error": "secret"}).to_string());
    let cut = || Answer::status(200, "{").header("Transfer-Encoding", "chunked");
    let times = |times: usize, answer: &dyn Fn() -> Answer| (0..times).map(|_| answer()).collect();
    for (answers, timeout, kind, status, retries) in [
        (times(1, &|| refusal(401)), LONG, "authentication", Some(401), None),
        (times(1, &|| refusal(400)), LONG, "rejected", Some(400), None),
        (times(3, &|| refusal(429)), LONG, "rate_limited", Some(429), Some(2)),
        (times(3, &|| refusal(503)), LONG, "server", Some(503), Some(2)),
        (times(3, &Answer::close), LONG, "connection", None, Some(2)),
        (times(3, &cut), LONG, "interrupted", None, Some(2)),
        (times(1, &Answer::never), Duration::from_millis(30), "timeout", None, None),
        (times(1, &|| Answer::status(200, "{}")), LONG, "malformed", None, None),
    ] {
        let spans = failed(answers, timeout).await;
        assert_span_tree!(&spans, { runner "Runner" { agent "Writer" { llm "m" } } });
        let kinds: Vec<_> = spans.iter().map(|span| span.error().unwrap().kind()).collect();
        assert_eq!(kinds, [kind; 3]);
        let model = spans.only("m");
        let number = |key| model.attributes().get(key).and_then(ValueRef::as_i64);
        assert_eq!(number(keys::HTTP_STATUS_CODE), status, "{kind}");
        assert_eq!(number(keys::RETRY_COUNT), retries, "{kind}");
        assert!(spans.iter().all(|span| span.error().unwrap().message().is_none()), "{kind}");
    }
}
