//! Traced and retried models, without a server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _, stream};
use raaf_agents::{
    Message, Model, ModelChunk, ModelError, ModelRequest, ModelResponse, ModelStream, Reply,
    RetryPolicy, RetryingModel, ScriptedModel, TracedModel,
};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{Context, attributes::SpanLimits, tracer};
use serde_json::json;

fn request() -> ModelRequest {
    ModelRequest::new([Message::user("go on")])
}

fn busy(retry_after: Option<Duration>) -> Reply {
    Reply::error(ModelError::RateLimited { message: "classified".into(), retry_after })
}

#[tokio::test]
async fn a_stream_is_one_span_under_the_span_active_at_the_call() {
    let model = TracedModel::new(ScriptedModel::new("scripted", ["one two"]));
    let (request, capture) = (request(), Capture::new());
    let outside = async {
        let pieces = tracer().agent_span("Planner").in_span(async { model.stream(&request) });
        let pieces: Vec<_> = pieces.await.collect().await;
        assert_eq!(Context::current().trace_id(), None);
        pieces
    };
    let pieces = capture.run_async(outside).await;
    assert!(matches!(pieces.last(), Some(Ok(ModelChunk::Done(_)))));
    assert_span_tree!(capture.spans_async().await, {
        agent "Planner" {
            llm "scripted" [
                ok,
                "gen_ai.response.id" = "scripted-1",
                "gen_ai.usage.output_tokens" = 2,
                "gen_ai.response.time_to_first_chunk" >= 0.0,
                "gen_ai.output.messages" contains "one two"
            ]
        }
    });
}

#[tokio::test]
async fn g1_a_stream_that_is_never_polled_leaves_no_span() {
    let model = TracedModel::new(ScriptedModel::new("scripted", ["one"]));
    let (request, capture) = (request(), Capture::new());
    capture.run_async(async { drop(model.stream(&request)) }).await;
    assert_span_tree!(capture.spans_async().await, {});
}

#[tokio::test]
async fn l2_a_stream_dropped_after_any_chunk_but_the_last_is_cancelled() {
    for taken in 1..=4 {
        let model = TracedModel::new(ScriptedModel::new("scripted", ["one two three"]));
        let (request, capture) = (request(), Capture::new());
        let some = model.stream(&request).take(taken).collect::<Vec<_>>();
        assert_eq!(capture.run_async(some).await.len(), taken);
        let spans = capture.spans_async().await;
        if taken < 4 {
            assert_span_tree!(spans, { llm "scripted" [cancelled, !"gen_ai.response.id"] });
        } else {
            assert_span_tree!(spans, { llm "scripted" [ok, "gen_ai.response.id"] });
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_fails_its_span() {
    let error = ModelError::Connection { message: "gone".into() };
    let reply = Reply::chunks(["ha", "lf"]).then_error(error.clone());
    let model = TracedModel::new(ScriptedModel::new("scripted", [reply]));
    let (request, capture) = (request(), Capture::new());
    let pieces: Vec<_> = capture.run_async(model.stream(&request).collect()).await;
    assert_eq!(pieces.last(), Some(&Err(error)));
    assert_span_tree!(capture.spans_async().await, {
        llm "scripted" [error "connection", "error.message" ~ "gone"]
    });
}

/// A model that ends its stream without a final chunk, or cannot stream at all.
struct Odd {
    streams: bool,
}

#[async_trait::async_trait]
impl Model for Odd {
    fn name(&self) -> &'static str {
        "odd"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        ScriptedModel::new("odd", [Reply::call("search", json!({"q": 1}))]).respond(request).await
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        if self.streams {
            return stream::empty().boxed();
        }
        let whole = self
            .respond(request)
            .map(|answer| answer.map(|whole| ModelChunk::Done(Box::new(whole))));
        stream::once(whole).boxed()
    }
}

#[tokio::test]
async fn a_stream_without_an_end_is_an_error() {
    let model = TracedModel::new(Odd { streams: true });
    let (request, capture) = (request(), Capture::new());
    let pieces: Vec<_> = capture.run_async(model.stream(&request).collect()).await;
    assert!(matches!(&pieces[..], [Err(ModelError::Malformed { .. })]), "{pieces:?}");
    assert_span_tree!(capture.spans_async().await, { llm "odd" [error "malformed"] });
}

/// A model that implements only the required methods.
struct Plain;

#[async_trait::async_trait]
impl Model for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        Odd { streams: false }.respond(request).await
    }
}

