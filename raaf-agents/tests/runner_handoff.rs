//! Hand-offs, and agents called as tools.

mod common;

use std::sync::{Arc, OnceLock};

use raaf_agents::{
    Agent, Handoff, Message, OnToolError, Reply, RunErrorKind, Runner, ScriptedModel, Usage,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::json;

use common::shout;

fn billing() -> Agent {
    Agent::builder("Billing", ScriptedModel::new("scripted", ["refunded"])).build()
}

fn transfer() -> Reply {
    Reply::call("transfer_to_billing", json!({}))
}

#[tokio::test]
async fn g7_the_agent_that_takes_over_is_a_sibling_of_the_one_that_hands_over() {
    let capture = Capture::new();
    let model = ScriptedModel::new(
        "scripted",
        [
            Reply::call("shout", json!({"text": "hm"})).with_usage(Usage::new(10, 1)),
            transfer().with_usage(Usage::new(20, 2)),
        ],
    );
    let triage = Agent::builder("Triage", model).tool(shout()).handoff(billing()).build();
    let result = capture.run_async(triage.run("money back")).await.unwrap();
    assert_eq!((&*result.output, &*result.agent, result.turns), ("refunded", "Billing", 3));
    assert_eq!(result.usage_by_agent["Triage"], Usage::new(30, 3));
    let sum: Usage = result.usage_by_agent.values().copied().sum();
    assert_eq!(result.usage, sum);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [ok] {
            agent "Triage" [ok, "agent.turns" = 2, !"output"] {
                llm "scripted"
                tool "shout"
                llm "scripted"
                handoff "Billing" [
                    ok, "handoff.from_agent" = "Triage", "handoff.to_agent" = "Billing"
                ]
            }
            agent "Billing" [ok, "agent.turns" = 1, "output" = "refunded"] { llm "scripted" }
        }
    });
}

#[tokio::test]
async fn a_filter_changes_what_the_next_agent_receives() {
    let capture = Capture::new();
    let told = ScriptedModel::from_fn("told", |request: &raaf_agents::ModelRequest| {
        request.messages.iter().map(Message::text).collect::<Vec<_>>().join("|")
    });
    let billing = Agent::builder("Billing", told).build();
    let model =
        ScriptedModel::new("scripted", [Reply::call("shout", json!({"text": "hm"})), transfer()]);
    let triage = Agent::builder("Triage", model)
        .tool(shout())
        .handoff(Handoff::to(&billing).without_tool_messages())
        .build();
    let result = capture.run_async(triage.run("money back")).await.unwrap();
    assert_eq!(result.output, "money back");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Triage" { llm * tool "shout" llm * handoff "Billing" }
            agent "Billing" { llm "told" }
        }
    });
}

#[tokio::test]
async fn agents_that_hand_over_in_circles_are_stopped_after_the_turns_allowed() {
    let capture = Capture::new();
    let first = Arc::new(OnceLock::<Agent>::new());
    let back = {
        let first = Arc::clone(&first);
        Handoff::later("Ping", move || first.get().cloned().unwrap())
    };
    let to = |name: &'static str| {
        ScriptedModel::from_fn("scripted", move |_: &_| {
            Reply::call(format!("transfer_to_{name}"), json!({}))
        })
    };
    let pong = Agent::builder("Pong", to("ping")).handoff(back).build();
    let start = Agent::builder("Ping", to("pong")).handoff(pong).build();
    first.set(start.clone()).unwrap();
    let runner = Runner::new().with_max_turns(3);
    let error = capture.run_async(runner.run(&start, "go")).await.unwrap_err();
    assert!(matches!(&error.kind, RunErrorKind::MaxTurns { max_turns: 3 }));
    assert_eq!((error.progress.turns, error.progress.messages.len()), (3, 7));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error "max_turns"] {
            agent "Ping" [ok] { llm * handoff "Pong" }
            agent "Pong" [ok] { llm * handoff "Ping" }
            agent "Ping" [ok] { llm * handoff "Pong" }
            agent "Pong" [error "max_turns", "agent.stop_reason" = "max_turns", "agent.turns" = 0]
        }
    });
}

