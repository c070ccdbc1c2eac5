//! Detection of tasks of a tool that were spawned without its context.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

use raaf_agents::{Agent, FunctionTool, Reply, ScriptedModel};
use raaf_testkit::Capture;
use raaf_trace_core::{Component, Traceable as _};
use serde_json::{Value as Json, json};

#[tokio::test]
async fn a_bare_task_of_a_tool_is_counted_without_a_feature_of_the_program() {
    let capture = Capture::new();
    let worker = Component::tool("Worker").with_provider(capture.provider());
    let index = FunctionTool::infallible("index", "Indexes.", move |arguments: Json| {
        let worker = worker.clone();
        async move {
            tokio::spawn(async move { worker.in_span("run", || ()) }).await.unwrap();
            arguments
        }
    });
    let replies = [Reply::call("index", json!({})), Reply::text("done")];
    let agent = Agent::builder("Clerk", ScriptedModel::new("scripted", replies)).tool(index);
    let answer = capture.run_async(agent.build().run("index it")).await;
    assert_eq!(answer.unwrap().output, "done");
    assert_eq!(capture.provider().stats().stray_roots, 1);
}
