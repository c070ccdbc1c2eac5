//! Runs that are dropped or cancelled: the session has what their tools did, and the progress what the
//! model said.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod common;

use std::{
    future,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use common::shout;
use futures::{StreamExt as _, poll};
use raaf_agents::{
    Agent, CancellationToken, FinishReason, FunctionTool, Guardrail, MemorySession, Message,
    ModelError, ModelRequest, OnToolError, Reply, Role, RunConfig, RunEvent, Runner, ScriptedModel,
    Session, SessionError, ToolCall, ToolResult, Verdict,
};
use raaf_testkit::Capture;
use serde_json::json;
use tokio::sync::Notify;

/// A tool that counts its calls, and a model that pays unless it was paid already.
fn payer(paid: &Arc<AtomicUsize>) -> Agent {
    let paid = Arc::clone(paid);
    let pay = FunctionTool::infallible("pay", "Pays.", move |(): ()| {
        paid.fetch_add(1, Ordering::Relaxed);
        async { "paid" }
    });
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        let has_paid = request.messages.iter().any(|message| message.role == Role::Tool);
        if has_paid {
            Reply::text("It is paid, as you asked.")
        } else {
            Reply::call("pay", json!({}))
        }
    });
    Agent::builder("Payer", model).tool(pay).build()
}

fn runner(session: impl Session + 'static) -> Runner {
    Runner::new().with_config(RunConfig::new().session(session))
}

/// Checks that each call has its result, in order.
fn assert_valid(messages: &[Message]) {
    let calls: Vec<&ToolCall> = messages.iter().flat_map(Message::tool_calls).collect();
    let results: Vec<&ToolResult> = messages.iter().flat_map(Message::tool_results).collect();
    let ids = |id: &str| id.to_owned();
    let called: Vec<_> = calls.iter().map(|call| ids(&call.id)).collect();
    let answered: Vec<_> = results.iter().map(|result| ids(&result.call_id)).collect();
    assert_eq!(called, answered, "{messages:?}");
}

#[tokio::test]
async fn a_stream_that_is_dropped_after_a_tool_ran_leaves_it_in_the_session() {
    let (session, paid) = (MemorySession::new(), Arc::default());
    let agent = payer(&paid);
    let mut run = runner(session.clone()).stream(&agent, "Pay.");
    while let Some(event) = run.next().await {
        if matches!(event.unwrap(), RunEvent::TextDelta { .. }) {
            break;
        }
    }
    assert_eq!(session.messages().len(), 3, "a crash would lose nothing");
    drop(run);
    let messages = session.messages();
    assert_eq!(messages.len(), 3, "input, call and result: {messages:?}");
    assert_eq!(messages[2].text(), "paid");
    let result = runner(session.clone()).run(&agent, "Is it paid?").await.unwrap();
    assert_eq!(paid.load(Ordering::Relaxed), 1, "not again");
    assert_eq!(session.messages(), result.messages, "nothing is there twice");
    assert_valid(&result.messages);
}

#[tokio::test]
async fn a_run_that_is_dropped_while_tools_run_keeps_those_that_are_done() {
    let session = MemorySession::new();
    let endless = FunctionTool::infallible("endless", "Hangs.", |(): ()| future::pending::<()>());
    let calls = [("endless", json!({})), ("shout", json!({"text": "hi"}))];
    let model = ScriptedModel::new("scripted", [Reply::calls(calls)]);
    let agent = Agent::builder("Tester", model).tool(endless).tool(shout()).build();
    let mut run = runner(session.clone()).stream(&agent, "go");
    while let Some(event) = run.next().await {
        if matches!(event.unwrap(), RunEvent::ToolResult { .. }) {
            break;
        }
    }
    // The result is part of the conversation when the run goes on.
    assert!(poll!(run.next()).is_pending());
    assert!(session.messages().is_empty(), "the turn is not over");
    drop(run);
    let messages = session.messages();
    assert_valid(&messages);
    let results: Vec<_> = messages.iter().flat_map(Message::tool_results).collect();
    assert_eq!(results[1].text(), "HI");
    assert!(results[0].is_error && results[0].text().ends_with("the run was dropped."));
}

#[tokio::test]
async fn a_run_that_is_dropped_before_a_tool_was_called_leaves_the_session_as_it_was() {
    let session = MemorySession::new();
    let model = ScriptedModel::new("scripted", [Reply::text("one two three")]);
    let agent = Agent::builder("Talker", model).build();
    let mut run = runner(session.clone()).stream(&agent, "go");
    while let Some(event) = run.next().await {
        if matches!(event.unwrap(), RunEvent::TextDelta { .. }) {
            break;
        }
    }
    drop(run);
    assert!(session.messages().is_empty());
}

/// A store that takes until it is allowed to go on.
#[derive(Clone, Default)]
struct Slow {
    appended: Arc<Mutex<Vec<Vec<Message>>>>,
    go_on: Arc<Notify>,
    done: Arc<Notify>,
}

