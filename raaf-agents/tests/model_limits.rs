//! Limits of calls that agents share.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _, future};
use raaf_agents::{
    Agent, CallLimits, LimitedModel, Message, Model, ModelChunk, ModelError, ModelRequest,
    ModelResponse, Reply, RetryPolicy, RetryingModel, ScriptedModel, TracedModel,
};
use raaf_testkit::{Capture, assert_span_tree};
use tokio::{sync::Semaphore, time::Instant};

const MINUTE: Duration = Duration::from_secs(60);

fn request() -> ModelRequest {
    ModelRequest::new([Message::user("go on")])
}

/// A model that takes a second.
fn slow() -> ScriptedModel {
    ScriptedModel::from_fn("slow", |_: &ModelRequest| {
        Reply::text("one two").after(Duration::from_secs(1))
    })
}

fn quick() -> ScriptedModel {
    ScriptedModel::from_fn("quick", |_: &ModelRequest| Reply::text("yes"))
}

#[tokio::test(start_paused = true)]
async fn clones_share_the_limit_of_concurrent_calls() {
    let model = LimitedModel::new(slow(), CallLimits::new().with_max_concurrent(2));
    let (request, began) = (request(), Instant::now());
    let calls = (0..5).map(|_| {
        let (model, request) = (model.clone(), &request);
        async move {
            model.respond(request).await.unwrap();
            began.elapsed().as_secs()
        }
    });
    assert_eq!(future::join_all(calls).await, [1, 1, 2, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn models_with_the_same_limits_share_them() {
    let limits = CallLimits::new().with_max_concurrent(1);
    let first = LimitedModel::new(slow(), limits.clone());
    let second = LimitedModel::new(slow(), limits);
    let (request, began) = (request(), Instant::now());
    let (one, two) = future::join(first.respond(&request), second.respond(&request)).await;
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_period_has_more_calls_than_its_limit() {
    let model = LimitedModel::new(quick(), CallLimits::new().with_max_calls(2, MINUTE));
    let (request, began) = (request(), Instant::now());
    let call = || async {
        model.respond(&request).await.unwrap();
        began.elapsed().as_secs()
    };
    assert_eq!(call().await, 0);
    tokio::time::advance(MINUTE / 2).await;
    // A period begins with any call: of the fourth, it began with the second.
    assert_eq!(future::join_all([call(), call(), call(), call()]).await, [30, 60, 90, 120]);
    tokio::time::advance(10 * MINUTE).await;
    assert_eq!(future::join_all([call(), call(), call()]).await, [720, 720, 780]);
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_on_the_span_of_each_agent_that_waits() {
    let limits = CallLimits::new().with_max_concurrent(1).with_max_calls(1, MINUTE);
    let model = LimitedModel::new(slow(), limits);
    let first = Agent::builder("First", model.clone()).build();
    let second = Agent::builder("Second", model).build();
    let capture = Capture::new();
    let runs = future::join(first.run("Hi!"), second.run("Hi!"));
    let (one, two) = capture.run_async(runs).await;
    assert!(one.is_ok() && two.is_ok());
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "First" {
                llm "slow" [ok, !event "limit.wait", !"limit.wait_ms"]
            }
        }
        runner "Runner" {
            agent "Second" {
                llm "slow" [
                    ok,
                    "limit.wait_ms" = 60_000.0,
                    event "limit.wait" ["limit.reason" = "concurrency"],
                    event "limit.wait" ["limit.reason" = "rate"]
                ]
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn the_waits_of_all_attempts_add_up() {
    let busy = || {
        Reply::error(ModelError::RateLimited {
            message: "slow down".into(),
            retry_after: Some(Duration::ZERO),
        })
    };
    let script = ScriptedModel::new("scripted", [busy(), busy(), Reply::text("yes")]);
    let limited = LimitedModel::new(script, CallLimits::new().with_max_calls(1, MINUTE / 6));
    let model = TracedModel::new(RetryingModel::new(limited, RetryPolicy::new(2)));
    let capture = Capture::new();
    capture.run_async(model.respond(&request())).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        llm "scripted" [ok, "limit.wait_ms" = 20_000.0, event "limit.wait" x 2]
    });
}

#[tokio::test(start_paused = true)]
async fn a_stream_holds_its_permit_until_it_ends_or_is_dropped() {
    let model = LimitedModel::new(quick(), CallLimits::new().with_max_concurrent(1));
    let request = request();
    let mut stream = model.stream(&request);
    let mut next = model.respond(&request);
    assert!(matches!(stream.next().await, Some(Ok(ModelChunk::Text(_)))));
    assert!((&mut next).now_or_never().is_none());
    assert!(matches!(stream.next().await, Some(Ok(ModelChunk::Done(_)))));
    // The stream is still there.
    assert!(next.await.is_ok());
    assert!(stream.next().await.is_none());

    let mut dropped = model.stream(&request);
    assert!(dropped.next().await.is_some());
    let mut next = model.respond(&request);
    assert!((&mut next).now_or_never().is_none());
    drop(dropped);
    assert!(next.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stream_waits_within_its_span() {
    let limits = CallLimits::new().with_max_calls(1, MINUTE);
    let model = TracedModel::new(LimitedModel::new(quick(), limits));
    let (request, capture) = (request(), Capture::new());
    model.respond(&request).await.unwrap();
    let chunks: Vec<_> = capture.run_async(model.stream(&request).collect()).await;
    assert!(matches!(chunks.last(), Some(Ok(ModelChunk::Done(_)))), "{chunks:?}");
    assert_span_tree!(capture.spans_async().await, {
        llm "quick" [ok, "limit.wait_ms" = 60_000.0, event "limit.wait" ["limit.reason" = "rate"]]
    });
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cancelled_while_it_waits_takes_nothing() {
    let limits = CallLimits::new().with_max_concurrent(1).with_max_calls(1, MINUTE);
    let model = TracedModel::new(LimitedModel::new(quick(), limits));
    let (request, capture, began) = (request(), Capture::new(), Instant::now());
    model.respond(&request).await.unwrap();
    let cancelled = tokio::time::timeout(MINUTE / 4, model.respond(&request));
    assert!(capture.run_async(cancelled).await.is_err());
    assert_span_tree!(capture.spans_async().await, {
        llm "quick" [cancelled, "limit.wait_ms" = 15_000.0, event "limit.wait"]
    });
    model.respond(&request).await.unwrap();
    assert_eq!(began.elapsed(), MINUTE);
}

/// Writes down who was asked, and answers when it is let.
struct Gate {
    asked: std::sync::Mutex<Vec<String>>,
    open: Semaphore,
}

#[async_trait]
impl Model for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.asked.lock().unwrap().push(request.last_user_text().into_owned());
        self.open.acquire().await.unwrap().forget();
        Ok(ModelResponse::new(Message::assistant("yes")))
    }
}

#[tokio::test]
async fn calls_begin_in_the_order_in_which_they_came() {
    let gate = Arc::new(Gate { asked: std::sync::Mutex::default(), open: Semaphore::new(0) });
    let limits = CallLimits::new().with_max_concurrent(1);
    let model = LimitedModel::new(Arc::clone(&gate), limits);
    let requests = ["a", "b", "c", "d"].map(|word| ModelRequest::new([Message::user(word)]));
    let mut calls: Vec<_> = requests.iter().map(|request| Some(model.respond(request))).collect();
    for call in calls.iter_mut().flatten() {
        assert!(call.now_or_never().is_none());
    }
    // One that gives up lets the others move up.
    calls[1] = None;
    gate.open.add_permits(3);
    let latest_first = calls.into_iter().rev().flatten();
    future::join_all(latest_first).await;
    assert_eq!(*gate.asked.lock().unwrap(), ["a", "c", "d"]);
}

#[test]
fn a_wait_without_a_runtime_is_an_error_and_no_panic() {
    let model = LimitedModel::new(quick(), CallLimits::new().with_max_calls(1, MINUTE));
    let call = || model.respond(&request()).now_or_never().unwrap();
    assert!(call().is_ok());
    assert!(call().unwrap_err().to_string().contains("tokio runtime"));
}
