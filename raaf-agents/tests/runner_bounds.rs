//! Runs at their bounds: limits, the last turn, interrupted sessions, and conversations that hooks and
//! filters have cut.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

mod common;

use std::{
    future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use common::{endless, shout};
use raaf_agents::{
    Agent, CancellationToken, FinishReason, FunctionTool, Guardrail, Handoff, InputFilter, Limits,
    Message, MismatchAction, Model, ModelAction, ModelError, ModelRequest, ModelResponse,
    OutputSchema, Reply, ResponseAction, RunConfig, RunContext, RunErrorKind, RunHooks, Runner,
    ScriptedModel, Session, SessionError, ToolAction, ToolCall, ToolGuardrail, ToolResult, Verdict,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::json;

/// A tool that counts its calls.
fn counted() -> (FunctionTool, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let tool = FunctionTool::infallible("count", "Counts.", move |_: serde_json::Value| {
        count.fetch_add(1, Ordering::Relaxed);
        async { "counted" }
    });
    (tool, calls)
}

#[tokio::test(start_paused = true)]
async fn agents_that_run_side_by_side_share_a_limit_of_requests() {
    // Each waits for its model while the others begin.
    let tools = ["a", "b", "c"].map(|name| {
        let model = ScriptedModel::new("inner", [Reply::text("yes").after(Duration::from_secs(1))]);
        Agent::builder(name, model).build().as_tool(name, "Asks.")
    });
    let calls = ["a", "b", "c"].map(|name| (name, json!({"input": "hi"})));
    let replies = [Reply::calls(calls), Reply::text("done")];
    let outer = Agent::builder("Outer", ScriptedModel::new("outer", replies)).tools(tools).build();
    let config = RunConfig::new().limits(Limits::new().requests(3));
    let runner = Runner::new().with_config(config);
    let error = Capture::new().run_async(runner.run(&outer, "go")).await.unwrap_err();
    assert_eq!(error.progress.usage.requests, 3, "{error}");
    assert!(matches!(error.kind, RunErrorKind::Limit { what: "requests", max: 3, used: 3 }));
}

#[tokio::test]
async fn limits_include_agents_called_as_tools() {
    let calls = |_: &ModelRequest| Reply::call("shout", json!({"text": "hi"}));
    let inner =
        Agent::builder("Inner", ScriptedModel::from_fn("scripted", calls)).tool(shout()).build();
    let replies = [Reply::call("ask", json!({"input": "go"})), Reply::text("done")];
    let outer = Agent::builder("Outer", ScriptedModel::new("scripted", replies))
        .tool(inner.as_tool("ask", "Asks."))
        .build();
    let config = RunConfig::new().limits(Limits::new().requests(3));
    let error = Runner::new().with_config(config).run(&outer, "go").await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Limit { what: "requests", max: 3, used: 3 }));
    assert_eq!(error.agent, "Outer");
}

/// Stops before each model call.
struct Stopping;

#[async_trait]
impl RunHooks for Stopping {
    async fn before_model(&self, _: &RunContext, _: &Agent, _: &ModelRequest) -> ModelAction {
        ModelAction::Stop("no".to_owned())
    }
}

#[tokio::test]
async fn a_model_call_that_a_hook_prevents_does_not_count() {
    let inner = Agent::builder("Inner", ScriptedModel::new("inner", ["no"])).hooks(Stopping);
    let replies = [Reply::call("ask", json!({"input": "hi"})), Reply::text("done")];
    let outer = Agent::builder("Outer", ScriptedModel::new("outer", replies));
    let outer = outer.tool(inner.build().as_tool("ask", "Asks.")).build();
    let config = RunConfig::new().limits(Limits::new().requests(2));
    let runner = Runner::new().with_config(config);
    let result = Capture::new().run_async(runner.run(&outer, "go")).await.unwrap();
    assert_eq!((&*result.output, result.usage.requests), ("done", 2));
}

