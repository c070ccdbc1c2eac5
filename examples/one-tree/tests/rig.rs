//! Agents of rig below and above ours.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::collections::HashSet;

use futures::StreamExt as _;
use raaf_agents::ScriptedModel;
use raaf_one_tree::{
    client, model_server, serve,
    shelf::{self, CountTool},
};
use raaf_testkit::{Capture, Spans, assert_coherent, assert_span_tree};
use raaf_tower::ServerLayer;
use raaf_trace_core::{Component, FinishedSpan, Status, Traceable as _, attributes::ValueRef};
use rig_agent::{
    AgentBuilder,
    tool::{Tool, ToolContext},
};
use serde_json::{Value as Json, json};
use tracing::{Instrument as _, info_span};

mod support;

const INSTRUCTIONS: &str = "INSTRUCTIONS: count the lamps";
const QUESTION: &str = "QUESTION: how many lamps?";
const ANSWER: &str = "ANSWER: two";

/// Creates an agent of rig, whose model runs on a server that `capture` captures, too.
async fn keeper(capture: &Capture) -> AgentBuilder {
    support::subscribe("");
    let layer = ServerLayer::new().provider(capture.provider());
    let server = model_server::app(layer, &json!({ "item": "lamps" }), ANSWER);
    let model = shelf::model(client().build(), &serve(server).await.unwrap());
    AgentBuilder::new(model).name("Keeper").preamble(INSTRUCTIONS).default_max_turns(2)
}

/// Returns all spans, which are one trace.
async fn one_trace(capture: &Capture) -> Spans {
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    let traces = spans.iter().map(FinishedSpan::trace_id).collect::<HashSet<_>>();
    assert_eq!(traces.len(), 1, "{spans}");
    spans
}

#[tokio::test]
async fn an_agent_of_rig_under_ours_is_in_its_tree() {
    let capture = Capture::new();
    let keeper = keeper(&capture).await.tool(CountTool).build();
    let clerk = Component::agent("Clerk");
    let work = clerk.try_in_span("run", keeper.prompt(QUESTION).run());
    assert_eq!(capture.run_async(work).await.unwrap().to_string(), ANSWER);
    assert_span_tree!(one_trace(&capture).await, {
        agent "Clerk" {
            agent "Keeper" [unset, "gen_ai.usage.input_tokens" = 40] {
                llm "small-1" [unset, "gen_ai.usage.input_tokens" = 20, !"rig.completion_parent"] {
                    client "POST" { server "POST /v1/chat/completions" }
                }
                tool "count" [ok, "tool.type" = "function", "tool.call_id" = "call_1"] {
                    component "Shelf".count [item = "lamps"]
                }
                llm "small-1" { client "POST" { server "POST /v1/chat/completions" } }
            }
        }
    });
}

#[tokio::test]
async fn an_agent_of_rig_begins_a_trace_where_there_is_none() {
    let capture = Capture::new();
    let keeper = keeper(&capture).await.build();
    capture.run_async(keeper.prompt(QUESTION).run()).await.unwrap();
    assert_span_tree!(one_trace(&capture).await, {
        agent "Keeper" { llm "small-1" { client "POST" { server "POST /v1/chat/completions" } } }
    });
}

/// Tool of rig that asks an agent of ours.
struct AskClerk;

impl Tool for AskClerk {
    const NAME: &'static str = "ask_clerk";
    type Args = Json;
    type Output = String;
    type Error = raaf_agents::RunError;

    fn description(&self) -> String {
        "Asks the clerk.".to_owned()
    }

    fn parameters(&self) -> Json {
        json!({ "type": "object" })
    }

    async fn call(&self, _: &mut ToolContext, question: Json) -> Result<String, Self::Error> {
        let model = ScriptedModel::new("scripted", ["two lamps"]);
        let clerk = raaf_agents::Agent::builder("Clerk", model).build();
        clerk.run(question.to_string()).await.map(|run| run.output)
    }
}

#[tokio::test]
async fn an_agent_of_ours_under_one_of_rig_is_in_its_tree() {
    let capture = Capture::new();
    let keeper = keeper(&capture).await.tool(AskClerk).build();
    capture.run_async(keeper.prompt(QUESTION).run()).await.unwrap();
    assert_span_tree!(one_trace(&capture).await, {
        agent "Keeper" {
            llm "small-1" { .. }
            tool "ask_clerk" { agent "Clerk" { llm "scripted" } }
            llm "small-1" { .. }
        }
    });
}

