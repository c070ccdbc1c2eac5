//! With sensitive data off, spans contain no text of users, models and tools.

#![allow(clippy::unwrap_used, reason = "tests and their helpers may fail")]

mod common;

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use raaf_agents::{
    Agent, FunctionTool, Guardrail, ModelError, OnToolError, Pipeline, Reply, RunConfig, RunError,
    RunResult, Runner, ScriptedModel, State, Step, Verdict, service,
};
use raaf_testkit::{Capture, Spans, assert_span_tree};
use raaf_trace_core::{Component, Traceable as _, attributes::SpanLimits};
use serde_json::json;

use common::{Text, broken, shout};

/// Runs a workflow in which all texts are `classified`, and returns its spans.
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

/// Formats everything that a sink receives.
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
async fn a5_the_errors_of_a_run_are_content() {
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

/// An agent that calls another, gives an invalid answer and hands over to an agent that a guardrail
/// stops. All texts are `classified`.
fn talkative() -> Agent {
    let inner = [Reply::call("shout", json!({"text": "classified"})), Reply::text("classified")];
    let inner = Agent::builder("Inner", ScriptedModel::new("m", inner)).tool(shout()).build();
    let objecting =
        Guardrail::new(
            "objecting",
            |text: String| async move { Verdict::trip(format!("no: {text}")) },
        );
    let last = Agent::builder("Last", ScriptedModel::new("m", ["classified"]))
        .output_guardrail(objecting)
        .build();
    let replies = [
        Reply::call("ask", json!({"input": "classified"})),
        Reply::call("broken", json!({"text": "classified"})),
        Reply::call("classified", json!("classified")),
        Reply::text("classified"),
        Reply::call("transfer_to_last", json!({})),
    ];
    Agent::builder("First", ScriptedModel::new("m", replies))
        .instructions("classified")
        .output_type::<Text>()
        .tool(inner.as_tool("ask", "Asks."))
        .tool(broken())
        .handoff(&last)
        .build()
}

fn stopped(result: Result<RunResult, RunError>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind.as_str(), "guardrail");
    assert!(error.to_string().contains("classified"), "the caller is told: {error}");
}

#[tokio::test]
async fn a5_a_run_without_sensitive_data_keeps_none_in_its_trace() {
    let configs = [RunConfig::new(), RunConfig::new().workflow_name("visit")];
    for config in configs {
        for streamed in [false, true] {
            let capture = Capture::new();
            let runner = Runner::new().with_config(config.clone().include_sensitive_data(false));
            let result = if streamed {
                let stream = capture.run(|| runner.stream(&talkative(), "classified"));
                stream.finish().await.unwrap()
            } else {
                capture.run_async(runner.run(&talkative(), "classified")).await
            };
            stopped(result);
            let spans = capture.spans_async().await;
            assert_span_tree!(spans, * * [error "guardrail"] {
                agent "First" [ok, "agent.turns" = 5, !"input"] {
                    llm "m" ["gen_ai.usage.output_tokens"]
                    tool "ask" [ok, "tool.call_id" = "call_1"] {
                        agent "Inner" { llm "m"  tool "shout"  llm "m" }
                    }
                    llm "m"
                    tool "broken" [error "ToolError::Failed"]
                    llm "m"
                    tool "unknown_tool" [error "ToolError::Unknown"]
                    llm "m" x 2
                    handoff "Last"
                }
                agent "Last" [error, "agent.stop_reason" = "guardrail"] {
                    llm "m"
                    guardrail "objecting" [ok, "guardrail.triggered" = true]
                }
            });
            let said = everything(&spans);
            assert!(!said.contains("classified"), "{said}");
        }
    }
}

#[tokio::test]
async fn a5_within_a_trace_a_run_without_sensitive_data_leaves_the_rest_as_it_is() {
    let capture = Capture::new();
    let runner = Runner::new().with_config(RunConfig::new().include_sensitive_data(false));
    let job = Component::new("Job");
    let work = async {
        stopped(runner.run(&talkative(), "classified").await);
        // The same agent, without the switch.
        stopped(Runner::new().run(&talkative(), "classified").await);
    };
    let call = job.traced("run").with_content("input", "classified");
    capture.run_async(call.in_span(work)).await;
    let spans = capture.spans_async().await;
    let with_input = spans.iter().filter(|span| span.attributes().get("input").is_some());
    assert_span_tree!(spans, {
        job * ["input" = "classified"] {
            agent "First" [!"input"] { .. }
            agent "Last" [!"input"] { .. }
            agent "First" ["input" = "classified"] { .. }
            agent "Last" ["input"] { .. }
        }
    });
    // The job, and of the second run the two agents, the one that is a tool, the guardrail and the
    // hand-off.
    assert_eq!(with_input.count(), 6);
}
