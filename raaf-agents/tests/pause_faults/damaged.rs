//! States with numbers and values that no run would write.

use std::time::Duration;

use proptest::prelude::*;
use raaf_agents::{
    Agent, Approval, FlowExt as _, FunctionTool, Handoff, MemorySession, OnToolError, Pipeline,
    RunConfig, Runner, State, StepError, step,
};
use raaf_testkit::Capture;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};

use super::{approve, at_once, clerk, journal::block_on, model, ran::Ran};

#[tokio::test]
async fn attempts_of_a_hostile_state_neither_overflow_nor_hang() {
    for retries in [3, u32::MAX] {
        let ran = Ran::default();
        let failing =
            FunctionTool::new("send", "Sends it.", |(): ()| async { Err::<(), _>("lost") })
                .with_approval(Approval::always());
        let builder = Agent::builder("Clerk", model(&["send"])).tool(failing);
        let agent = builder
            .build()
            .writes("y")
            .with_runner(Runner::new().on_tool_error(OnToolError::FailRun));
        let flow = (ran.note("a") >> agent).retry(at_once(retries));
        let pipeline = flow.named("Post").takes("input").build().unwrap();
        let state = pipeline.run(State::new().with("input", "x")).await.unwrap_err();
        let mut state = state.into_state().unwrap();
        approve(&mut state);
        let mut json = serde_json::to_value(&state).unwrap();
        *attempt_of(&mut json) = json!(u32::MAX);
        let state = serde_json::from_value(json).unwrap();
        let error = pipeline.resume(state).await.unwrap_err();
        // The last retry of all pauses again.
        assert_eq!(matches!(error.source, StepError::Paused(_)), retries == u32::MAX, "{error}");
    }
}

fn attempt_of(json: &mut Json) -> &mut Json {
    let mut place = &mut json["place"];
    while place.get("attempt").is_none() {
        place = &mut place["inner"];
    }
    &mut place["attempt"]
}

#[tokio::test]
async fn appends_of_a_hostile_state_do_not_overflow() {
    let ran = Ran::default();
    let agent = clerk("Clerk", &ran);
    let mut state = agent.run("go").await.unwrap_err().into_state().unwrap();
    state.approve(&state.pending()[0].key).unwrap();
    let mut json = serde_json::to_value(&state).unwrap();
    json["stored"]["appends"] = json!(u32::MAX);
    let config = RunConfig::new().session(MemorySession::new());
    let state = serde_json::from_value(json).unwrap();
    let result = Runner::new().with_config(config).resume(&agent, state).await.unwrap();
    assert_eq!(result.output, "3 messages");
}

/// Replaces the value at a random place of a JSON document.
fn damage(json: &mut Json, mut at: usize, by: &Json) {
    fn count(json: &Json) -> usize {
        1 + match json {
            Json::Array(items) => items.iter().map(count).sum(),
            Json::Object(fields) => fields.values().map(count).sum(),
            _ => 0,
        }
    }
    let mut place = json;
    loop {
        at %= count(place);
        if at == 0 {
            *place = by.clone();
            return;
        }
        at -= 1;
        let children: Vec<&mut Json> = match place {
            Json::Array(items) => items.iter_mut().collect(),
            Json::Object(fields) => fields.values_mut().collect(),
            _ => return,
        };
        let mut found = None;
        for child in children {
            let inside = count(child);
            if at < inside {
                found = Some(child);
                break;
            }
            at -= inside;
        }
        let Some(child) = found else { return };
        place = child;
    }
}

/// Returns a state with these damages, if it can still be read.
fn damaged<T: Serialize + DeserializeOwned>(state: &T, damages: &[(usize, Json)]) -> Option<T> {
    let mut json = serde_json::to_value(state).unwrap();
    for (at, by) in damages {
        damage(&mut json, *at, by);
    }
    serde_json::from_value(json).ok()
}

fn damages() -> impl Strategy<Value = Vec<(usize, Json)>> {
    let values = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(0)),
        Just(json!(1)),
        Just(json!(-1)),
        Just(json!(u32::MAX)),
        Just(json!(u64::MAX)),
        Just(json!(1e308)),
        Just(json!("")),
        Just(json!("done")),
        Just(json!("approved")),
        Just(json!("waiting")),
        Just(json!("Top")),
        Just(json!("free")),
        Just(json!("ask")),
        Just(json!("transfer_to_other")),
        Just(json!([])),
        Just(json!({})),
        Just(json!({ "at": "turn" })),
        Just(json!({ "at": "asked" })),
        Just(json!({ "at": "start", "first": true })),
        Just(json!({ "at": "handoff", "tool": "transfer_to_other" })),
        Just(json!({ "at": "mismatch", "output": "", "mismatch": "x", "finish_reason": "stop" })),
        Just(json!({ "at": "answer", "output": "x", "finish_reason": "length" })),
        Just(json!({ "at": "ended", "output": "x", "finish_reason": "stop" })),
    ];
    prop::collection::vec((any::<usize>(), values), 1..4)
}

fn hard(ran: &Ran) -> Agent {
    let other = Agent::builder("Other", model(&["free"])).tool(ran.tool("free")).build();
    let inner = Agent::builder("Inner", model(&["free", "send"]))
        .tool(ran.tool("free"))
        .tool(ran.asking("send"))
        .build();
    Agent::builder("Top", model(&["free", "ask", "send", "transfer_to_other"]))
        .tool(ran.tool("free"))
        .tool(ran.asking("send"))
        .tool(inner.as_tool("ask", "Asks."))
        .handoff(Handoff::to(&other).approval(Approval::always()))
        .build()
}

fn hard_pipeline(ran: &Ran) -> Pipeline {
    let each = clerk("Each", ran).reads("item").writes("sent").before(|_| {}).retry(at_once(2));
    let inner =
        (ran.note("a") >> clerk("Inner", ran).writes("inner")).named("Nested").takes("input");
    let flow = hard(ran).writes("top").timeout(Duration::from_secs(60)).map_input("x", "input")
        | each.each_over("list").item("item")
        | ran.note("free")
        | step(inner.build().unwrap());
    (flow >> ran.note("last"))
        .named("Post")
        .takes("input")
        .takes("x")
        .takes("list")
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_state_of_a_run_is_an_error_or_goes_on(damages in damages(), approves: bool) {
        block_on(async {
            let ran = Ran::default();
            let agent = hard(&ran);
            let state = agent.run("go").await.unwrap_err().into_state().unwrap();
            let Some(mut state) = damaged(&state, &damages) else { return };
            for call in state.pending().iter().filter(|_| approves) {
                state.approve(&call.key).unwrap();
            }
            let capture = Capture::new();
            let runner = Runner::new().with_config(RunConfig::new().session(MemorySession::new()));
            let _ = capture.run_async(runner.resume(&agent, state)).await;
            // The place in the trace may be damaged, too.
            let open = capture.spans_async().await.len();
            assert!(open < 100);
        });
    }

    #[test]
    fn a_damaged_state_of_a_pipeline_is_an_error_or_goes_on(damages in damages(), approves: bool) {
        block_on(async {
            let ran = Ran::default();
            let pipeline = hard_pipeline(&ran);
            let given = State::new().with("input", "x").with("x", "y").with("list", json!(["p", "q"]));
            let state = pipeline.run(given).await.unwrap_err().into_state().unwrap();
            let Some(mut state) = damaged(&state, &damages) else { return };
            if approves {
                approve(&mut state);
            }
            let _ = pipeline.resume(state).await;
        });
    }
}
