//! Conversations that leave and enter a run: each call has its result.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{Text, broken, shout};
use raaf_agents::{
    Agent, CancellationToken, Content, FunctionTool, Media, MemorySession, Message, ModelRequest,
    OnToolError, Part, Reply, Role, RunConfig, RunError, RunErrorKind, Runner, ScriptedModel,
    Session as _, ToolCall, ToolResult,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::json;

/// Returns the results of a conversation by name and text, and checks that each call has one.
fn results(messages: &[Message]) -> Vec<(String, String)> {
    let mut calls: Vec<&ToolCall> = messages.iter().flat_map(Message::tool_calls).collect();
    let results: Vec<&ToolResult> = messages.iter().flat_map(Message::tool_results).collect();
    assert_eq!(calls.len(), results.len(), "{messages:?}");
    for result in &results {
        assert_eq!(calls.remove(0).id, result.call_id, "in the order of the calls");
    }
    results.iter().map(|result| (result.name.clone(), result.text())).collect()
}

/// An agent that calls `shout`, and beside it a tool that ends the run.
fn agent(slow: FunctionTool) -> Agent {
    let calls = [("slow", json!({"text": "a"})), ("shout", json!({"text": "hi"}))];
    let model = ScriptedModel::new("scripted", [Reply::calls(calls)]);
    Agent::builder("Tester", model).tool(slow).tool(shout()).build()
}

async fn run(runner: Runner, slow: FunctionTool) -> RunError {
    Capture::new().run_async(runner.run(&agent(slow), "go")).await.unwrap_err()
}

fn hanging() -> FunctionTool {
    FunctionTool::infallible("slow", "Hangs.", |_: Text| std::future::pending::<()>())
}

#[tokio::test(start_paused = true)]
async fn a_run_that_exceeds_its_deadline_leaves_a_valid_conversation() {
    let config = RunConfig::new().deadline(Duration::from_secs(1));
    let error = run(Runner::new().with_config(config), hanging()).await;
    let results = results(&error.progress.messages);
    assert_eq!(results[1], ("shout".to_owned(), "HI".to_owned()), "a sibling keeps its result");
    assert_eq!(results[0].1, "The tool was not run, or did not finish: no answer within 1 s.");
}

#[tokio::test]
async fn a_cancelled_run_leaves_a_valid_conversation() {
    let token = CancellationToken::new();
    let slow = {
        let token = token.clone();
        FunctionTool::infallible("slow", "Cancels.", move |_: Text| {
            let token = token.clone();
            async move {
                // The sibling ends first.
                tokio::task::yield_now().await;
                token.cancel();
                std::future::pending::<()>().await;
            }
        })
    };
    let config = RunConfig::new().cancellation(token);
    let error = run(Runner::new().with_config(config), slow).await;
    assert!(matches!(error.kind, RunErrorKind::Cancelled));
    let results = results(&error.progress.messages);
    assert_eq!(results[1].1, "HI");
    assert_eq!(results[0].1, "The tool was not run, or did not finish: cancelled.");
}

#[tokio::test]
async fn a_failed_or_panicking_tool_leaves_a_valid_conversation() {
    let panicking = FunctionTool::infallible("slow", "Panics.", |_: Text| async {
        tokio::task::yield_now().await;
        assert!(std::hint::black_box(false), "boom");
    });
    let failing = FunctionTool::new("slow", "Fails.", |_: Text| async {
        tokio::task::yield_now().await;
        Err::<(), _>("no luck")
    });
    for slow in [panicking, failing] {
        let error = run(Runner::new().on_tool_error(OnToolError::FailRun), slow).await;
        assert!(matches!(error.kind, RunErrorKind::Tool(_)), "{error:?}");
        let results = results(&error.progress.messages);
        assert_eq!(results[1].1, "HI");
        let own = ["`slow` panicked: boom", "`slow` failed: no luck"];
        assert!(own.contains(&&*results[0].1), "{results:?}");
    }
}

#[tokio::test]
async fn what_tools_did_stays_in_the_session_of_a_run_that_was_stopped() {
    let paid = Arc::new(AtomicUsize::new(0));
    let pay = {
        let paid = Arc::clone(&paid);
        FunctionTool::infallible("pay", "Pays.", move |(): ()| {
            paid.fetch_add(1, Ordering::Relaxed);
            async { "paid" }
        })
    };
    // A model that pays unless it was paid already.
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        let has_paid = request.messages.iter().any(|message| message.role == Role::Tool);
        if has_paid { Reply::text("It is paid.") } else { Reply::call("pay", json!({})) }
    });
    let agent = Agent::builder("Payer", model).tool(pay).build();
    let session = MemorySession::new();
    let count = Arc::clone(&paid);
    let config = RunConfig::new()
        .session(session.clone())
        .stop_when(move |_| count.load(Ordering::Relaxed) == 1);
    let error = Runner::new().with_config(config).run(&agent, "Pay.").await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Stopped { .. }));
    assert_eq!(session.messages().len(), 3, "input, call and result");
    let config = RunConfig::new().session(session.clone());
    let result = Runner::new().with_config(config).run(&agent, "Go on.").await.unwrap();
    assert_eq!((&*result.output, paid.load(Ordering::Relaxed)), ("It is paid.", 1));
    results(&session.messages());
}