#[tokio::test]
async fn a_handoff_is_not_one_of_the_tool_calls_of_a_limit() {
    let (tool, calls) = counted();
    let last = Agent::builder("Last", ScriptedModel::new("scripted", ["done"])).build();
    let both = Reply::calls([("count", json!({})), ("transfer_to_last", json!({}))]);
    let first = Agent::builder("First", ScriptedModel::new("scripted", [both]));
    let first = first.tool(tool).handoff(last).build();
    let config = RunConfig::new().limits(Limits::new().tool_calls(1));
    let runner = Runner::new().with_config(config);
    let result = Capture::new().run_async(runner.run(&first, "go")).await.unwrap();
    assert_eq!((&*result.output, calls.load(Ordering::Relaxed)), ("done", 1));
}

#[tokio::test]
async fn tools_are_not_run_in_a_last_turn_without_tools() {
    let (tool, calls) = counted();
    let replies = [Reply::call("count", json!({})), Reply::call("count", json!({}))];
    let agent = Agent::builder("A", ScriptedModel::new("scripted", replies)).tool(tool).build();
    let runner = Runner::new().with_max_turns(1).with_answer_at_max_turns(true);
    let capture = Capture::new();
    let error = capture.run_async(runner.run(&agent, "go")).await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::MaxTurns { max_turns: 1 }));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let last = error.progress.messages.last().unwrap();
    assert!(last.text().contains("was not run"), "{last:?}");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error "max_turns"] {
            agent "A" [error "max_turns"] { llm * tool "count" llm * }
        }
    });
}

/// A model that gives these responses, the last first.
struct Says(Mutex<Vec<ModelResponse>>);

#[async_trait]
impl Model for Says {
    fn name(&self) -> &str {
        "says"
    }

    async fn respond(&self, _: &ModelRequest) -> Result<ModelResponse, ModelError> {
        Ok(self.0.lock().unwrap().pop().unwrap())
    }
}

/// Rejects the first response.
struct Rejecting(Mutex<Option<ResponseAction>>);

#[async_trait]
impl RunHooks for Rejecting {
    async fn after_model(&self, _: &RunContext, _: &Agent, _: &ModelResponse) -> ResponseAction {
        self.0.lock().unwrap().take().unwrap_or_default()
    }
}

#[tokio::test]
async fn a_rejected_response_leaves_a_valid_conversation() {
    let calls = [
        ToolCall::from_text("x", "get weather!", "{\"a\":"),
        ToolCall::from_text("x", "get weather!", "[]"),
    ];
    for action in [ResponseAction::Retry("again".to_owned()), ResponseAction::Stop("no".to_owned())]
    {
        let bad = ModelResponse::new(Message::calls(calls.clone()));
        let good = ModelResponse::new(Message::assistant("done"));
        let model = Says(Mutex::new(vec![good, bad]));
        let hooks = Rejecting(Mutex::new(Some(action)));
        let agent = Agent::builder("A", model).hooks(hooks).build();
        let messages = match Capture::new().run_async(agent.run("go")).await {
            Ok(result) => result.messages,
            Err(error) => error.progress.messages,
        };
        let sent: Vec<_> = messages[1].tool_calls().collect();
        assert_eq!(sent.len(), 2, "what the model said is kept");
        assert_ne!(sent[0].id, sent[1].id);
        assert!(sent.iter().all(|call| call.arguments == "{}" && call.name == "get_weather_"));
        let answered: Vec<_> = messages[2..4].iter().flat_map(Message::tool_results).collect();
        assert_eq!([&answered[0].call_id, &answered[1].call_id], [&sent[0].id, &sent[1].id]);
    }
}

/// Messages that a model received.
type Seen = Arc<Mutex<Vec<Message>>>;

fn seeing(replies: Vec<Reply>) -> (ScriptedModel, Seen) {
    let (replies, seen) = (Mutex::new(replies.into_iter()), Seen::default());
    let last = Arc::clone(&seen);
    let model = ScriptedModel::from_fn("scripted", move |request: &ModelRequest| {
        last.lock().unwrap().clone_from(&request.messages);
        replies.lock().unwrap().next().unwrap_or_else(|| Reply::text("done"))
    });
    (model, seen)
}