#[tokio::test]
async fn a_model_that_cannot_stream_answers_at_once() {
    let model: Arc<dyn Model> = Arc::new(Plain);
    let model = TracedModel::new(model);
    let (request, capture) = (request(), Capture::new());
    let pieces: Vec<_> = capture.run_async(model.stream(&request).collect()).await;
    let [Ok(ModelChunk::ToolCall(call)), Ok(ModelChunk::Done(whole))] = &pieces[..] else {
        panic!("{pieces:?}")
    };
    assert_eq!(call.arguments, whole.message.tool_calls().next().unwrap().arguments);
    assert_span_tree!(capture.spans_async().await, {
        llm "plain" [ok, "gen_ai.response.finish_reasons" = ["tool_calls"]]
    });
}

#[tokio::test(start_paused = true)]
async fn delays_grow_and_follow_retry_after() {
    let asked = Some(Duration::from_secs(30));
    let replies = [busy(None), busy(None), busy(asked), Reply::text("at last")];
    let first = Duration::from_secs(1);
    let policy = RetryPolicy::new(3).with_delays(first, first * 8);
    let model = RetryingModel::new(ScriptedModel::new("scripted", replies), policy);
    let (model, capture) = (TracedModel::new(model), Capture::new());
    capture.run_async(model.respond(&request())).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        llm "scripted" [
            ok,
            "retry.count" = 3,
            event "retry" ["retry.attempt" = 1, "retry.delay_ms" < 2000.0],
            event "retry" ["retry.attempt" = 2, "retry.delay_ms" >= 2000.0],
            event "retry" ["retry.attempt" = 3, "retry.delay_ms" = 30000.0]
        ]
    });
}

/// A server that takes all the time that a call allows.
#[derive(Default)]
struct Hangs(AtomicU32);

#[async_trait]
impl Model for Hangs {
    fn name(&self) -> &'static str {
        "hangs"
    }

    async fn respond(&self, _: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let after = Duration::from_secs(120);
        tokio::time::sleep(after).await;
        Err(ModelError::Timeout { after })
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_costs_one_timeout_unless_the_policy_allows_more() {
    for (policy, attempts) in [
        (RetryPolicy::new(2), 1),
        (RetryPolicy::new(2).with_max_elapsed(Duration::from_secs(1_000)), 3),
        (RetryPolicy::new(2).with_max_elapsed(Duration::from_secs(200)), 2),
    ] {
        let model = Arc::new(Hangs::default());
        let retrying = RetryingModel::new(Arc::clone(&model), policy);
        let error = retrying.respond(&request()).await.unwrap_err();
        assert_eq!((error.kind(), error.tries()), ("timeout", attempts));
        assert_eq!(model.0.load(Ordering::Relaxed), attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn l2_a_call_dropped_before_its_retry_is_cancelled() {
    let model = ScriptedModel::from_fn("scripted", |_: &ModelRequest| busy(None));
    let model = TracedModel::new(RetryingModel::new(model, RetryPolicy::default()));
    let (request, capture) = (request(), Capture::new());
    let limit = Duration::from_millis(1);
    let call = tokio::time::timeout(limit, model.respond(&request));
    assert!(capture.run_async(call).await.is_err());
    assert_span_tree!(capture.spans_async().await, {
        llm "scripted" [cancelled, event "retry" x 1]
    });
}

#[tokio::test(start_paused = true)]
async fn a5_a_retry_event_omits_the_server_s_message() {
    let mut limits = SpanLimits::default();
    limits.include_content = false;
    let capture = Capture::with(|builder| builder.limits(limits));
    let model = ScriptedModel::from_fn("scripted", |_: &ModelRequest| busy(None));
    let model = TracedModel::new(RetryingModel::new(model, RetryPolicy::default()));
    capture.run_async(model.respond(&request())).await.unwrap_err();
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, { llm "scripted" [error "rate_limited", event "retry" x 2] });
    for span in &spans {
        let said = format!("{span:?} {:?}", span.events().collect::<Vec<_>>());
        assert!(!said.contains("classified"), "{said}");
    }
}

#[test]
fn without_a_runtime_nothing_is_retried() {
    let model = ScriptedModel::from_fn("scripted", |_: &ModelRequest| busy(None));
    let model = RetryingModel::new(model, RetryPolicy::default());
    let answer = model.respond(&request()).now_or_never();
    assert!(matches!(answer, Some(Err(ModelError::RateLimited { .. }))));
}
