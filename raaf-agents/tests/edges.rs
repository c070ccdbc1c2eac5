//! Edge cases of models, servers and names.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod common;

use std::{future, time::Duration};

use async_trait::async_trait;
use raaf_agents::{
    Agent, FunctionTool, Guardrail, Handoff, Message, ModelError, ModelRequest, ModelSettings,
    Reply, RetryPolicy, RetryingModel, RunConfig, RunErrorKind, Runner, ScriptedModel, Session,
    SessionError, Tool as _, ToolChoice, Usage, Verdict,
};
use raaf_testkit::{Capture, assert_span_tree};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use common::shout;

/// Calls a tool while it must, as hosted models do.
fn obedient() -> ScriptedModel {
    ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        match request.settings.tool_choice {
            Some(ToolChoice::Required | ToolChoice::Tool(_)) => {
                Reply::call("shout", json!({"text": "hm"}))
            }
            _ => Reply::text("done"),
        }
    })
}

#[tokio::test]
async fn a_model_that_must_call_a_tool_may_answer_afterwards() {
    for choice in [ToolChoice::Required, ToolChoice::Tool("shout".to_owned())] {
        let mut settings = ModelSettings::default();
        settings.tool_choice = Some(choice);
        let agent = Agent::builder("A", obedient()).settings(settings).tool(shout()).build();
        let result = agent.run("go").await.unwrap();
        assert_eq!((&*result.output, result.turns), ("done", 2));
    }
}

/// Hangs in one of the two calls.
#[derive(Clone, Copy)]
enum Stuck {
    Load,
    Append,
}

#[async_trait]
impl Session for Stuck {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        if matches!(self, Self::Load) { future::pending().await } else { Ok(Vec::new()) }
    }

    async fn append(&self, _: Vec<Message>) -> Result<(), SessionError> {
        if matches!(self, Self::Append) { future::pending().await } else { Ok(()) }
    }

    async fn clear(&self) -> Result<(), SessionError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_holds_for_the_session_too() {
    for stuck in [Stuck::Load, Stuck::Append] {
        let agent = Agent::builder("A", ScriptedModel::new("scripted", ["hello"])).build();
        let config = RunConfig::new().session(stuck).deadline(Duration::from_secs(5));
        let runner = Runner::new().with_config(config);
        let capture = Capture::new();
        let run = tokio::time::timeout(Duration::from_secs(60), runner.run(&agent, "hi"));
        let ended = capture.run_async(run).await.unwrap();
        assert!(
            matches!(&ended, Err(error) if matches!(error.kind, RunErrorKind::Deadline { .. })),
            "{ended:?}"
        );
        let spans = capture.spans_async().await;
        match stuck {
            Stuck::Load => assert_span_tree!(spans, { runner "Runner" [error "timeout"] }),
            Stuck::Append => assert_span_tree!(spans, {
                runner "Runner" [error "timeout"] { agent "A" [ok] { llm "scripted" [ok] } }
            }),
        }
    }
}

fn named(name: &str) -> Handoff {
    Handoff::to(&Agent::builder(name, ScriptedModel::new("scripted", ["hello"])).build())
}

#[test]
fn any_agent_name_makes_a_tool_name_that_servers_accept() {
    let long = "Agent for what nobody else in this large organisation knows about".repeat(3);
    for name in ["Billing", "客服", "Ünterstützung", "🙂", "", "  ", "a/b\n\"c\"", &long] {
        let handoff = named(name);
        let tool = &handoff.spec().name;
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        assert!(tool.chars().all(fits) && tool.len() <= 64, "{name:?} became {tool:?}");
        assert!(tool.len() > "transfer_to_".len(), "{name:?} became {tool:?}");
    }
}

#[test]
fn agents_with_names_that_lose_letters_keep_their_handoffs() {
    let long = "What nobody else in this large organisation knows about ".repeat(3);
    let names = [
        "客服",
        "技术",
        "Übersetzer",
        "bersetzer",
        &[&*long, "1"].concat(),
        &[&*long, "2"].concat(),
    ];
    let agent = Agent::builder("A", ScriptedModel::new("scripted", ["hello"]));
    let agent = names.iter().fold(agent, |agent, name| agent.handoff(named(name))).build();
    assert_eq!(agent.handoffs().len(), names.len(), "{:?}", agent.handoffs());
}

#[tokio::test]
async fn a_tool_without_arguments_or_of_any_value_has_an_object_schema() {
    let nothing = FunctionTool::infallible("now", "Tells the time.", |(): ()| async { "noon" });
    let anything = FunctionTool::infallible("echo", "Says it again.", |any: Json| async { any });
    for tool in [&nothing, &anything] {
        assert_eq!(tool.spec().parameters["type"], "object", "{:?}", tool.spec());
        assert!(tool.spec().parameters["properties"].is_object(), "{:?}", tool.spec());
    }
    assert_eq!(nothing.invoke(json!({})).await.unwrap().into_json(), "noon");
    assert_eq!(anything.invoke(json!({"a": 1})).await.unwrap().into_json(), json!({"a": 1}));
}

#[tokio::test]
async fn a_name_that_a_tool_and_a_handoff_share_is_offered_once() {
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        let names: Vec<_> = request.tools.iter().map(|tool| &*tool.name).collect();
        names.join(" ")
    });
    let handoff = named("Billing").tool_name("shout");
    let agent = Agent::builder("A", model).tool(shout()).handoff(handoff).build();
    assert_eq!(agent.run("go").await.unwrap().output, "shout");
}

#[tokio::test]
async fn a_guardrail_beside_a_model_that_fails_first_is_cancelled() {
    let gone = ModelError::Connection { message: "gone".to_owned() };
    let model = ScriptedModel::new("scripted", [Reply::error(gone)]);
    let slow = Guardrail::new("slow", |_| future::pending::<Verdict>());
    let agent = Agent::builder("A", model).input_guardrail(slow).build();
    let capture = Capture::new();
    let error = capture.run_async(agent.run("go")).await.unwrap_err();
    assert!(matches!(&error.kind, RunErrorKind::Model(_)), "{error:?}");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error "connection"] {
            agent "A" [error "connection"] {
                guardrail "slow" [cancelled]
                llm "scripted" [error "connection"]
            }
        }
    });
}

#[derive(Deserialize, JsonSchema)]
struct Count {
    #[allow(dead_code, reason = "only its schema counts")]
    count: u8,
}

#[tokio::test]
async fn repairs_retries_and_agents_as_tools_count_once() {
    let each = Usage::new(10, 1);
    let busy =
        ModelError::RateLimited { message: String::new(), retry_after: Some(Duration::ZERO) };
    let says = [
        Reply::error(busy),
        Reply::text("none").with_usage(each),
        Reply::text(r#"{"count": 1}"#).with_usage(each),
    ];
    let counting = RetryingModel::new(ScriptedModel::new("scripted", says), RetryPolicy::new(1));
    let counter = Agent::builder("Counter", counting).output_type::<Count>().build();
    let says = [
        Reply::call("count", json!({"input": "sheep"})).with_usage(each),
        Reply::text("One.").with_usage(each),
    ];
    let asking = ScriptedModel::new("scripted", says);
    let agent = Agent::builder("A", asking).tool(counter.as_tool("count", "Counts.")).build();
    let result = agent.run("go").await.unwrap();
    assert_eq!((&*result.output, result.usage), ("One.", Usage::new(40, 4)));
    let by_agent: Vec<_> = result.usage_by_agent.into_iter().collect();
    let twice = Usage::new(20, 2);
    assert_eq!(by_agent, [("A".to_owned(), twice), ("Counter".to_owned(), twice)]);
}