fn counts_match(messages: &[Message]) -> bool {
    let calls = messages.iter().flat_map(Message::tool_calls).count();
    calls == messages.iter().flat_map(Message::tool_results).count()
}

#[tokio::test]
async fn a_filter_that_splits_a_call_from_its_result_is_repaired() {
    // Each drops the results.
    let cut = |mut messages: Vec<Message>| {
        messages.retain(|message| message.tool_results().next().is_none());
        messages
    };
    let shouts = || Reply::call("shout", json!({"text": "hi"}));
    let (model, seen) = seeing(vec![shouts()]);
    let agent = Agent::builder("A", model).tool(shout());
    let agent = agent.hooks(InputFilter::new(move |_, messages| cut(messages))).build();
    let capture = Capture::new();
    capture.run_async(agent.run("go")).await.unwrap();
    assert!(counts_match(&seen.lock().unwrap()), "{seen:?}");
    let spans = capture.spans_async().await;
    let events: Vec<_> = spans.iter().flat_map(|span| span.events()).collect();
    assert!(events.iter().any(|event| event.name() == "conversation.repaired"));

    let (model, seen) = seeing(Vec::new());
    let last = Agent::builder("Last", model).build();
    let replies = [shouts(), Reply::call("transfer_to_last", json!({}))];
    let first = Agent::builder("First", ScriptedModel::new("scripted", replies)).tool(shout());
    let first = first.handoff(Handoff::to(&last).input_filter(cut)).build();
    let result = Capture::new().run_async(first.run("go")).await.unwrap();
    assert!(counts_match(&seen.lock().unwrap()), "{seen:?}");
    assert!(counts_match(&result.messages));
}

/// Replaces the answer.
struct Correcting;

#[async_trait]
impl RunHooks for Correcting {
    async fn on_mismatch(&self, _: &RunContext, _: &Agent, _: &str, _: &str) -> MismatchAction {
        MismatchAction::Answer("7".to_owned())
    }
}

#[tokio::test]
async fn an_answer_that_a_hook_gives_is_in_the_conversation() {
    let agent = Agent::builder("A", ScriptedModel::new("scripted", ["seven"]))
        .output_schema(OutputSchema::new("number", json!({"type": "integer"})))
        .hooks(Correcting)
        .build();
    let result = Capture::new().run_async(agent.run("go")).await.unwrap();
    assert_eq!((&*result.output, &*result.messages[1].text()), ("7", "7"));
}

/// Completes the arguments of a call that was cut off.
struct Completing;

#[async_trait]
impl RunHooks for Completing {
    async fn before_tool(&self, _: &RunContext, _: &Agent, _: &ToolCall) -> ToolAction {
        ToolAction::Replace(json!({"text": "whole"}))
    }
}

#[tokio::test]
async fn a_cut_call_that_a_hook_completes_is_run() {
    let cut = Reply::raw_call("shout", "{\"text\":\"who").with_finish_reason(FinishReason::Length);
    let (model, _) = seeing(vec![cut]);
    let agent = Agent::builder("A", model).tool(shout()).hooks(Completing).build();
    let result = Capture::new().run_async(agent.run("go")).await.unwrap();
    assert_eq!(result.messages[2].text(), "WHOLE");
}

#[tokio::test]
async fn a_guardrail_of_arguments_sees_them_as_the_tool_does() {
    let no_drop = Guardrail::new("no_drop", |arguments: String| async move {
        Verdict::trip_if(arguments.contains("DROP"), "tables stay")
    });
    for arguments in ["{\"text\":\"DR\\u004fP\"}", "{\"text\":\"safe\",\"text\":\"DROP\"}"] {
        let (model, _) = seeing(vec![Reply::raw_call("shout", arguments)]);
        let guardrail = ToolGuardrail::arguments(no_drop.clone());
        let agent = Agent::builder("A", model).tool(shout()).hooks(guardrail).build();
        let result = Capture::new().run_async(agent.run("go")).await.unwrap();
        assert!(result.messages[2].text().contains("tables stay"), "{arguments}");
    }
}

