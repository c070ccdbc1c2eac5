//! Many concurrent runs that fail, are cancelled, hand over and call agents as tools.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod common;

use std::collections::BTreeMap;

use futures::FutureExt as _;
use raaf_agents::{
    Agent, FunctionTool, Guardrail, ModelError, ModelRequest, OnToolError, Reply, RunContext,
    RunError, Runner, ScriptedModel, Verdict,
};
use raaf_testkit::{Capture, Spans, assert_coherent};
use raaf_trace_core::current_span;
use serde_json::{Value as Json, json};

use common::{broken, shout};

const RUNS: u32 = 200;

/// Pseudo-random numbers, the same in every test run.
fn mixed(seed: u32) -> u32 {
    let mut number = seed.wrapping_mul(0x9E37_79B9) ^ 0x85EB_CA6B;
    for _ in 0..3 {
        number ^= number << 13;
        number ^= number >> 17;
        number ^= number << 5;
    }
    number
}

/// The number in `run 17`.
fn number_in(text: &str) -> u32 {
    text.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap()
}

/// Creates a model whose replies depend on the run and the length of the conversation.
fn model() -> ScriptedModel {
    ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        let run = number_in(&request.last_user_text());
        let turn = u32::try_from(request.messages.len()).unwrap();
        let arguments = json!({"text": "x", "input": format!("poem {}", run + 7)});
        match mixed(run * 31 + turn) % 10 {
            0..=2 => Reply::calls([
                ("shout", arguments.clone()),
                ("rest", arguments.clone()),
                ("broken", arguments),
            ]),
            3 | 4 => Reply::call("ask", arguments),
            5 | 6 => Reply::call("transfer_to_second", json!({})),
            7 => Reply::error(ModelError::other("overloaded")),
            _ => Reply::text("done"),
        }
    })
}

fn rest() -> FunctionTool {
    FunctionTool::infallible("rest", "Waits.", |_: Json| async {
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
    })
}

/// All runs share these agents.
fn first() -> Agent {
    let mood = Guardrail::with_context("mood", |context: RunContext, text: String| async move {
        let run = number_in(&text);
        tokio::task::yield_now().await;
        if mixed(run).is_multiple_of(5) {
            context.cancellation().cancel();
        }
        Ok::<_, String>(Verdict::trip_if(mixed(run).is_multiple_of(7), "a bad day"))
    });
    let helper = Agent::builder("Helper", model()).tool(shout()).tool(rest()).build();
    let second = Agent::builder("Second", model()).tool(rest()).tool(broken()).build();
    Agent::builder("First", model())
        .tool(shout())
        .tool(rest())
        .tool(broken())
        .tool(helper.as_tool("ask", "Asks."))
        .handoff(second)
        .input_guardrail(mood)
        .build()
}

/// Performs one run; a quarter of them are dropped half-way.
async fn run(agent: Agent, number: u32) -> Option<Result<String, RunError>> {
    let policy =
        if number.is_multiple_of(3) { OnToolError::FailRun } else { OnToolError::TellModel };
    let runner = Runner::new().with_max_turns(6).with_max_parallel_tools(2).on_tool_error(policy);
    let mut work = Box::pin(runner.run(&agent, format!("run {number}")));
    let ended = if number.is_multiple_of(4) {
        let mut ended = None;
        for _ in 0..mixed(number) % 8 {
            ended = work.as_mut().now_or_never();
            if ended.is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        ended
    } else {
        Some(work.as_mut().await)
    };
    drop(work);
    assert!(current_span().is_none(), "a context has leaked");
    ended.map(|ended| ended.map(|result| result.output))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn g23_runs_that_fail_and_are_cancelled_leave_well_formed_traces() {
    let agent = first();
    let runs: Vec<_> = (0..RUNS)
        .map(|number| {
            let capture = Capture::new();
            let run = tokio::spawn(capture.run_async(run(agent.clone(), number)));
            (capture, run)
        })
        .collect();
    let mut ends = BTreeMap::<&str, u32>::new();
    for (capture, run) in runs {
        let how = match run.await.unwrap() {
            None => "dropped",
            Some(Ok(_)) => "answered",
            Some(Err(error)) => error.kind.as_str(),
        };
        *ends.entry(how).or_default() += 1;
        let spans = capture.spans_async().await;
        if !spans.is_empty() {
            assert_coherent!(spans);
        }
        assert_right_parents(&spans);
    }
    for how in ["dropped", "answered", "model", "tool", "guardrail", "cancelled", "max_turns"] {
        assert!(ends.contains_key(how), "no run ended this way: {how}; {ends:?}");
    }
    assert!(current_span().is_none());
}

fn assert_right_parents(spans: &Spans) {
    for span in spans {
        let parent = spans.parent_of(span).map(|parent| parent.component_name().to_owned());
        let parent = parent.as_deref();
        match (span.kind().as_str(), span.component_name()) {
            ("runner", _) => assert_eq!(parent, None),
            ("agent", "Helper") => assert_eq!(parent, Some("ask")),
            ("agent", _) => assert_eq!(parent, Some("Runner")),
            ("guardrail" | "handoff", _) => assert_eq!(parent, Some("First")),
            _ => assert!(["First", "Second", "Helper"].contains(&parent.unwrap())),
        }
    }
}