#[tokio::test]
async fn a_run_that_failed_before_a_tool_ran_leaves_the_session_as_it_was() {
    let session = MemorySession::new();
    let agent =
        Agent::builder("Tester", ScriptedModel::new("scripted", Vec::<Reply>::new())).build();
    let config = RunConfig::new().session(session.clone());
    Runner::new().with_config(config).run(&agent, "go").await.unwrap_err();
    assert!(session.messages().is_empty());
}

#[tokio::test]
async fn a_conversation_that_is_not_valid_is_repaired_as_it_enters() {
    let lost = ToolCall::new("a", "search", &json!({}));
    let conversation = vec![
        Message::tool(&ToolCall::new("z", "search", &json!({})), "of nobody"),
        Message::user("search"),
        Message::calls([lost]),
        Message::user("go on"),
    ];
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        let roles = request.messages.iter().map(|message| message.role.as_str());
        Reply::text(roles.collect::<Vec<_>>().join(" "))
    });
    let agent = Agent::builder("Tester", model).build();
    let capture = Capture::new();
    let result = capture.run_async(agent.run(conversation)).await.unwrap();
    assert_eq!(result.output, "user assistant tool user");
    results(&result.messages);
    let spans = capture.spans_async().await;
    let event = spans.iter().flat_map(|span| span.events()).next().unwrap();
    assert_eq!(event.name(), "conversation.repaired");
    assert_span_tree!(spans, { runner "Runner" { agent "Tester" { llm "scripted" } } });
}

#[tokio::test]
async fn the_result_of_a_call_with_which_a_session_ends_comes_with_the_input() {
    let session = MemorySession::new();
    let calls = ["a", "b"].map(|id| ToolCall::new(id, "approve", &json!({})));
    let stored = vec![Message::user("pay"), Message::calls(calls.clone())];
    session.append(stored).await.unwrap();
    let told = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        let texts: Vec<_> = request.messages.iter().map(Message::text).collect();
        Reply::text(texts.join("|"))
    });
    let agent = Agent::builder("Payer", told).build();
    let runner = Runner::new().with_config(RunConfig::new().session(session.clone()));
    let input = vec![Message::tool(&calls[0], "yes")];
    let result = Capture::new().run_async(runner.run(&agent, input)).await.unwrap();
    assert_eq!(result.output, "pay||yes|The tool was not run, or its result was lost.");
    assert_eq!(session.messages(), result.messages);
    assert_eq!(results(&session.messages()).len(), 2);
}

#[tokio::test]
async fn a_tool_returns_images_and_files() {
    let draw = FunctionTool::infallible("draw", "Draws.", |(): ()| async {
        Content::from([Part::text("a dot"), Part::Image(Media::bytes("image/png", b"abc"))])
    });
    let model = ScriptedModel::new("scripted", [Reply::call("draw", json!({})), Reply::text("ok")]);
    let agent = Agent::builder("Painter", model).tool(draw).build();
    let capture = Capture::new();
    let result = capture.run_async(agent.run("Draw.")).await.unwrap();
    let shown = result.messages[2].tool_results().next().unwrap();
    assert_eq!(shown.content[1], Part::Image(Media::bytes("image/png", b"abc")));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" { agent "Painter" {
            llm "scripted"
            tool "draw" [ok, "tool.result" contains "image/png"]
            llm "scripted"
        } }
    });
}

#[tokio::test]
async fn requests_are_counted_once_also_within_tools() {
    let inner = ScriptedModel::new(
        "scripted",
        [Reply::call("broken", json!({"text": "a"})), Reply::text("b")],
    );
    let inner = Agent::builder("Inner", inner).tool(broken()).build();
    let outer = [Reply::call("ask", json!({"input": "go"})), Reply::text("done")];
    let outer = Agent::builder("Outer", ScriptedModel::new("scripted", outer))
        .tool(inner.as_tool("ask", "Asks."))
        .build();
    let result = Capture::new().run_async(outer.run("go")).await.unwrap();
    assert_eq!(result.usage.requests, 4);
    assert_eq!(result.usage_by_agent["Inner"].requests, 2);
}