/// A store that hangs as it appends, or fails once.
#[derive(Clone, Default)]
struct Store {
    hangs: bool,
    fails: Arc<Mutex<Option<()>>>,
    appended: Arc<Mutex<Vec<Vec<Message>>>>,
}

#[async_trait]
impl Session for Store {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        Ok(Vec::new())
    }

    async fn append(&self, messages: Vec<Message>) -> Result<(), SessionError> {
        if self.fails.lock().unwrap().take().is_some() {
            return Err(SessionError::new("busy"));
        }
        self.appended.lock().unwrap().push(messages);
        if self.hangs {
            future::pending::<()>().await;
        }
        Ok(())
    }

    async fn clear(&self) -> Result<(), SessionError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_does_not_wait_for_a_store_that_hangs() {
    let token = CancellationToken::new();
    let store = Store { hangs: true, ..Store::default() };
    let calls = [("shout", json!({"text": "a"})), ("endless", json!({"text": "b"}))];
    let model = ScriptedModel::new("scripted", [Reply::calls(calls)]);
    let agent = Agent::builder("A", model).tool(shout()).tool(endless()).build();
    let config = RunConfig::new().cancellation(token.clone()).session(store.clone());
    let runner = Runner::new().with_config(config);
    let cancelling = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        token.cancel();
    };
    let run = async { tokio::join!(runner.run(&agent, "go"), cancelling).0 };
    let ended = tokio::time::timeout(Duration::from_secs(60), Capture::new().run_async(run)).await;
    assert!(matches!(ended.unwrap().unwrap_err().kind, RunErrorKind::Cancelled));
    assert_eq!(store.appended.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn messages_are_not_appended_twice_if_the_store_is_interrupted() {
    let store = Store { hangs: true, ..Store::default() };
    let (model, _) = seeing(vec![Reply::call("shout", json!({"text": "hi"}))]);
    let agent = Agent::builder("A", model).tool(shout()).build();
    let config = RunConfig::new().deadline(Duration::from_secs(1)).session(store.clone());
    let runner = Runner::new().with_config(config);
    let error = Capture::new().run_async(runner.run(&agent, "go")).await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Deadline { .. }));
    assert_eq!(store.appended.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_filter_removed_is_kept_for_a_store_that_failed() {
    let store = Store { fails: Arc::new(Mutex::new(Some(()))), ..Store::default() };
    let last = Agent::builder("Last", ScriptedModel::new("scripted", ["done"])).build();
    let replies =
        [Reply::call("shout", json!({"text": "hi"})), Reply::call("transfer_to_last", json!({}))];
    let first = Agent::builder("First", ScriptedModel::new("scripted", replies)).tool(shout());
    let first = first.handoff(Handoff::to(&last).without_tool_messages()).build();
    let runner = Runner::new().with_config(RunConfig::new().session(store.clone()));
    let error = Capture::new().run_async(runner.run(&first, "go")).await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Session(_)));
    let appended = store.appended.lock().unwrap();
    let shouted = appended.iter().flatten().flat_map(Message::tool_results);
    assert_eq!(shouted.map(ToolResult::text).next().as_deref(), Some("HI"));
}

#[tokio::test(start_paused = true)]
async fn of_two_final_results_that_of_the_first_call_is_the_answer() {
    let tool = |name: &'static str, seconds| {
        FunctionTool::infallible(name, "Answers.", move |_: serde_json::Value| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            name
        })
        .with_final_result()
    };
    let calls = [("slow", json!({})), ("quick", json!({}))];
    let model = ScriptedModel::new("scripted", [Reply::calls(calls)]);
    let agent = Agent::builder("A", model).tool(tool("slow", 2)).tool(tool("quick", 1)).build();
    let result = Capture::new().run_async(agent.run("go")).await.unwrap();
    assert_eq!(result.output, "slow");
}
