//! Runs that wait for a person, and go on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

#[path = "../common/mod.rs"]
mod common;
mod course;
mod decisions;
mod inner;
#[path = "../ran/mod.rs"]
mod ran;
mod sessions;
mod states;
mod streams;

use async_trait::async_trait;
use raaf_agents::{
    Agent, Approval, FunctionTool, Message, Model, ModelError, ModelRequest, ModelResponse,
    RunError, RunState, Runner, ToolCall,
};
use serde_json::{Value as Json, json};

use common::Text;
use ran::Ran;

impl Ran {
    fn tool(&self, name: &'static str) -> FunctionTool {
        let ran = self.clone();
        FunctionTool::infallible(name, "Does it.", move |args: Text| {
            ran.add(format!("{name} {}", args.text));
            async move { format!("{name} did {}", args.text) }
        })
    }
}

fn text(text: &str) -> Json {
    json!({ "text": text })
}

fn call(id: &str, tool: &str, argument: &str) -> ToolCall {
    ToolCall::new(id, tool, &text(argument))
}

/// A model that says what the function makes of the messages.
struct Saying<F>(F);

#[async_trait]
impl<F: Fn(&[Message]) -> Message + Send + Sync> Model for Saying<F> {
    fn name(&self) -> &str {
        "scripted"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        Ok(ModelResponse::new((self.0)(&request.messages)))
    }
}

/// A model that makes these calls first, and then answers with the results.
fn model(calls: Vec<ToolCall>) -> impl Model + 'static {
    Saying(move |messages: &[Message]| {
        let results: Vec<_> = messages.iter().flat_map(Message::tool_results).collect();
        if results.is_empty() {
            return Message::calls(calls.clone());
        }
        let texts: Vec<_> = results.iter().map(|result| result.text()).collect();
        Message::assistant(texts.join("; "))
    })
}

/// The state as another process has it.
fn stored(error: RunError) -> RunState {
    let state = error.into_state().unwrap();
    let json = serde_json::to_string(&state).unwrap();
    let read: RunState = serde_json::from_str(&json).unwrap();
    assert_eq!(read, state, "{json}");
    read
}

fn key_of(state: &RunState, argument: &str) -> String {
    let pending = state.pending();
    pending.iter().find(|call| call.call.arguments.contains(argument)).unwrap().key.clone()
}

fn approve_first(state: &mut RunState) {
    let key = state.pending()[0].key.clone();
    state.approve(&key).unwrap();
}

/// An agent that notes something, and deletes something if it may.
fn cleaner(ran: &Ran) -> Agent {
    Agent::builder("Cleaner", model(vec![call("1", "note", "a"), call("2", "delete", "b")]))
        .tool(ran.tool("note"))
        .tool(ran.tool("delete").with_approval(Approval::always()))
        .build()
}

/// An agent whose tool is an agent, whose tool is an agent that needs an approval; as it does itself.
fn nested(ran: &Ran) -> Agent {
    let worker =
        Agent::builder("Worker", model(vec![call("0", "look", "x"), call("1", "write", "x")]))
            .tool(ran.tool("look"))
            .tool(ran.tool("write").with_approval(Approval::always()))
            .build();
    let middle =
        Agent::builder("Middle", model(vec![ToolCall::new("0", "work", &json!({"input": "do"}))]))
            .tool(worker.as_tool("work", "Works."))
            .build();
    let calls = vec![
        ToolCall::new("0", "ask", &json!({"input": "please"})),
        call("1", "note", "y"),
        call("2", "write", "z"),
    ];
    Agent::builder("Top", model(calls))
        .tool(middle.as_tool("ask", "Asks."))
        .tool(ran.tool("note"))
        .tool(ran.tool("write").with_approval(Approval::always()))
        .build()
}

fn refunding(ran: &Ran) -> Agent {
    Agent::builder("Support", model(vec![call("1", "refund", "s3cret")]))
        .tool(ran.tool("refund").with_approval(Approval::always()))
        .build()
}

async fn paused_and_approved(runner: &Runner, agent: &Agent) -> RunState {
    let mut state = stored(runner.run(agent, "go").await.unwrap_err());
    approve_first(&mut state);
    state
}
