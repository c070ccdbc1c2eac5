//! Runs of an agent, and the spans they leave.

mod common;

use std::sync::Arc;

use futures::FutureExt as _;
use raaf_agents::{
    Agent, FinishReason, FunctionTool, Message, ModelError, ModelRequest, OnToolError, Reply, Role,
    RunConfig, RunErrorKind, Runner, ScriptedModel, Tool as _, ToolError, ToolResult, Usage,
};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{Component, Traceable as _, current_span, keys, trace};
use serde_json::{Value as Json, json};

use common::{Silent, Text, broken, endless, shout};

fn calls(names: &[&str]) -> Reply {
    Reply::calls(names.iter().map(|name| (*name, json!({"text": *name}))))
}

fn agent(replies: impl IntoIterator<Item = Reply>) -> Agent {
    Agent::builder("Tester", ScriptedModel::new("scripted", replies))
        .tool(shout())
        .tool(broken())
        .tool(endless())
        .build()
}

#[tokio::test]
async fn an_answer_without_tools_is_one_turn() {
    let capture = Capture::new();
    let result = capture.run_async(agent([Reply::text("done")]).run("go")).await.unwrap();
    assert_eq!((result.output.as_str(), result.turns), ("done", 1));
    assert_eq!(result.finish_reason, FinishReason::Stop);
    assert_eq!(result.messages, [Message::user("go"), Message::assistant("done")]);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [status = ok] {
            agent "Tester" [status = ok] { llm "scripted" [status = ok] }
        }
    });
}

#[tokio::test]
async fn g26_the_root_of_a_run_has_its_input_and_output() {
    let capture = Capture::new();
    let replies = || agent([Reply::text("first"), Reply::text("second")]);
    let config = RunConfig::new().workflow_name("Nightly");
    capture.run_async(replies().run("go")).await.unwrap();
    capture.run_async(Runner::new().with_config(config).run(&replies(), "go")).await.unwrap();
    let two = replies();
    let both = async {
        two.run("go").await?;
        two.run("on").await
    };
    capture.run_async(trace("chat").try_in_span(both)).await.unwrap();
    let own = trace("own").try_in_span(async {
        if let Some(root) = current_span() {
            root.set_content(keys::INPUT, "what the user said");
        }
        replies().run("go").await
    });
    capture.run_async(own).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" ["input" = "go", "output" = "first"] { .. }
        trace "Nightly" ["input" = "go", "output" = "first"] { .. }
        trace "chat" ["input" = "go", "output" = "second"] { .. }
        trace "own" ["input" = "what the user said", "output" = "first"] { .. }
    });
}

#[tokio::test]
async fn g26_the_root_has_the_content_of_a_run_below_other_spans_of_the_program() {
    let capture = Capture::new();
    let answer = || async { agent([Reply::text("done")]).run("go").await };
    let handler = Component::new("Handler");
    let below = trace("chat").try_in_span(async { handler.try_in_span("handle", answer()).await });
    capture.run_async(below).await.unwrap();
    let tool = Component::tool("Search");
    let part = trace("part").try_in_span(async { tool.try_in_span("run", answer()).await });
    capture.run_async(part).await.unwrap();
    let secret = trace("secret").try_in_span(async {
        handler.traced("handle").include_sensitive_data(false).try_in_span(answer()).await
    });
    capture.run_async(secret).await.unwrap();
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        trace "chat" ["input" = "go", "output" = "done"] { component "Handler" { .. } }
        trace "part" { .. }
        trace "secret" { .. }
    });
    let without = spans.iter().filter(|span| ["part", "secret"].contains(&span.component_name()));
    assert!(without.into_iter().all(|span| span.attributes().get("input").is_none()), "{spans}");
}

#[tokio::test]
async fn a_runner_span_opens_only_where_no_trace_is_active() {
    let capture = Capture::new();
    let agent = agent([Reply::text("a"), Reply::text("b")]);
    let run = trace("workflow").try_in_span(agent.run("go"));
    capture.run_async(run).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        trace "workflow" { agent "Tester" { llm "scripted" } }
    });
}

