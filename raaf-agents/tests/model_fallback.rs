//! Fallback from one model to another.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use raaf_agents::{
    Agent, FallbackModel, Message, Model, ModelChunk, ModelError, ModelRequest, ModelResponse,
    ModelStream, Reply, RetryPolicy, RetryingModel, ScriptedModel, TracedModel, Usage,
};
use raaf_testkit::{Capture, assert_span_tree};

fn request() -> ModelRequest {
    ModelRequest::new([Message::user("go on")])
}

fn failing(name: &str, error: ModelError) -> ScriptedModel {
    ScriptedModel::from_fn(name, move |_: &ModelRequest| Reply::error(error.clone()))
}

fn text() -> String {
    "why".to_owned()
}

fn busy() -> ModelError {
    ModelError::RateLimited { message: text(), retry_after: Some(Duration::ZERO) }
}

fn overflow() -> ModelError {
    ModelError::ContextOverflow { status: 400, message: text(), tokens: None, limit: None }
}

/// Responds without naming a model, and does not stream.
struct Nameless;

#[async_trait]
impl Model for Nameless {
    fn name(&self) -> &'static str {
        "nameless"
    }

    fn url(&self) -> Option<&str> {
        Some("http://localhost:1/v1")
    }

    async fn respond(&self, _: &ModelRequest) -> Result<ModelResponse, ModelError> {
        Ok(ModelResponse::new(Message::assistant("Done.")).with_usage(Usage::new(3, 2)))
    }
}

/// A stream that ends without a chunk, and panics if it is polled again.
struct Empty;

#[async_trait]
impl Model for Empty {
    fn name(&self) -> &'static str {
        "empty"
    }

    async fn respond(&self, _: &ModelRequest) -> Result<ModelResponse, ModelError> {
        Err(ModelError::other("unused"))
    }

    fn stream<'a>(&'a self, _: &'a ModelRequest) -> ModelStream<'a> {
        stream::unfold((), |()| async { None }).boxed()
    }
}

#[tokio::test]
async fn falls_back_by_kind_of_error() {
    let message = text;
    let (status, retry_after, after) = (503, None, Duration::from_secs(9));
    for (error, falls_back) in [
        (busy(), true),
        (ModelError::QuotaExceeded { status: 429, message: message() }, true),
        (ModelError::Server { status, message: message(), retry_after }, true),
        (ModelError::Connection { message: message() }, true),
        (ModelError::Interrupted { pieces: 0, message: message() }, true),
        (ModelError::Timeout { after }, true),
        (overflow(), false),
        (ModelError::Authentication { status: 401, message: message() }, false),
        (ModelError::Rejected { status: 400, message: message() }, false),
        (ModelError::Malformed { message: message() }, false),
        (ModelError::other("why"), false),
    ] {
        let model = || {
            FallbackModel::new(failing("first", error.clone()))
                .or(ScriptedModel::new("second", ["yes"]))
        };
        let whole = model().respond(&request()).await;
        let streamed = model().stream(&request()).next().await.unwrap();
        assert_eq!((whole.is_ok(), streamed.is_ok()), (falls_back, falls_back), "{error:?}");
    }
}

#[tokio::test]
async fn a_function_decides_on_which_errors_to_fall_back() {
    let model = FallbackModel::new(failing("small", overflow()))
        .or(ScriptedModel::new("large", ["yes"]))
        .when(|error| error.kind() == "context_overflow");
    assert_eq!(model.respond(&request()).await.unwrap().message.text(), "yes");
    let model = FallbackModel::new(failing("first", busy()))
        .or(ScriptedModel::new("second", ["yes"]))
        .when(|_| false);
    assert_eq!(model.respond(&request()).await, Err(busy()));
}

#[tokio::test]
async fn a_fallback_is_an_event_and_its_usage_counts_once() {
    let failed = ModelError::QuotaExceeded { status: 402, message: text() };
    let model = FallbackModel::new(failing("first", failed)).or(Nameless);
    let agent = Agent::builder("Writer", model).build();
    let capture = Capture::new();
    let result = capture.run_async(agent.run("Hi!")).await.unwrap();
    assert_eq!((result.usage.requests, result.usage), (1, Usage::new(3, 2)));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Writer" {
                llm "first" [
                    ok,
                    "gen_ai.request.model" = "nameless",
                    "gen_ai.response.model" = "nameless",
                    "gen_ai.usage.input_tokens" = 3,
                    "gen_ai.usage.output_tokens" = 2,
                    event "fallback" [
                        "fallback.from" = "first",
                        "fallback.to" = "nameless",
                        "fallback.reason" = "quota_exceeded",
                        "http.response.status_code" = 402,
                        "url.full" = "http://localhost:1/v1"
                    ]
                ]
            }
        }
    });
}

