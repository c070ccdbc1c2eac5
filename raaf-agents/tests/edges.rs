//! What models, servers and names do at the edges.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod common;

use std::{future, time::Duration};

use async_trait::async_trait;
use raaf_agents::{
    Agent, FunctionTool, Handoff, Message, ModelRequest, ModelSettings, Reply, RunConfig, RunError,
    Runner, ScriptedModel, Session, SessionError, Tool as _, ToolChoice,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};

use common::shout;

/// Calls a tool as long as it has to, as real models do.
fn obedient() -> ScriptedModel {
    ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        match request.settings.tool_choice {
            Some(ToolChoice::Required | ToolChoice::Tool(_)) => {
                Reply::call("shout", json!({"text": "hm"}))
            }
            _ => Reply::text("done"),
        }
    })
}

#[tokio::test]
async fn a_model_that_has_to_call_a_tool_may_answer_afterwards() {
    for choice in [ToolChoice::Required, ToolChoice::Tool("shout".to_owned())] {
        let mut settings = ModelSettings::default();
        settings.tool_choice = Some(choice);
        let agent = Agent::builder("A", obedient()).settings(settings).tool(shout()).build();
        let result = agent.run("go").await.unwrap();
        assert_eq!((&*result.output, result.turns), ("done", 2));
    }
}