#[test]
fn g8_an_agent_bound_to_a_pipeline_finds_it_from_a_bare_thread() {
    let capture = Capture::new();
    let pipeline = Component::pipeline("Outer");
    let agent = Agent::builder("Tester", ScriptedModel::new("scripted", ["done"]))
        .parent(&pipeline)
        .build();
    let in_thread = || std::thread::spawn(move || agent.run("go").now_or_never()).join();
    let result = capture.run(|| pipeline.in_span("run", || in_thread().ok().flatten()?.ok()));
    assert_eq!(result.map(|result| result.output).as_deref(), Some("done"));
    assert_span_tree!(capture, { pipeline "Outer" { agent "Tester" { llm "scripted" } } });
}

#[tokio::test]
async fn g26_agents_models_and_tools_have_typed_attributes() {
    let capture = Capture::new();
    let model = ScriptedModel::new("scripted", [calls(&["shout"]), Reply::text("done")]);
    let agent = Agent::builder("Tester", model)
        .instructions("Be brief.")
        .tool(shout())
        .temperature(0.7)
        .max_tokens(500)
        .build();
    capture.run_async(agent.run("go")).await.unwrap();
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        runner "Runner" {
            agent "Tester" [
                "agent.name" = "Tester", "agent.model" = "scripted", "agent.temperature" = 0.7,
                "agent.max_tokens" = 500, "agent.tools_count" = 1, "agent.max_turns" = 10,
                "agent.turns" = 2, "input" = "go", "output" = "done"
            ] {
                llm "scripted" [
                    "gen_ai.operation.name" = "chat", "gen_ai.request.model" = "scripted",
                    "gen_ai.response.id" = "scripted-1", "gen_ai.request.temperature" = 0.7,
                    "gen_ai.request.max_tokens" = 500,
                    "gen_ai.system_instructions" = "Be brief."
                ]
                tool "shout" [
                    "tool.name" = "shout", "tool.call_id" = "call_1", "tool.result" = "SHOUT"
                ]
                llm "scripted" ["gen_ai.response.id" = "scripted-2"]
            }
        }
    });
    let tool = spans.only("shout");
    let arguments = tool.attributes().get("tool.arguments").unwrap().as_json().cloned();
    assert_eq!(arguments, Some(json!({"text": "shout"})));
}

#[tokio::test]
async fn p2_tool_calls_of_one_turn_are_siblings_and_answered_in_order() {
    let capture = Capture::new();
    // The first call can end only after the second has begun: they run concurrently.
    let (begun, wait) = tokio::sync::oneshot::channel::<()>();
    let ends = Arc::new(std::sync::Mutex::new((Some(begun), Some(wait))));
    let first = {
        let ends = Arc::clone(&ends);
        FunctionTool::infallible("first", "Waits.", move |_: Json| {
            let wait = ends.lock().unwrap().1.take();
            async move {
                wait.unwrap().await.unwrap();
                "one"
            }
        })
    };
    let second = FunctionTool::infallible("second", "Begins.", move |_: Json| {
        ends.lock().unwrap().0.take().unwrap().send(()).unwrap();
        async { "two" }
    });
    let model = ScriptedModel::new("scripted", [calls(&["first", "second"]), Reply::text("done")]);
    let agent = Agent::builder("Tester", model).tool(first).tool(second).build();
    let result = capture.run_async(agent.run("go")).await.unwrap();
    let answers: Vec<_> = result.messages[2..4].iter().map(Message::text).collect();
    assert_eq!(answers, ["one", "two"]);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Tester" { llm "scripted" tool "first" tool "second" llm "scripted" }
        }
    });
}

#[tokio::test]
async fn p2_a_tool_that_calls_a_tool_is_its_parent() {
    let capture = Capture::new();
    let twice = FunctionTool::new("twice", "Shouts twice.", |args: Text| async move {
        let shout = shout();
        let first = shout.call(json!({"text": args.text})).await?;
        shout.call(first.into_json().as_str().map(|text| json!({"text": text})).unwrap()).await
    });
    let model = ScriptedModel::new("scripted", [calls(&["twice"]), Reply::text("done")]);
    let agent = Agent::builder("Tester", model).tool(twice).build();
    capture.run_async(agent.run("go")).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Tester" {
                llm "scripted"
                tool "twice" { tool "shout" tool "shout" }
                llm "scripted"
            }
        }
    });
}