#[tokio::test]
async fn the_first_of_two_handoffs_in_a_turn_takes_effect() {
    let capture = Capture::new();
    let other = Agent::builder("Other", ScriptedModel::new("scripted", ["no"])).build();
    let both = Reply::calls([("transfer_to_billing", json!({})), ("transfer_to_other", json!({}))]);
    let triage = Agent::builder("Triage", ScriptedModel::new("scripted", [both]))
        .handoff(billing())
        .handoff(&other)
        .build();
    let result = capture.run_async(triage.run("go")).await.unwrap();
    assert_eq!(result.agent, "Billing");
    assert!(result.messages[3].tool_results().all(|result| result.is_error));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Triage" [ok] {
                llm * handoff "Billing" [ok] handoff "Other" [error "ToolError::SecondHandoff"]
            }
            agent "Billing" { llm * }
        }
    });
}

#[tokio::test]
async fn a_handoff_that_is_not_enabled_is_not_on_offer() {
    let capture = Capture::new();
    let model = ScriptedModel::from_fn("scripted", |request: &raaf_agents::ModelRequest| {
        assert!(!request.has_tool("transfer_to_billing"));
        match request.messages.len() {
            1 => transfer(),
            _ => Reply::text("alone"),
        }
    });
    let triage = Agent::builder("Triage", model)
        .handoff(Handoff::to(&billing()).enabled_if(|_| false))
        .build();
    let result = capture.run_async(triage.run("go")).await.unwrap();
    assert_eq!(result.output, "alone");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" { agent "Triage" { llm * tool "unknown_tool" [error] llm * } }
    });
}

#[tokio::test]
async fn an_agent_as_a_tool_runs_under_the_tool_and_its_usage_counts_once() {
    let capture = Capture::new();
    let roses = Reply::text("roses").with_usage(Usage::new(5, 3));
    let poet = Agent::builder("Poet", ScriptedModel::new("poems", [roses])).build();
    let model = ScriptedModel::new(
        "scripted",
        [
            Reply::call("write", json!({"input": "a poem"})).with_usage(Usage::new(10, 1)),
            Reply::text("done").with_usage(Usage::new(20, 2)),
        ],
    );
    let editor = Agent::builder("Editor", model).tool(poet.as_tool("write", "Writes.")).build();
    let result = capture.run_async(editor.run("go")).await.unwrap();
    assert_eq!(result.usage, Usage::new(35, 6));
    assert_eq!(result.usage_by_agent["Poet"], Usage::new(5, 3));
    assert_eq!(result.messages[2].text(), "roses");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Editor" {
                llm "scripted"
                tool "write" ["tool.result" = "roses"] {
                    agent "Poet" ["input" = "a poem"] { llm "poems" }
                }
                llm "scripted"
            }
        }
    });
}

#[tokio::test]
async fn a_failed_agent_is_a_failed_tool_up_to_the_root() {
    let capture = Capture::new();
    let nothing: [Reply; 0] = [];
    let poet = Agent::builder("Poet", ScriptedModel::new("poems", nothing)).build();
    let model = ScriptedModel::new("scripted", [Reply::call("write", json!({"input": "x"}))]);
    let editor = Agent::builder("Editor", model).tool(poet.as_tool("write", "Writes.")).build();
    let runner = Runner::new().on_tool_error(OnToolError::FailRun);
    let error = capture.run_async(runner.run(&editor, "go")).await.unwrap_err();
    assert_eq!((&*error.agent, error.kind.as_str()), ("Editor", "tool"));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error] {
            agent "Editor" [error, "agent.stop_reason" = "tool"] {
                llm "scripted" [ok]
                tool "write" [error "other"] {
                    agent "Poet" [error, "agent.stop_reason" = "model"] {
                        llm "poems" [error "other"]
                    }
                }
            }
        }
    });
}
