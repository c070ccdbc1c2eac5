//! Texts of errors: each tells its cause, in one line and once.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

use std::error::Error;

use raaf_agents::{
    Agent, FunctionTool, Guardrail, ModelError, OnToolError, Pipeline, Reply, Runner,
    ScriptedModel, SessionError, State, Tool as _, ToolError, Verdict, service,
};
use raaf_testkit::Capture;
use serde_json::json;

/// An enum, whose variant is the type of the failure.
#[derive(Debug, thiserror::Error)]
enum Weather {
    #[error("{city} is under water")]
    Flooded { city: &'static str, source: std::io::Error },
}

fn flooded() -> Weather {
    Weather::Flooded { city: "Venice", source: std::io::Error::other("the sea rose") }
}

/// Checks that an error has this text, also with its causes, which are not repeated.
fn assert_told(error: impl Error + Send + Sync + 'static, text: &str, causes: &str) {
    assert_eq!(error.to_string(), text);
    let error = anyhow::Error::from(error);
    assert_eq!(format!("{error:#}"), format!("{text}{causes}"));
    let debug = format!("{error:?}");
    assert!(debug.contains(text), "{debug}");
}

fn agent(tool: FunctionTool) -> Agent {
    let model = ScriptedModel::new("scripted", [Reply::call("look", json!({}))]);
    Agent::builder("F", model).tool(tool.with_on_error(OnToolError::FailRun)).build()
}

async fn run(agent: &Agent) -> raaf_agents::RunError {
    Capture::new().run_async(Runner::new().run(agent, "go")).await.unwrap_err()
}

fn look() -> FunctionTool {
    FunctionTool::new("look", "Looks.", |(): ()| async { Err::<(), _>(flooded()) })
}

#[tokio::test]
async fn errors_of_runs_tell_their_cause_once() {
    let busy = ModelError::RateLimited { message: "slow down".into(), retry_after: None };
    let failing = Agent::builder("F", ScriptedModel::new("m", [Reply::error(busy)])).build();
    let text = "agent `F` (turn 1): the model call failed: rate limit of the model server exceeded: \
                slow down";
    assert_told(run(&failing).await, text, "");

    let text = "agent `F` (turn 1): a tool call failed: `look` failed: Venice is under water";
    assert_told(run(&agent(look())).await, text, ": the sea rose");

    let judge =
        Guardrail::with_context("judge", |_, _: String| async { Err::<Verdict, _>(flooded()) });
    let guarded = Agent::builder("F", ScriptedModel::new("m", ["yes"]))
        .input_guardrail(judge.before_model())
        .build();
    let text = "agent `F`: guardrail `judge` failed: Venice is under water";
    assert_told(run(&guarded).await, text, ": the sea rose");
    let text = "session store failed: Venice is under water";
    assert_told(SessionError::new(flooded()), text, ": the sea rose");
}

#[tokio::test]
async fn errors_of_tools_and_steps_tell_their_cause_once() {
    let error = look().call(json!({})).await.unwrap_err();
    assert_told(error, "`look` failed: Venice is under water", ": the sea rose");
    let context = FunctionTool::new("look", "Looks.", |(): ()| async {
        Err::<(), _>(anyhow::Error::from(flooded()).context("asking"))
    });
    let error = context.call(json!({})).await.unwrap_err();
    assert_told(error, "`look` failed: asking", ": Venice is under water: the sea rose");

    let step = service("S", |_: State| async { Err(flooded().into()) });
    for (flow, text) in [
        (
            Pipeline::builder("P").then(step),
            "pipeline `P` stopped at step `S`: Venice is under water",
        ),
        (
            Pipeline::builder("P").then(agent(look()).reads("input")),
            "pipeline `P` stopped at step `F`: agent `F` (turn 1): a tool call failed: `look` failed: \
             Venice is under water",
        ),
    ] {
        let pipeline = flow.build().unwrap();
        let state = State::new().with("input", "go");
        let error = Capture::new().run_async(pipeline.run(state)).await.unwrap_err();
        assert_told(error, text, ": the sea rose");
    }
}

#[tokio::test]
async fn an_agent_as_a_tool_tells_its_caller_the_cause() {
    let down = ModelError::Connection { message: "refused".into() };
    let inner = Agent::builder("Inner", ScriptedModel::new("m", [Reply::error(down)])).build();
    let outer = Agent::builder(
        "Outer",
        ScriptedModel::new(
            "m",
            [Reply::call("ask", json!({ "input": "go" })), Reply::text("It is down.")],
        ),
    )
    .tool(inner.as_tool("ask", "Asks."))
    .build();
    let result = Capture::new().run_async(outer.run("go")).await.unwrap();
    let text = "`ask` failed: agent `Inner` (turn 1): the model call failed: connection to the model \
                server failed: refused";
    assert_eq!(result.messages[2].text(), text);
    let error = inner.as_tool("ask", "Asks.").call(json!({ "input": "go" })).await.unwrap_err();
    assert!(matches!(error, ToolError::Failed { .. }));
}
