//! Hooks around model calls.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod common;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use raaf_agents::{
    Agent, ModelRequest, ModelResponse, Reply, RunConfig, RunContext, RunHooks, Runner,
    ScriptedModel,
};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::current_span;
use serde_json::json;

use common::shout;

#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, said: &str) {
        // A hook runs in its agent's span, beside the model's.
        let span = current_span().unwrap();
        self.0.lock().unwrap().push(format!("{}: {said}", span.component_name()));
    }
}

#[async_trait]
impl RunHooks for Diary {
    async fn model_asked(&self, context: &RunContext, agent: &Agent, request: &ModelRequest) {
        let (turn, messages) = (context.turn(), request.messages.len());
        self.note(&format!("{} asks in turn {turn} after {messages}", agent.name()));
    }

    async fn model_answered(&self, context: &RunContext, _: &Agent, answer: &ModelResponse) {
        let (calls, output) = (answer.message.tool_calls().count(), context.usage().output_tokens);
        self.note(&format!("{calls} calls, {output} tokens so far"));
    }
}

#[tokio::test]
async fn hooks_are_called_before_and_after_model_calls() {
    let capture = Capture::new();
    let diary = Diary::default();
    let replies = [
        Reply::call("shout", json!({"text": "hm"})),
        Reply::text("done"),
        Reply::error(raaf_agents::ModelError::other("broken")),
    ];
    let agent =
        Agent::builder("Tester", ScriptedModel::new("scripted", replies)).tool(shout()).build();
    let runner = Runner::new().with_config(RunConfig::new().hooks(diary.clone()));
    let usage = capture.run_async(runner.run(&agent, "go")).await.unwrap().usage;
    assert!(capture.run_async(runner.run(&agent, "go")).await.is_err());
    let said = diary.0.lock().unwrap().clone();
    let total = usage.output_tokens;
    assert_eq!(said.len(), 5, "of a call that failed it hears once: {said:?}");
    assert_eq!(said[0], "Tester: Tester asks in turn 1 after 1");
    assert!(said[1].starts_with("Tester: 1 calls, "), "{said:?}");
    assert_eq!(said[2], "Tester: Tester asks in turn 2 after 3");
    assert_eq!(said[3], format!("Tester: 0 calls, {total} tokens so far"));
    assert_eq!(said[4], "Tester: Tester asks in turn 1 after 1");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [ok] { agent "Tester" { llm * [ok] tool "shout" llm * [ok] } }
        runner "Runner" [error] { agent "Tester" { llm * [error] } }
    });
}
