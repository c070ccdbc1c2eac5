//! States: their form, and what they have to fit to.

use std::{
    io,
    sync::{Arc, Mutex},
};

use raaf_agents::{
    Agent, Approval, FunctionTool, Limits, MemorySession, ModelSettings, ResumeError, RunConfig,
    RunError, RunErrorKind, RunState, Runner, ScriptedModel,
};
use serde_json::json;

use super::{call, common::Text, model, nested, paused_and_approved, ran::Ran, stored};

#[tokio::test]
async fn numbers_of_a_hostile_state_do_not_overflow() {
    let agent = Agent::builder("Top", ScriptedModel::new("scripted", ["Done."])).build();
    let runner = Runner::new().with_config(RunConfig::new().pause_when(|_| true));
    let state = runner.run(&agent, "go").await.unwrap_err().into_state().unwrap();
    let mut json = serde_json::to_value(&state).unwrap();
    json["turns"] = json!(u32::MAX);
    json["spent"]["tool_calls"] = json!(u64::MAX);
    json["stored"]["count"] = json!(u64::MAX);
    json["unknown"] = json!({ "field": true });
    let state: RunState = serde_json::from_value(json.clone()).unwrap();
    json["spent"]["requests"] = json!(u64::MAX);
    let spent: RunState = serde_json::from_value(json).unwrap();
    let limits = Limits::new().requests(5).tool_calls(5);
    let config = RunConfig::new().limits(limits).session(MemorySession::new());
    let limited = Runner::new().with_answer_at_max_turns(true).with_config(config);
    let error = limited.resume(&agent, spent).await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Limit { .. }), "{error}");
    let result = Runner::new().with_answer_at_max_turns(true).resume(&agent, state).await.unwrap();
    assert_eq!(result.output, "Done.");
}

#[tokio::test]
async fn a_state_that_does_not_fit_names_what_is_missing() {
    let ran = Ran::default();
    let support = |name: &str, tool: FunctionTool| {
        Agent::builder(name, model(vec![call("1", "refund", "a")])).tool(tool).build()
    };
    let waiting = || ran.tool("refund").with_approval(Approval::always());
    let runner = Runner::new();
    let paused =
        async || stored(runner.run(&support("Support", waiting()), "go").await.unwrap_err());

    let resume = async |agent: Agent| match runner.resume(&agent, paused().await).await.unwrap_err()
    {
        RunError { kind: RunErrorKind::Resume(error), progress, .. } => {
            assert_eq!(progress.messages.len(), 3, "each call has a result");
            error
        }
        other => panic!("{other}"),
    };
    let error = resume(support("Sales", waiting())).await;
    assert_eq!(error.to_string(), "there is no agent `Support`; known agents: Sales");
    let error = resume(support("Support", ran.tool("other"))).await;
    assert_eq!(error.to_string(), "agent `Support` has no tool `refund`, which a call is for");
    let changed = FunctionTool::infallible("refund", "Refunds.", |(): ()| async { "done" });
    let error = resume(support("Support", changed)).await;
    assert!(matches!(&error, ResumeError::ChangedTool { tool, .. } if tool == "refund"), "{error}");
    assert!(ran.take().is_empty());
}

#[tokio::test]
async fn a_changed_agent_deep_inside_is_found_before_anything_runs() {
    let ran = Ran::default();
    let run = async { nested(&ran).run("go").await };
    let mut state = stored(run.await.unwrap_err());
    ran.take();
    for call in state.pending() {
        state.approve(&call.key).unwrap();
    }
    let stranger = Agent::builder("Stranger", model(Vec::new())).build();
    let top = Agent::builder("Top", model(Vec::new()))
        .tool(stranger.as_tool("ask", "Asks."))
        .tool(ran.tool("note"))
        .tool(ran.tool("write").with_approval(Approval::always()))
        .build();
    let error = Runner::new().resume(&top, state).await.unwrap_err();
    let known = "the run cannot be resumed: there is no agent `Middle`; known agents: Stranger";
    assert!(error.to_string().ends_with(known), "{error}");
    assert!(ran.take().is_empty());
}

#[tokio::test]
async fn the_state_has_a_version_and_no_secret_of_the_settings() {
    let mut settings = ModelSettings::default();
    settings.extra_headers.insert("authorization".to_owned(), "Bearer s3cret".to_owned());
    let agent = Agent::builder("Support", model(vec![call("1", "refund", "a")]))
        .instructions("You are s3cret.")
        .settings(settings)
        .tool(Ran::default().tool("refund").with_approval(Approval::always()))
        .build();
    let state = agent.run("go").await.unwrap_err().into_state().unwrap();
    let mut json = serde_json::to_value(&state).unwrap();
    assert!(!json.to_string().contains("s3cret"), "{json}");
    assert_eq!(json["v"], 1);
    json["v"] = 2.into();
    let error = serde_json::from_value::<RunState>(json).unwrap_err().to_string();
    assert_eq!(error, "state of version 2; this version of raaf-agents reads version 1");
    let shown = format!("{state:?}");
    assert!(shown.contains("pending: 1") && !shown.contains("refund"), "{shown}");
}

#[tokio::test]
async fn a_state_that_is_resumed_twice_makes_its_calls_with_the_same_key() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&keys);
    let refund = FunctionTool::with_context("refund", "Refunds.", move |context, _: Text| {
        seen.lock().unwrap().push(context.idempotency_key());
        async { Ok::<_, io::Error>("done") }
    })
    .with_approval(Approval::always());
    let agent =
        Agent::builder("Support", model(vec![call("1", "refund", "a")])).tool(refund).build();
    let runner = Runner::new();
    let state = paused_and_approved(&runner, &agent).await;
    let one = runner.resume(&agent, state.clone()).await.unwrap();
    assert_eq!(runner.resume(&agent, state).await.unwrap().messages, one.messages);
    let keys = keys.lock().unwrap();
    assert!(keys.len() == 2 && keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
}
