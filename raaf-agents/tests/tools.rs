//! Descriptions and arguments of tools.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod common;

use std::sync::{Arc, Mutex};

use raaf_agents::{
    Agent, Description, FunctionTool, ModelRequest, Reply, RunContext, ScriptedModel, Tool as _,
    ToolChoice,
};
use raaf_testkit::{Capture, assert_span_tree};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use common::{Text, shout};

/// Looks an order up.
///
/// It needs the order's number.
#[derive(Deserialize, JsonSchema)]
struct Order {
    /// As it stands on the invoice.
    number: u32,
}

async fn look_up(order: Order) -> u32 {
    order.number
}

#[tokio::test]
async fn a_tool_is_described_by_the_doc_comment_of_its_argument() {
    let capture = Capture::new();
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        let [tool] = &request.tools[..] else { return Reply::text("no tool") };
        match request.messages.len() {
            1 => Reply::call("look_up", json!({"number": 7})),
            _ => Reply::text(format!("{}|{}", tool.description, tool.parameters)),
        }
    });
    let tool = FunctionTool::infallible("look_up", Description::FromDocs, look_up);
    let agent = Agent::builder("Tester", model).tool(tool).build();
    let output = capture.run_async(agent.run("go")).await.unwrap().output;
    let (description, parameters) = output.split_once('|').unwrap();
    assert_eq!(description, "Looks an order up.\n\nIt needs the order's number.");
    let parameters: Json = serde_json::from_str(parameters).unwrap();
    assert_eq!(parameters.get("description"), None, "it is not said twice");
    assert_eq!(parameters["properties"]["number"]["description"], "As it stands on the invoice.");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Tester" { llm * tool "look_up" ["tool.result" = 7] llm * }
        }
    });
}

#[test]
fn an_explicit_description_overrides_the_doc_comment() {
    let tool = FunctionTool::infallible("look_up", "Finds orders.", look_up);
    assert_eq!(tool.spec().description, "Finds orders.");
    assert!(tool.spec().parameters["description"].as_str().unwrap().starts_with("Looks an order"));
}

#[test]
fn without_a_doc_comment_the_description_is_empty() {
    let shout = |_: RunContext, args: Text| async move { Ok::<_, String>(args.text) };
    let shout = FunctionTool::with_context("shout", Description::FromDocs, shout);
    assert_eq!(shout.spec().description, "");
    let any = FunctionTool::infallible("any", Description::FromDocs, |any: Json| async { any });
    assert_eq!(any.spec().description, "");
}

#[tokio::test]
async fn a_model_that_must_call_a_tool_may_answer_then() {
    let must = [ToolChoice::Required, ToolChoice::Tool("shout".to_owned())];
    let stays = [ToolChoice::Auto, ToolChoice::None];
    for choice in must.iter().chain(&stays) {
        let capture = Capture::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let model = ScriptedModel::from_fn("scripted", move |request: &ModelRequest| {
            let choice = request.settings.tool_choice.clone();
            noted.lock().unwrap().push(choice);
            match request.messages.len() {
                1 => Reply::call("shout", json!({"text": "hm"})),
                _ => Reply::text("done"),
            }
        });
        let agent = Agent::builder("Tester", model)
            .tool(shout())
            .tool_choice(choice.clone())
            .parallel_tool_calls(false)
            .build();
        assert_eq!(agent.settings().parallel_tool_calls, Some(false));
        assert_eq!(capture.run_async(agent.run("go")).await.unwrap().turns, 2);
        let then = Some(choice.clone()).filter(|choice| stays.contains(choice));
        assert_eq!(*seen.lock().unwrap(), [Some(choice.clone()), then]);
        assert_span_tree!(capture.spans_async().await, {
            runner "Runner" { agent "Tester" { llm * tool "shout" llm * } }
        });
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Bound {
    Value { value: u32 },
    Name { name: String },
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only read")]
enum Filter {
    Color { color: Option<String> },
    Sizes(Vec<u32>),
}

#[tokio::test]
async fn arguments_are_read_in_the_object_of_the_schema_or_without_it() {
    let tool = FunctionTool::infallible("limit", "Limits.", |bound: Bound| async move {
        match bound {
            Bound::Value { value } => value.to_string(),
            Bound::Name { name } => name,
        }
    });
    for (arguments, expected) in [
        (json!({"value": {"value": 3}}), "3"),
        (json!({"value": 3}), "3"),
        (json!({"value": {"name": "few"}}), "few"),
        (json!({"name": "few"}), "few"),
    ] {
        assert_eq!(tool.invoke(arguments).await.unwrap(), expected);
    }
    tool.invoke(json!({"value": "few"})).await.unwrap_err();
}

#[tokio::test]
async fn a_wrong_argument_is_not_ignored_by_a_type_without_required_members() {
    let tool = FunctionTool::infallible("find", "Finds.", |_: Filter| async {});
    tool.invoke(json!({"value": {"color": "red"}})).await.unwrap();
    tool.invoke(json!({"value": {"color": 7}})).await.unwrap_err();
}