#[tokio::test]
async fn a_failed_tool_is_reported_to_the_model() {
    let capture = Capture::new();
    let agent = agent([calls(&["broken", "shout"]), Reply::text("done")]);
    let result = capture.run_async(agent.run("go")).await.unwrap();
    let told = result.messages[2].tool_results().next().unwrap();
    assert_eq!(
        (told.text(), told.is_error),
        ("`broken` failed: no luck with broken".to_owned(), true)
    );
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [status = ok] {
            agent "Tester" [status = ok] {
                llm "scripted"
                tool "broken" [
                    status = error, "error.type" = "ToolError::Failed",
                    "error.message" = "`broken` failed: no luck with broken"
                ]
                tool "shout" [status = ok]
                llm "scripted"
            }
        }
    });
}

#[tokio::test]
async fn a_failed_tool_can_fail_the_run() {
    let capture = Capture::new();
    let agent = agent([calls(&["endless", "broken"])]);
    let runner = Runner::new().on_tool_error(OnToolError::FailRun);
    let error = capture.run_async(runner.run(&agent, "go")).await.unwrap_err();
    assert!(matches!(&error.kind, RunErrorKind::Tool(ToolError::Failed { .. })));
    assert_eq!((error.progress.turns, error.progress.messages.len()), (1, 4));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [status = error] {
            agent "Tester" [status = error, "error.type" = "ToolError::Failed"] {
                llm "scripted" [status = ok]
                tool "endless" [status = cancelled]
                tool "broken" [status = error]
            }
        }
    });
}

#[tokio::test]
async fn unknown_tools_and_invalid_arguments_are_reported_to_the_model() {
    let capture = Capture::new();
    let agent = agent([
        calls(&["dance"]),
        Reply::raw_call("shout", "{not json"),
        Reply::call("shout", json!({"txt": 1})),
        Reply::text("done"),
    ]);
    let result = capture.run_async(agent.run("go")).await.unwrap();
    let told = result.messages.iter().flat_map(Message::tool_results);
    let told: Vec<_> = told.filter(|result| result.is_error).map(ToolResult::text).collect();
    assert_eq!(told[0], "unknown tool `dance`; available tools: shout, broken, endless");
    assert!(told[1].starts_with("invalid arguments for `shout`: not valid JSON"));
    assert_eq!(told[2], "invalid arguments for `shout`: missing field `text`");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Tester" [status = ok] {
                llm "scripted"
                tool "unknown_tool" [status = error, "tool.name" = "dance", "tool.call_id" = "call_1"]
                llm "scripted"
                tool "shout" [status = error, "tool.arguments" = "{not json"]
                llm "scripted"
                tool "shout" [status = error]
                llm "scripted"
            }
        }
    });
}

#[tokio::test]
async fn a_model_that_never_answers_is_stopped_after_the_turns_allowed() {
    let capture = Capture::new();
    let model = ScriptedModel::from_fn("scripted", |_: &_| calls(&["shout"]));
    let agent = Agent::builder("Tester", model).tool(shout()).build();
    let runner = Runner::new().with_max_turns(2);
    let error = capture.run_async(runner.run(&agent, "go")).await.unwrap_err();
    assert_eq!(error.to_string(), "agent `Tester` (turn 2): no answer within 2 turns");
    assert_eq!((error.progress.turns, error.progress.messages.len()), (2, 5));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [status = error] {
            agent "Tester" [status = error] {
                llm "scripted" tool "shout" llm "scripted" tool "shout"
            }
        }
    });
}

#[tokio::test]
async fn g17_a_model_s_error_is_on_every_span_up_to_the_root() {
    let capture = Capture::new();
    let failing = Reply::error(ModelError::Server {
        status: 503,
        message: "overloaded".into(),
        retry_after: None,
    });
    let agent = agent([calls(&["shout"]), failing]);
    let error = capture.run_async(agent.run("go")).await.unwrap_err();
    assert!(matches!(&error.kind, RunErrorKind::Model(source) if source.is_retryable()));
    assert_eq!(error.progress.messages.len(), 3);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [status = error] {
            agent "Tester" [
                status = error,
                "error.message" = "agent `Tester` (turn 2): the model call failed: the model server \
                                   failed (HTTP 503): overloaded"
            ] {
                llm "scripted" [status = ok]
                tool "shout" [status = ok]
                llm "scripted" [status = error, "error.type" = "server"]
            }
        }
    });
}

