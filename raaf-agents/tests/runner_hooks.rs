//! Hooks around model calls.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod common;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use raaf_agents::{
    Agent, FunctionTool, HostedTool, Message, ModelRequest, ModelResponse, Reply, RunConfig,
    RunContext, RunErrorKind, RunHooks, Runner, ScriptedModel, TrimHistory,
};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::current_span;
use schemars::JsonSchema;
use serde::Deserialize;
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

#[tokio::test]
async fn trimming_leaves_all_but_the_messages_as_it_was() {
    let offered = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        let kinds: Vec<_> = request.hosted_tools.iter().map(HostedTool::kind).collect();
        format!("{} {kinds:?}", request.messages.len())
    });
    let agent = Agent::builder("Tester", offered)
        .hosted_tool(HostedTool::web_search())
        .hooks(TrimHistory::to_messages(1))
        .build();
    let history: Vec<_> = ["one", "two"].map(Message::user).into();
    assert_eq!(agent.run(history).await.unwrap().output, "1 [\"web_search\"]");
}

#[derive(Deserialize, JsonSchema)]
#[allow(dead_code, reason = "only its schema counts")]
struct Height {
    metres: u32,
}

#[tokio::test]
async fn an_answer_of_another_type_in_the_last_turn_is_the_failure() {
    let replies = [Reply::call("shout", json!({"text": "hi"})), Reply::text("tall")];
    let model = ScriptedModel::new("scripted", replies);
    let agent = Agent::builder("Tester", model).tool(shout()).output_type::<Height>().build();
    let runner = Runner::new().with_max_turns(1).with_answer_at_max_turns(true);
    let error = runner.run(&agent, "go").await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Output { .. }), "{error:?}");
    assert_eq!(error.progress.messages.last().unwrap().text(), "tall");
}

#[tokio::test]
async fn a_final_result_is_typed_if_it_matches() {
    for (result, typed) in [("tall", false), ("{\"metres\":3}", true)] {
        let tool =
            FunctionTool::infallible("measure", "Measures.", move |(): ()| async move { result });
        let model = ScriptedModel::new("scripted", [Reply::call("measure", json!({}))]);
        let agent = Agent::builder("Tester", model).tool(tool.with_final_result());
        let result = agent.output_type::<Height>().build().run("go").await.unwrap();
        assert_eq!(result.typed, typed, "{}", result.output);
    }
}
