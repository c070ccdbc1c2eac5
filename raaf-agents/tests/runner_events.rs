//! Events of runs inside of tools.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod common;

use futures::StreamExt as _;
use raaf_agents::{
    Agent, FunctionTool, Reply, RunContext, RunEvent, Runner, ScriptedModel, Tool as _,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};

use common::shout;

/// Calls `shout`, then answers in two words.
fn inner() -> Agent {
    let replies = [Reply::call("shout", json!({"text": "hm"})), Reply::text("inner words")];
    Agent::builder("Inner", ScriptedModel::new("scripted", replies)).tool(shout()).build()
}

/// Formats an event as a word, with the ids of the enclosing calls.
fn told(event: &RunEvent) -> String {
    match event {
        RunEvent::InTool { call_id, event } => {
            format!("{} > {}", call_id.as_deref().unwrap_or("nobody"), told(event))
        }
        RunEvent::AgentChanged { agent } => agent.clone(),
        RunEvent::TextDelta { .. } => "text".to_owned(),
        RunEvent::ToolCall { call, .. } => format!("calls {}", call.name),
        RunEvent::ToolResult { content, .. } => format!("result {content}"),
        RunEvent::Done(result) => format!("done {}", result.output),
        other => format!("{other:?}"),
    }
}

async fn follow(capture: &Capture, agent: &Agent) -> Vec<RunEvent> {
    let stream = capture.run(|| Runner::new().stream(agent, "go"));
    stream.map(Result::unwrap).collect().await
}

#[tokio::test]
async fn events_include_agents_called_as_tools() {
    let capture = Capture::new();
    let middle = [Reply::call("ask", json!({"input": "go"})), Reply::text("middle")];
    let middle = Agent::builder("Middle", ScriptedModel::new("scripted", middle))
        .tool(inner().as_tool("ask", "Asks."))
        .build();
    let outer = [Reply::call("relay", json!({"input": "go"})), Reply::text("outer")];
    let outer = Agent::builder("Outer", ScriptedModel::new("scripted", outer))
        .tool(middle.as_tool("relay", "Asks."))
        .build();
    let events = follow(&capture, &outer).await;
    let mut said: Vec<_> = events.iter().map(told).collect();
    said.dedup();
    assert_eq!(
        said,
        [
            "Outer",
            "calls relay",
            "call_1 > Middle",
            "call_1 > calls ask",
            "call_1 > call_1 > Inner",
            "call_1 > call_1 > calls shout",
            "call_1 > call_1 > result HM",
            "call_1 > call_1 > text",
            "call_1 > result inner words",
            "call_1 > text",
            "result middle",
            "text",
            "done outer",
        ]
    );
    let words = events.iter().filter_map(|event| match event.innermost() {
        RunEvent::TextDelta { text, .. } => Some(&**text),
        _ => None,
    });
    assert_eq!(words.collect::<String>(), "inner wordsmiddleouter");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [ok] {
            agent "Outer" {
                llm *
                tool "relay" {
                    agent "Middle" {
                        llm *
                        tool "ask" { agent "Inner" { llm * tool "shout" llm * } }
                        llm *
                    }
                }
                llm *
            }
        }
    });
}

#[tokio::test]
async fn p2_events_of_concurrent_tools_have_their_call_ids() {
    let capture = Capture::new();
    let named = |name: &str| {
        let model = ScriptedModel::new("scripted", [name]);
        Agent::builder(name, model).build().as_tool(name.to_lowercase(), "Asks.")
    };
    let calls = [("left", json!({"input": "go"})), ("right", json!({"input": "go"}))];
    let replies = [Reply::calls(calls), Reply::text("done")];
    let agent = Agent::builder("Outer", ScriptedModel::new("scripted", replies))
        .tools([named("Left"), named("Right")])
        .build();
    let events = follow(&capture, &agent).await;
    let inside: Vec<_> = events
        .iter()
        .filter(|event| matches!(event, RunEvent::InTool { .. }))
        .filter(|event| matches!(event.innermost(), RunEvent::AgentChanged { .. }))
        .map(told)
        .collect();
    assert_eq!(inside, ["call_1 > Left", "call_2 > Right"]);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Outer" {
                llm *
                in_any_order {
                    tool "left" ["tool.call_id" = "call_1"] { agent "Left" { llm * } }
                    tool "right" ["tool.call_id" = "call_2"] { agent "Right" { llm * } }
                }
                llm *
            }
        }
    });
}

#[tokio::test]
async fn a_tool_knows_its_call_id_and_passes_it_on() {
    let capture = Capture::new();
    let ask = inner().as_tool("ask", "Asks.");
    let relay =
        FunctionTool::with_context("relay", "Asks.", move |context: RunContext, _: Json| {
            let ask = ask.clone();
            async move {
                let answer = ask.call_in(&context, json!({"input": "go"})).await?;
                Ok::<_, raaf_agents::ToolError>(json!([context.tool_call_id(), answer]))
            }
        });
    assert_eq!(RunContext::new().tool_call_id(), None);
    let replies = [Reply::call("relay", json!({})), Reply::text("done")];
    let model = ScriptedModel::new("scripted", replies);
    let agent = Agent::builder("Outer", model).tool(relay).build();
    let said: Vec<_> = follow(&capture, &agent).await.iter().map(told).collect();
    assert!(said.contains(&"call_1 > calls shout".to_owned()), "{said:?}");
    assert!(said.contains(&r#"result ["call_1","inner words"]"#.to_owned()), "{said:?}");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Outer" {
                llm *
                tool "relay" { tool "ask" { agent "Inner" { llm * tool "shout" llm * } } }
                llm *
            }
        }
    });
}