#[tokio::test]
async fn l1_a_panic_in_a_tool_ends_its_span_and_fails_the_run() {
    let capture = Capture::new();
    let bomb = FunctionTool::infallible("bomb", "Explodes.", |_: Json| async {
        assert!(std::hint::black_box(false), "boom");
    });
    let model = ScriptedModel::new("scripted", [calls(&["endless", "bomb"])]);
    let agent = Agent::builder("Tester", model).tool(bomb).tool(endless()).build();
    let error = capture.run_async(agent.run("go")).await.unwrap_err();
    let RunErrorKind::Tool(ToolError::Panicked { tool, message }) = &error.kind else {
        panic!("{error:?}")
    };
    assert_eq!((&**tool, &**message), ("bomb", "boom"));
    let results: Vec<_> = error.progress.messages[2..].iter().map(Message::text).collect();
    assert_eq!(results.len(), 2, "{results:?}");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [status = error] {
            agent "Tester" [status = error, "agent.stop_reason" = "tool"] {
                llm "scripted" [status = ok]
                tool "endless" [status = cancelled]
                tool "bomb" [status = error, "error.message" = "boom"]
            }
        }
    });
}

#[tokio::test]
async fn l2_open_spans_of_a_dropped_run_are_cancelled() {
    let capture = Capture::new();
    let agent = agent([calls(&["endless", "shout"])]);
    assert!(capture.run_async(agent.run("go")).now_or_never().is_none());
    let silent = Agent::builder("Waiter", Silent).build();
    assert!(capture.run_async(silent.run("go")).now_or_never().is_none());
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [status = cancelled] {
            agent "Tester" [status = cancelled] {
                llm "scripted" [status = ok]
                tool "endless" [status = cancelled]
                tool "shout" [status = ok]
            }
        }
        runner "Runner" [status = cancelled] {
            agent "Waiter" [status = cancelled] { llm "silent" [status = cancelled] }
        }
    });
}

#[tokio::test]
async fn usage_counts_once_and_is_on_model_calls_alone() {
    let capture = Capture::new();
    let agent = agent([
        calls(&["shout"]).with_usage(Usage::new(100, 10)),
        Reply::text("done").with_usage(Usage::new(200, 20)),
    ]);
    let result = capture.run_async(agent.run("go")).await.unwrap();
    assert_eq!(result.usage, Usage::new(300, 30));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" ["gen_ai.usage.input_tokens" = None::<i64>] {
            agent "Tester" ["gen_ai.usage.input_tokens" = None::<i64>] {
                llm "scripted" [
                    "gen_ai.usage.input_tokens" = 100, "gen_ai.usage.output_tokens" = 10
                ]
                tool "shout" ["gen_ai.usage.input_tokens" = None::<i64>]
                llm "scripted" ["gen_ai.usage.input_tokens" = 200]
            }
        }
    });
}

#[tokio::test]
async fn a_conversation_can_be_continued() {
    let agent = agent([Reply::text("one"), Reply::text("two")]);
    let mut messages = agent.run("go").await.unwrap().messages;
    messages.push(Message::user("on"));
    let result = agent.run(messages).await.unwrap();
    let said: Vec<_> = result.messages.iter().map(Message::text).collect();
    assert_eq!(said, ["go", "one", "on", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn g19_runs_in_many_tasks_share_an_agent_and_never_a_trace() {
    let capture = Capture::new();
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        match request.messages.last() {
            Some(last) if last.role == Role::Tool => Reply::text(last.text()),
            _ => Reply::call("shout", json!({"text": request.last_user_text()})),
        }
    });
    let agent = Agent::builder("Tester", model).tool(shout()).build();
    let runs: Vec<_> = (0..50)
        .map(|number| {
            let agent = agent.clone();
            let run = async move { agent.run(format!("run {number}")).await };
            tokio::spawn(capture.run_async(run))
        })
        .collect();
    for (number, run) in runs.into_iter().enumerate() {
        assert_eq!(run.await.unwrap().unwrap().output, format!("RUN {number}"));
    }
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Tester" { llm "scripted" tool "shout" llm "scripted" }
        } x 50
    });
}