#[tokio::test]
async fn a_fallback_has_the_price_of_the_model_that_was_called() {
    let costs = |second: ScriptedModel| async move {
        let model = FallbackModel::new(failing("gpt-4o", busy())).or(second);
        let agent = Agent::builder("Writer", model).build();
        let capture = Capture::new();
        let result = capture.run_async(agent.run("Hi!")).await.unwrap();
        let spans = capture.spans_async().await;
        let call = spans.by_component("gpt-4o").next().unwrap().cost();
        assert_eq!(call, result.cost);
        (result.cost.usd(), result.cost.unknown_calls())
    };
    let reply = || [Reply::text("yes").with_usage(Usage::new(1_000_000, 0))];
    assert_eq!(costs(ScriptedModel::new("gpt-4o-mini", reply())).await, (Some(0.15), 0));
    assert_eq!(costs(ScriptedModel::new("homemade", reply())).await, (None, 1));
}

#[tokio::test]
async fn falls_back_after_the_retries_and_returns_the_last_error() {
    let shortly = Duration::from_millis(1);
    let policy = RetryPolicy::new(1).with_delays(shortly, shortly);
    let refused = ModelError::Connection { message: text() };
    let model = FallbackModel::new(RetryingModel::new(failing("first", busy()), policy))
        .or(failing("second", refused.clone()))
        .or(failing("third", overflow()))
        .or(ScriptedModel::new("fourth", ["unused"]));
    let (model, capture) = (TracedModel::new(model), Capture::new());
    let error = capture.run_async(model.respond(&request())).await.unwrap_err();
    assert_eq!(error, overflow());
    assert_span_tree!(capture.spans_async().await, {
        llm "first" [
            error "context_overflow",
            "http.response.status_code" = 400,
            event "retry" ["retry.reason" = "rate_limited"],
            event "fallback" ["fallback.from" = "first", "fallback.reason" = "rate_limited"],
            event "fallback" ["fallback.from" = "second", "fallback.reason" = "connection"]
        ]
    });
}

#[tokio::test]
async fn a_stream_falls_back_before_its_first_chunk() {
    let model = FallbackModel::new(failing("first", busy())).or(Nameless);
    let (model, capture, request) = (TracedModel::new(model), Capture::new(), request());
    let chunks: Vec<_> = capture.run_async(model.stream(&request).collect()).await;
    assert_eq!(chunks[0], Ok(ModelChunk::Text("Done.".to_owned())));
    let Some(Ok(ModelChunk::Done(whole))) = chunks.last() else { panic!("{chunks:?}") };
    assert_eq!(whole.model.as_deref(), Some("nameless"));
    assert_span_tree!(capture.spans_async().await, {
        llm "first" [
            ok,
            "gen_ai.response.model" = "nameless",
            "gen_ai.usage.output_tokens" = 2,
            event "fallback" ["fallback.to" = "nameless"]
        ]
    });
}

#[tokio::test]
async fn a_stream_that_broke_off_does_not_begin_anew() {
    let broken = ModelError::Interrupted { pieces: 1, message: text() };
    let first = Reply::chunks(["ha"]).then_error(broken.clone());
    let model = FallbackModel::new(ScriptedModel::new("first", [first]))
        .or(ScriptedModel::new("second", ["unused"]));
    let (model, capture, request) = (TracedModel::new(model), Capture::new(), request());
    let chunks: Vec<_> = capture.run_async(model.stream(&request).collect()).await;
    assert_eq!(chunks, [Ok(ModelChunk::Text("ha".to_owned())), Err(broken)]);
    assert_span_tree!(capture.spans_async().await, {
        llm "first" [error "interrupted", !event "fallback"]
    });
}

#[tokio::test]
async fn an_empty_stream_is_not_polled_beyond_its_end() {
    let (request, retried) = (request(), RetryingModel::new(Empty, RetryPolicy::default()));
    let fallback = FallbackModel::new(Empty).or(ScriptedModel::new("unused", ["no"]));
    assert_eq!(retried.stream(&request).next().await, None);
    assert_eq!(fallback.stream(&request).next().await, None);
}

#[tokio::test]
async fn clones_of_models_share_what_they_have() {
    let scripted = ScriptedModel::new("scripted", ["first", "second"]);
    let fallback = FallbackModel::new(scripted.clone());
    let request = ModelRequest::new([Message::user("hi")]);
    assert_eq!(fallback.clone().respond(&request).await.unwrap().message.text(), "first");
    assert_eq!(scripted.respond(&request).await.unwrap().message.text(), "second");
}
