//! Agents as values and as tools.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use raaf_agents::{
    Agent, Media, Message, ModelRequest, Part, Reply, RunResult, ScriptedModel, Tool as _, Usage,
};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{FinishedSpan, prices::Cost};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

#[derive(Deserialize, JsonSchema)]
struct Picture {
    url: String,
    question: String,
}

fn looker() -> Agent {
    let model = ScriptedModel::from_fn("looker", |request: &ModelRequest| {
        let has_image = request.messages[0].parts.iter().any(|part| matches!(part, Part::Image(_)));
        Reply::text(format!(r#"{{"image":{has_image},"asked":"{}"}}"#, request.last_user_text()))
    });
    Agent::builder("Looker", model).build()
}

fn asking(arguments: Json, tool: impl raaf_agents::Tool + 'static) -> Agent {
    let name = tool.spec().name.clone();
    let replies = [Reply::call(name, arguments), Reply::text("done")];
    Agent::builder("Asker", ScriptedModel::new("scripted", replies)).tool(tool).build()
}

#[tokio::test]
async fn an_agent_as_a_tool_has_typed_input_and_an_output_extractor() {
    let look = looker()
        .as_tool("look", "Looks at a picture.")
        .with_arguments(|Picture { url, question }| {
            [Part::text(question), Part::Image(Media::url(url))]
        })
        .with_output(|result| result.parse::<Json>().map(|answer| answer["asked"].clone()));
    assert_eq!(look.spec().parameters["required"], json!(["url", "question"]));
    let agent = asking(json!({"url": "https://host/a.png", "question": "what?"}), look);
    let capture = Capture::new();
    let result = capture.run_async(agent.run("go")).await.unwrap();
    assert_eq!(result.messages[2].text(), "what?");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Asker" {
                llm "scripted"
                tool "look" [ok, "tool.result" = "what?"] { agent "Looker" { llm "looker" } }
                llm "scripted"
            }
        }
    });
}

#[tokio::test]
async fn arguments_that_do_not_fit_and_outputs_that_fail_are_told_to_the_model() {
    let look = looker()
        .as_tool("look", "Looks at a picture.")
        .with_arguments(|picture: Picture| picture.question);
    let agent = asking(json!({"url": 7}), look.clone());
    let capture = Capture::new();
    let result = capture.run_async(agent.run("go")).await.unwrap();
    assert!(result.messages[2].text().starts_with("invalid arguments for `look`: "));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Asker" { llm * tool "look" [error "ToolError::Arguments"] llm * }
        }
    });
    let failing = look.with_output(|_: &RunResult| Err::<String, _>(std::fmt::Error));
    let agent = asking(json!({"url": "u", "question": "q"}), failing);
    let capture = Capture::new();
    let result = capture.run_async(agent.run("go")).await.unwrap();
    assert!(result.messages[2].text().starts_with("`look` failed: "), "{:?}", result.messages[2]);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Asker" {
                llm *
                tool "look" [error "fmt::Error"] { agent "Looker" [ok] { llm * } }
                llm *
            }
        }
    });
}

#[tokio::test]
async fn agents_whose_tools_names_become_equal_are_told_apart() {
    let tool = |name: &str| {
        let model = ScriptedModel::new("scripted", [name]);
        Agent::builder(name, model).build().as_tool(name, "Asks.")
    };
    let names = ["Billing Agent", "billing-agent", "billing agent"];
    let tools: Vec<_> = names.into_iter().map(tool).collect();
    let first = tools[0].spec().name.clone();
    let replies = [Reply::call(&first, json!({"input": "hi"})), Reply::text("done")];
    let asker = Agent::builder("Asker", ScriptedModel::new("scripted", replies));
    let asker = asker.tools(tools).build();
    assert_eq!(asker.tools().len(), 3, "{asker:?}");
    assert_eq!(asker.tools()[1].spec().name, "billing-agent", "a legal name stays");
    let capture = Capture::new();
    let result = capture.run_async(asker.run("go")).await.unwrap();
    assert_eq!(result.messages[2].text(), "Billing Agent");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Asker" {
                llm *
                tool "Billing Agent" { agent "Billing Agent" { llm * } }
                llm *
            }
        }
    });
}

#[tokio::test]
async fn the_last_agent_comes_back_as_a_value() {
    let billing = Agent::builder("Billing", ScriptedModel::new("scripted", ["one", "two"])).build();
    let model = ScriptedModel::new("scripted", [Reply::call("transfer_to_billing", json!({}))]);
    let triage = Agent::builder("Triage", model).handoff(&billing).build();
    let capture = Capture::new();
    let (result, next) = capture
        .run_async(async {
            let result = triage.run("go").await.unwrap();
            let mut messages = result.messages.clone();
            messages.push(Message::user("more"));
            let next = result.last_agent().unwrap().run(messages).await.unwrap();
            (result, next)
        })
        .await;
    assert_eq!((&*result.output, &*next.output), ("one", "two"));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Triage" { llm * handoff "Billing" }
            agent "Billing" { llm * }
        }
        runner "Runner" { agent "Billing" { llm * } }
    });
    // It is no part of the data.
    let stored = serde_json::to_string(&result).unwrap();
    let restored: RunResult = serde_json::from_str(&stored).unwrap();
    assert_eq!(restored, result);
    assert!(restored.last_agent().is_none());
}

#[tokio::test]
async fn the_agent_of_a_failed_run_comes_back_as_a_value() {
    let billing = Agent::builder("Billing", ScriptedModel::new("scripted", Vec::<Reply>::new()));
    let model = ScriptedModel::new("scripted", [Reply::call("transfer_to_billing", json!({}))]);
    let triage = Agent::builder("Triage", model).handoff(billing.build()).build();
    let error = Capture::new().run_async(triage.run("go")).await.unwrap_err();
    assert_eq!(error.progress.last_agent().map(Agent::name), Some("Billing"));
}

#[tokio::test]
async fn the_cost_of_an_agent_called_as_a_tool_counts_once_in_run_and_trace() {
    let costly = |reply: Reply| reply.with_usage(Usage::new(1_000_000, 0));
    let inner = ScriptedModel::new("gpt-4o-mini", [costly(Reply::text("yes"))]);
    let inner = Agent::builder("Inner", inner).build().as_tool("inner", "Answers.");
    let replies = [Reply::call("inner", json!({"input": "is it?"})), Reply::text("done")];
    let outer = ScriptedModel::new("gpt-4o", replies.map(costly));
    let agent = Agent::builder("Outer", outer).tool(inner).build();
    let capture = Capture::new();
    let result = capture.run_async(agent.run("go")).await.unwrap();
    assert_eq!(result.cost.usd(), Some(2.5 + 0.15 + 2.5));
    let costs: Cost = capture.spans_async().await.iter().map(FinishedSpan::cost).sum();
    assert_eq!(costs, result.cost);
}