#[async_trait]
impl Session for Slow {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        Ok(Vec::new())
    }

    async fn append(&self, messages: Vec<Message>) -> Result<(), SessionError> {
        self.go_on.notified().await;
        self.appended.lock().unwrap().push(messages);
        self.done.notify_one();
        Ok(())
    }

    async fn clear(&self) -> Result<(), SessionError> {
        Ok(())
    }
}

#[tokio::test]
async fn an_append_under_way_is_completed_if_the_run_is_dropped() {
    let (store, paid) = (Slow::default(), Arc::default());
    let agent = payer(&paid);
    let runner = runner(store.clone());
    {
        let mut run = pin!(runner.run(&agent, "Pay."));
        while paid.load(Ordering::Relaxed) == 0 {
            assert!(poll!(&mut run).is_pending());
        }
        assert!(poll!(&mut run).is_pending(), "it waits for the store");
    }
    store.go_on.notify_one();
    store.done.notified().await;
    let appended = store.appended.lock().unwrap();
    assert_eq!(appended.len(), 1);
    assert_eq!(appended[0].len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_append_that_the_deadline_interrupts_is_completed_and_not_repeated() {
    let (store, paid) = (Slow::default(), Arc::default());
    let config = RunConfig::new().session(store.clone()).deadline(Duration::from_secs(1));
    let runner = Runner::new().with_config(config);
    let agent = payer(&paid);
    let late = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        store.go_on.notify_waiters();
    };
    let (ended, ()) = tokio::join!(runner.run(&agent, "Pay."), late);
    assert_eq!(ended.unwrap_err().kind.as_str(), "deadline");
    assert_eq!(store.appended.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_cancelled_stream_leaves_the_text_so_far() {
    let token = CancellationToken::new();
    let model =
        ScriptedModel::from_fn("scripted", |request: &ModelRequest| match request.messages.len() {
            1 => Reply::text("one two three"),
            _ => Reply::text(format!("I was at: {}", request.messages[1].text())),
        });
    let agent = Agent::builder("Talker", model).build();
    let config = RunConfig::new().cancellation(token.clone());
    let mut run = Runner::new().with_config(config).stream(&agent, "Count.");
    let mut error = None;
    while let Some(event) = run.next().await {
        match event {
            Ok(RunEvent::TextDelta { .. }) => token.cancel(),
            Ok(_) => {}
            Err(failed) => error = Some(failed),
        }
    }
    let progress = error.unwrap().progress;
    assert_eq!(progress.messages, [Message::user("Count."), Message::assistant("one ")]);
    assert_eq!(progress.finish_reason, Some(FinishReason::from("cancelled")));
    let mut messages = progress.messages;
    messages.push(Message::user("Go on."));
    assert_eq!(agent.run(messages).await.unwrap().output, "I was at: one ");
}

#[tokio::test]
async fn a_stream_that_breaks_off_leaves_the_text_so_far_and_a_rejected_one_does_not() {
    let lost = ModelError::Interrupted { pieces: 2, message: "reset".to_owned() };
    let model = ScriptedModel::new("scripted", [Reply::text("one two").then_error(lost)]);
    let agent = Agent::builder("Talker", model).build();
    let error = Runner::new().stream(&agent, "Count.").finish().await.unwrap().unwrap_err();
    assert_eq!(error.progress.messages[1], Message::assistant("one two"));
    assert_eq!(error.progress.finish_reason, Some(FinishReason::from("model")));

    // The guardrail runs beside the model, and objects after the first word.
    let strict = Guardrail::new("strict", |_: String| async {
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
        Verdict::trip("no")
    });
    let model = ScriptedModel::new("scripted", [Reply::text("one two three four five six")]);
    let agent = Agent::builder("Talker", model).input_guardrail(strict).build();
    let error = Runner::new().stream(&agent, "Count.").finish().await.unwrap().unwrap_err();
    assert_eq!(error.kind.as_str(), "guardrail");
    assert_eq!(error.progress.messages, [Message::user("Count.")]);
}

#[tokio::test]
async fn the_result_of_a_call_that_fails_the_run_is_its_error() {
    let charge =
        FunctionTool::new("charge", "Charges.", |(): ()| async { Err::<(), _>("declined") });
    let model = ScriptedModel::new("scripted", [Reply::call("charge", json!({}))]);
    let agent = Agent::builder("Payer", model).tool(charge).build();
    let session = MemorySession::new();
    let runner = runner(session.clone()).on_tool_error(OnToolError::FailRun);
    let run = Capture::new().run_async(runner.run(&agent, "Pay.")).await;
    let error = run.unwrap_err();
    let text = "agent `Payer` (turn 1): a tool call failed: `charge` failed: declined";
    assert_eq!(error.to_string(), text);
    let result = error.progress.messages[2].tool_results().next().unwrap();
    assert_eq!((&*result.text(), result.is_error), ("`charge` failed: declined", true));
    assert_eq!(session.messages(), error.progress.messages);
}

#[tokio::test]
async fn a_run_without_a_message_fails_before_the_model_is_asked() {
    let model = ScriptedModel::new("scripted", ["Hello."]);
    let agent = Agent::builder("Talker", model).build();
    let error = agent.run(Vec::<Message>::new()).await.unwrap_err();
    assert_eq!((error.kind.as_str(), error.progress.turns), ("no_input", 0));
}
