//! With sensitive data off, nothing that anybody wrote is in any span.

#![allow(clippy::unwrap_used, reason = "tests and their helpers may fail")]

mod common;

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use raaf_agents::{
    Agent, FunctionTool, ModelError, OnToolError, Pipeline, Reply, Runner, ScriptedModel, State,
    Step, service,
};
use raaf_testkit::{Capture, Spans, assert_span_tree};
use raaf_trace_core::SpanLimits;
use serde_json::json;

use common::{Text, broken, shout};

/// Runs a workflow in which everybody says `classified`, and returns what is captured of it.
async fn captured(include_content: bool) -> Spans {
    let mut limits = SpanLimits::default();
    limits.include_content = include_content;
    let capture = Capture::with(|builder| builder.limits(limits));
    let both =
        [("shout", json!({"text": "classified"})), ("broken", json!({"text": "classified"}))];
    let model = ScriptedModel::new(
        "scripted",
        [
            Reply::calls(both),
            Reply::raw_call("shout", "classified"),
            Reply::text("classified"),
            Reply::error(ModelError::other("classified")),
        ],
    );
    let agent = Agent::builder("Agent", model)
        .instructions("classified")
        .tool(shout())
        .tool(broken())
        .build();
    let pipeline = Pipeline::builder("Pipeline")
        .then(agent.reads("input"))
        .then(agent.reads("input"))
        .build()
        .unwrap();
    let state = State::new().with("input", "classified");
    assert!(capture.run_async(pipeline.run(state)).await.is_err());
    capture.spans_async().await
}

/// Everything that a sink could see.
fn everything(spans: &Spans) -> String {
    let said = spans.iter().map(|span| format!("{span:?} {:?}", span.events().collect::<Vec<_>>()));
    said.collect::<String>().to_lowercase()
}

#[tokio::test]
async fn a5_sensitive_data_off_leaves_no_prompt_anywhere() {
    let spans = captured(false).await;
    assert_span_tree!(spans, {
        pipeline "Pipeline" [status = error] {
            agent "Agent" [status = ok, "agent.turns" = 3, "output" = None::<&str>] {
                llm "scripted" ["gen_ai.usage.output_tokens" = 4]
                tool "shout" [status = ok, "tool.call_id" = "call_1"]
                tool "broken" [status = error]
                llm "scripted"
                tool "shout" [status = error]
                llm "scripted" ["gen_ai.response.finish_reasons" = ["stop"]]
            }
            agent "Agent" [status = error] { llm "scripted" [status = error] }
        }
    });
    let said = everything(&spans);
    assert!(!said.contains("classified"), "{said}");
}

#[tokio::test]
async fn sensitive_data_on_shows_prompts_and_completions() {
    let spans = captured(true).await;
    assert!(everything(&spans).contains("classified"));
    let llm = spans.by_kind("llm").next().unwrap();
    let messages = llm.attributes().get("gen_ai.input.messages").unwrap().as_json().cloned();
    let expected = json!([{"role": "user", "parts": [{"type": "text", "content": "classified"}]}]);
    assert_eq!(messages, Some(expected));
}

async fn panic_with(args: Text) {
    assert!(args.text.is_empty(), "{}", args.text);
}

#[tokio::test]
async fn a5_what_ends_a_run_is_not_told_either() {
    let mut limits = SpanLimits::default();
    limits.include_content = false;
    let capture = Capture::with(|builder| builder.limits(limits));
    let model = || ScriptedModel::new("m", [Reply::call("broken", json!({"text": "classified"}))]);
    let failing = Agent::builder("Failing", model()).tool(broken()).build();
    let runner = Runner::new().on_tool_error(OnToolError::FailRun);
    let failing = failing.reads("input").with_runner(runner);
    let step = service("Reads", |state: State| async move {
        let number: i64 = state.get("input")?;
        Ok(state.with("number", number))
    });
    let panicking = FunctionTool::infallible("broken", "Panics.", panic_with);
    let panicking = Agent::builder("Panicking", model()).tool(panicking).build().reads("input");
    let steps: [Box<dyn Step>; 3] = [Box::new(failing), Box::new(step), Box::new(panicking)];
    for step in steps {
        let pipeline = Pipeline::builder("Pipeline").then(step).build().unwrap();
        let run = capture.run_async(pipeline.run(State::new().with("input", "classified")));
        assert!(!matches!(AssertUnwindSafe(run).catch_unwind().await, Ok(Ok(_))));
    }
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, pipeline "Pipeline" [error] { .. } x 3);
    let said = everything(&spans);
    assert!(!said.contains("classified"), "{said}");
}