#[tokio::test]
async fn a_streamed_run_of_rig_is_the_same_tree() {
    let capture = Capture::new();
    let keeper = keeper(&capture).await.tool(CountTool).build();
    let read = async {
        let items = keeper.prompt(QUESTION).stream().collect::<Vec<_>>().await;
        assert!(items.iter().all(Result::is_ok), "{items:?}");
    };
    capture.run_async(Component::agent("Clerk").in_span("run", read)).await;
    assert_span_tree!(one_trace(&capture).await, {
        agent "Clerk" {
            agent "Keeper" {
                llm "small-1" ["gen_ai.request.stream" = true] {
                    client "POST" { server "POST /v1/chat/completions" }
                }
                tool "count" { component "Shelf".count }
                llm "small-1" { client "POST" { server "POST /v1/chat/completions" } }
            }
        }
    });
}

/// Tool of rig that fails.
struct Broken;

impl Tool for Broken {
    const NAME: &'static str = "broken";
    type Args = Json;
    type Output = String;
    type Error = std::fmt::Error;

    fn description(&self) -> String {
        "Fails.".to_owned()
    }

    fn parameters(&self) -> Json {
        json!({ "type": "object" })
    }

    async fn call(&self, _: &mut ToolContext, _: Json) -> Result<String, Self::Error> {
        Err(std::fmt::Error)
    }
}

#[tokio::test]
async fn a_tool_of_rig_that_fails_is_an_error() {
    let capture = Capture::new();
    let keeper = keeper(&capture).await.tool(Broken).build();
    capture.run_async(keeper.prompt(QUESTION).run()).await.unwrap();
    let spans = one_trace(&capture).await;
    assert_eq!(spans.only("broken").status(), Status::Error);
}

#[tokio::test]
async fn what_rig_records_of_a_conversation_is_content() {
    for include in [true, false] {
        let capture = Capture::with(|provider| provider.include_sensitive_data(include));
        let keeper = keeper(&capture).await.tool(CountTool).record_content_telemetry(true).build();
        let clerk = Component::agent("Clerk");
        capture.run_async(clerk.try_in_span("run", keeper.prompt(QUESTION).run())).await.unwrap();
        let spans = one_trace(&capture).await;
        let all = serde_json::to_string(&spans.iter().collect::<Vec<_>>()).unwrap();
        for content in [INSTRUCTIONS, QUESTION, ANSWER, r#"\"item\""#] {
            assert_eq!(all.contains(content), include, "{content} in {all}");
        }
        if include {
            let text = |name: &str, key| {
                spans
                    .only(name)
                    .attributes()
                    .get(key)
                    .and_then(ValueRef::as_str)
                    .unwrap()
                    .to_owned()
            };
            assert_eq!(text("Keeper", "gen_ai.system_instructions"), INSTRUCTIONS);
            assert_eq!(text("Keeper", "input"), QUESTION);
            assert_eq!(text("Keeper", "output"), ANSWER);
            assert_eq!(text("count", "tool.result"), "2");
        }
    }
}

#[tokio::test]
async fn an_agent_of_rig_in_a_span_of_tracing_has_no_span_of_its_own() {
    let capture = Capture::new();
    let keeper = keeper(&capture).await.build();
    let work = async {
        let inside = async { keeper.prompt(QUESTION).run().await };
        inside.instrument(info_span!(target: "app", "handle")).await
    };
    capture.run_async(work).await.unwrap();
    assert_span_tree!(one_trace(&capture).await, {
        component "app".handle { llm "small-1" { .. } }
    });
}

#[tokio::test]
async fn an_agent_of_rig_is_below_ours_in_a_span_of_tracing() {
    let capture = Capture::new();
    let keeper = keeper(&capture).await.build();
    let clerk = Component::agent("Clerk");
    let work = async {
        let inside = clerk.try_in_span("run", async { keeper.prompt(QUESTION).run().await });
        inside.instrument(info_span!(target: "app", "handle")).await
    };
    capture.run_async(work).await.unwrap();
    assert_span_tree!(one_trace(&capture).await, {
        component "app".handle { agent "Clerk" { llm "small-1" { .. } } }
    });
}
