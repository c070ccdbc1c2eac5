//! A workflow that is dropped at any of its awaits leaves a coherent trace.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

mod common;

use async_trait::async_trait;
use common::Text;
use futures::{FutureExt as _, future::poll_fn};
use raaf_agents::{
    Agent, FunctionTool, Message, Model, ModelError, ModelRequest, ModelResponse, Pipeline, State,
    ToolCall, service,
};
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use raaf_trace_core::{Context, Status};
use serde_json::json;
use std::task::Poll;

/// A model that calls two tools and then answers, and yields to other tasks each time.
struct Hesitant;

#[async_trait]
impl Model for Hesitant {
    fn name(&self) -> &str {
        "hesitant"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        tokio::task::yield_now().await;
        let call = || ToolCall::new("same id", "slow", &json!({"text": "a"}));
        let message = if request.messages.len() > 1 {
            Message::assistant("done")
        } else {
            Message::calls([call(), call()])
        };
        Ok(ModelResponse::new(message))
    }
}

fn workflow() -> Pipeline {
    let inner = Agent::builder("Inner", Hesitant).tool(slow()).build();
    let consult = FunctionTool::new("slow", "Asks another agent.", move |Text { text }: Text| {
        let inner = inner.clone();
        async move {
            tokio::task::yield_now().await;
            inner.run(text).await.map(|result| result.output)
        }
    });
    let outer = Agent::builder("Outer", Hesitant).tool(consult).build();
    let pause = service("Pause", |state: State| async move {
        tokio::task::yield_now().await;
        Ok(state)
    });
    let nested =
        Pipeline::builder("Nested").then(pause).then(outer.reads("input")).build().unwrap();
    // The same agent and the same pipeline, twice at once.
    Pipeline::builder("Whole").parallel([nested.clone(), nested]).build().unwrap()
}

fn slow() -> FunctionTool {
    FunctionTool::infallible("slow", "Takes a while.", |Text { text }: Text| async move {
        tokio::task::yield_now().await;
        text
    })
}

#[tokio::test]
async fn l2_a_workflow_dropped_at_any_await_leaves_a_coherent_trace() {
    let pipeline = workflow();
    let mut polls = 1;
    loop {
        let capture = Capture::new();
        let state = State::new().with("input", "go");
        let mut run = Box::pin(capture.run_async(pipeline.run(state)));
        let mut result = None;
        for _ in 0..polls {
            result = poll_fn(|context| Poll::Ready(run.poll_unpin(context)))
                .await
                .is_ready()
                .then_some(());
            if result.is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(run);
        assert_eq!(Context::current().trace_id(), None);
        let spans = capture.spans_async().await;
        assert_coherent!(spans);
        if result.is_some() {
            assert_eq!(spans.by_status(Status::Ok).count(), spans.len());
            assert_span_tree!(spans, {
                pipeline "Whole" {
                    pipeline "Nested" {
                        component "Pause"
                        agent "Outer" {
                            llm "hesitant"
                            tool "slow" {
                                agent "Inner" { llm "hesitant"  tool "slow" x 2  llm "hesitant" }
                            } x 2
                            llm "hesitant"
                        }
                    } x 2
                }
            });
            break;
        }
        assert_span_tree!(spans, pipeline "Whole" [cancelled] { .. });
        assert!(spans.iter().all(|span| matches!(span.status(), Status::Cancelled | Status::Ok)));
        polls += 1;
    }
    assert!(polls > 5, "the workflow waits often: {polls}");
}
