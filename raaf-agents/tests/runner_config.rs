//! Configuration of runs: traces, limits, hooks, streams and sessions.

#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _};
use raaf_agents::{
    Agent, CancellationToken, FunctionTool, MemorySession, Message, ModelRequest, OnToolError,
    Reply, Role, RunConfig, RunContext, RunErrorKind, RunEvent, RunHooks, Runner, ScriptedModel,
    ToolCall,
};
use raaf_testkit::{Capture, assert_no_spans, assert_span_tree};
use raaf_trace_core::{TraceId, attributes::ValueRef, trace};
use serde_json::{Value as Json, json};

use common::{Silent, endless, shout};

fn runner(config: RunConfig) -> Runner {
    Runner::new().with_config(config)
}

fn shouter() -> Agent {
    let model = ScriptedModel::new(
        "scripted",
        [Reply::call("shout", json!({"text": "hm"})), Reply::text("done")],
    );
    Agent::builder("Tester", model).tool(shout()).build()
}

#[tokio::test]
async fn t1_a_run_names_the_trace_that_it_starts() {
    let capture = Capture::new();
    let id: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
    let config = RunConfig::new()
        .workflow_name("support")
        .group_id("talk-7")
        .trace_id(id)
        .metadata("customer", 17);
    capture.run_async(runner(config.clone()).run(&shouter(), "go")).await.unwrap();
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        trace "support" { agent "Tester" { llm * tool "shout" llm * } }
    });
    let root = spans.only("support");
    assert_eq!(root.trace_id(), id);
    let info = root.trace();
    assert_eq!(info.group_id(), Some("talk-7"));
    assert_eq!(info.metadata().get("customer").and_then(ValueRef::as_i64), Some(17));
}

#[tokio::test]
async fn within_a_trace_a_run_starts_none() {
    let capture = Capture::new();
    let runner = runner(RunConfig::new().workflow_name("support"));
    let agent = shouter();
    capture.run_async(trace("outer").try_in_span(runner.run(&agent, "go"))).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        trace "outer" { agent "Tester" { llm * tool "shout" llm * } }
    });
}

#[tokio::test]
async fn g61_an_untraced_run_leaves_no_span_anywhere() {
    let capture = Capture::new();
    let runner = runner(RunConfig::new().tracing(false));
    capture.run_async(runner.run(&shouter(), "go")).await.unwrap();
    assert_no_spans!(capture);
    let agent = shouter();
    capture.run_async(trace("outer").try_in_span(runner.run(&agent, "go"))).await.unwrap();
    assert_span_tree!(capture.spans_async().await, { trace "outer" [ok] });
}

#[tokio::test]
async fn a_run_can_replace_the_agent_s_model() {
    let capture = Capture::new();
    let runner = runner(RunConfig::new().model(ScriptedModel::new("other", ["hello"])));
    let agent = Agent::builder("Tester", Silent).build();
    assert_eq!(capture.run_async(runner.run(&agent, "go")).await.unwrap().output, "hello");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" { agent "Tester" ["agent.model" = "other"] { llm "other" } }
    });
}

#[tokio::test]
async fn tools_and_instructions_receive_the_value_of_the_run() {
    let capture = Capture::new();
    let whoami =
        FunctionTool::with_context("whoami", "Tells.", |context: RunContext, _: Json| async move {
            context.value::<String>().cloned().ok_or("nobody")
        });
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        match request.messages.last() {
            Some(last) if last.role == Role::Tool => Reply::text(last.text()),
            _ => Reply::call("whoami", json!({})),
        }
    });
    let agent = Agent::builder("Tester", model)
        .instructions_with(|context| format!("Serve {}.", context.value::<String>().unwrap()))
        .metadata("team", "support")
        .tool(whoami)
        .build();
    let runner = runner(RunConfig::new().context("Ada".to_owned()));
    assert_eq!(capture.run_async(runner.run(&agent, "go")).await.unwrap().output, "Ada");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Tester" ["team" = "support"] {
                llm * ["gen_ai.system_instructions" = "Serve Ada."] tool "whoami" llm *
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_times_out_is_dropped_and_fails() {
    let capture = Capture::new();
    let model = ScriptedModel::new(
        "scripted",
        [Reply::call("endless", json!({"text": "x"})), Reply::text("done")],
    );
    let slow = endless().with_timeout(Duration::from_secs(3));
    let agent = Agent::builder("Tester", model).tool(slow).build();
    let result = capture.run_async(agent.run("go")).await.unwrap();
    assert_eq!(result.messages[2].text(), "`endless` timed out after 3 s");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [ok] {
            agent "Tester" [ok] {
                llm * tool "endless" [error "timeout", "tool.timed_out" = true] llm *
            }
        }
    });
}

#[tokio::test]
async fn a_tool_can_override_on_error_and_be_disabled() {
    let capture = Capture::new();
    let model = ScriptedModel::from_fn("scripted", |request: &ModelRequest| {
        assert!(!request.has_tool("shout") && request.has_tool("broken"));
        Reply::calls([("shout", json!({"text": "x"})), ("broken", json!({"text": "x"}))])
    });
    let agent = Agent::builder("Tester", model)
        .tool(shout().enabled_if(|context| context.turn() > 1))
        .tool(common::broken().with_on_error(OnToolError::FailRun))
        .build();
    let error = capture.run_async(agent.run("go")).await.unwrap_err();
    assert!(matches!(&error.kind, RunErrorKind::Tool(_)));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error] {
            agent "Tester" [error] { llm * tool "unknown_tool" [error] tool "broken" [error] }
        }
    });
}

#[tokio::test]
async fn p2_no_more_tools_run_concurrently_than_allowed() {
    let capture = Capture::new();
    let running = Arc::new(Mutex::new((0_u32, 0_u32)));
    let tool = {
        let running = Arc::clone(&running);
        FunctionTool::infallible("count", "Counts.", move |number: Json| {
            let running = Arc::clone(&running);
            async move {
                {
                    let mut running = running.lock().unwrap();
                    running.0 += 1;
                    running.1 = running.1.max(running.0);
                }
                tokio::task::yield_now().await;
                running.lock().unwrap().0 -= 1;
                number
            }
        })
    };
    let calls = (0..7).map(|number| ("count", json!({"number": number})));
    let model = ScriptedModel::new("scripted", [Reply::calls(calls), Reply::text("done")]);
    let agent = Agent::builder("Tester", model).tool(tool).build();
    let runner = Runner::new().with_max_parallel_tools(3);
    let result = capture.run_async(runner.run(&agent, "go")).await.unwrap();
    assert_eq!(running.lock().unwrap().1, 3);
    for number in 0..7 {
        assert_eq!(result.messages[2 + number].text(), format!("{{\"number\":{number}}}"));
    }
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" { agent "Tester" { llm * tool "count" x 7 llm * } }
    });
}

#[tokio::test(start_paused = true)]
async fn a_run_past_its_deadline_fails_and_open_spans_are_cancelled() {
    let capture = Capture::new();
    let runner = runner(RunConfig::new().deadline(Duration::from_secs(60)));
    let agent = Agent::builder("Waiter", Silent).build();
    let error = capture.run_async(runner.run(&agent, "go")).await.unwrap_err();
    assert_eq!(error.to_string(), "agent `Waiter` (turn 1): no answer within 60 s");
    assert_eq!(error.progress.messages, [Message::user("go")]);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error "timeout"] {
            agent "Waiter" [error "timeout", "agent.stop_reason" = "deadline"] {
                llm "silent" [cancelled]
            }
        }
    });
}

#[tokio::test]
async fn l2_open_spans_of_a_run_cancelled_by_its_token_are_cancelled() {
    let capture = Capture::new();
    let token = CancellationToken::new();
    let cancel = {
        let token = token.clone();
        FunctionTool::infallible("cancel", "Cancels.", move |_: Json| {
            token.cancel();
            std::future::pending::<()>()
        })
    };
    let model = ScriptedModel::new("scripted", [Reply::call("cancel", json!({}))]);
    let agent = Agent::builder("Tester", model).tool(cancel).build();
    let runner = runner(RunConfig::new().cancellation(token));
    let error = capture.run_async(runner.run(&agent, "go")).await.unwrap_err();
    assert!(matches!(&error.kind, RunErrorKind::Cancelled));
    let result = error.progress.messages[2].tool_results().next().unwrap();
    assert_eq!(result.text(), "The tool was not run, or did not finish: cancelled.");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [cancelled] {
            agent "Tester" [cancelled] { llm * [ok] tool "cancel" [cancelled] }
        }
    });
}

#[tokio::test]
async fn a_run_stops_before_a_turn_if_its_stop_condition_holds() {
    let capture = Capture::new();
    let runner = runner(RunConfig::new().stop_when(|context| context.turn() == 1));
    let error = capture.run_async(runner.run(&shouter(), "go")).await.unwrap_err();
    assert!(matches!(&error.kind, RunErrorKind::Stopped { .. }));
    assert_eq!(error.progress.messages.len(), 3);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error] {
            agent "Tester" [error, "agent.stop_reason" = "stopped"] { llm * tool "shout" }
        }
    });
}

#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl RunHooks for Diary {
    async fn agent_started(&self, _: &RunContext, agent: &Agent) {
        self.0.lock().unwrap().push(format!("start {}", agent.name()));
    }
    async fn tool_called(&self, context: &RunContext, _: &Agent, call: &ToolCall) {
        self.0.lock().unwrap().push(format!("call {} in turn {}", call.name, context.turn()));
    }
    async fn tool_answered(&self, _: &RunContext, _: &Agent, _: &ToolCall, answer: &Message) {
        self.0.lock().unwrap().push(format!("told {}", answer.text()));
    }
    async fn handed_off(&self, _: &RunContext, from: &Agent, to: &Agent) {
        self.0.lock().unwrap().push(format!("{} to {}", from.name(), to.name()));
    }
    async fn agent_answered(&self, _: &RunContext, agent: &Agent, output: &str) {
        self.0.lock().unwrap().push(format!("{} says {output}", agent.name()));
    }
}

fn handing_over() -> ScriptedModel {
    ScriptedModel::new(
        "scripted",
        [Reply::call("shout", json!({"text": "hm"})), Reply::call("transfer_to_other", json!({}))],
    )
}

fn other() -> Agent {
    Agent::builder("Other", ScriptedModel::new("other", ["done"])).build()
}

#[tokio::test]
async fn hooks_of_a_run_see_all_agents_and_those_of_an_agent_only_their_own() {
    let capture = Capture::new();
    let (all, own) = (Diary::default(), Diary::default());
    let agent = Agent::builder("Tester", handing_over())
        .tool(shout())
        .handoff(other())
        .hooks(own.clone())
        .build();
    let runner = runner(RunConfig::new().hooks(all.clone()));
    capture.run_async(runner.run(&agent, "go")).await.unwrap();
    let all = all.0.lock().unwrap().clone();
    let ours = ["start Tester", "call shout in turn 1", "told HM", "Tester to Other"];
    assert_eq!(*own.0.lock().unwrap(), ours);
    assert_eq!(all[..4], ours);
    assert_eq!(all[4..], ["start Other", "Other says done"]);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Tester" { llm * tool "shout" llm * handoff "Other" }
            agent "Other" { llm * }
        }
    });
}

#[tokio::test]
async fn a_streamed_run_has_events_and_the_same_spans() {
    let capture = Capture::new();
    let agent = Agent::builder("Tester", handing_over()).tool(shout()).handoff(other()).build();
    let stream = capture.run(|| Runner::new().stream(&agent, "go"));
    let events: Vec<_> = stream.map(Result::unwrap).collect().await;
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            RunEvent::AgentChanged { agent } => Some(format!("agent {agent}")),
            RunEvent::ToolCall { call, .. } => Some(format!("call {}", call.name)),
            RunEvent::ToolResult { content, .. } => Some(format!("result {content}")),
            RunEvent::Handoff { from, to } => Some(format!("{from} to {to}")),
            RunEvent::Done(result) => Some(format!("done {}", result.output)),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        ["agent Tester", "call shout", "result HM", "Tester to Other", "agent Other", "done done"]
    );
    let words = events.iter().filter_map(|event| match event {
        RunEvent::TextDelta { agent, text } if agent == "Other" => Some(&**text),
        _ => None,
    });
    assert_eq!(words.collect::<String>(), "done");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [ok] {
            agent "Tester" [ok] { llm * [ok] tool "shout" llm * [ok] handoff "Other" }
            agent "Other" [ok] { llm * [ok] }
        }
    });
}

#[tokio::test]
async fn l2_open_spans_of_a_dropped_stream_are_cancelled() {
    let capture = Capture::new();
    let agent = Agent::builder("Waiter", Silent).build();
    let mut stream = capture.run(|| Runner::new().stream(&agent, "go"));
    assert!(matches!(stream.next().await, Some(Ok(RunEvent::AgentChanged { .. }))));
    assert!(stream.next().now_or_never().is_none());
    drop(stream);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [cancelled] { agent "Waiter" [cancelled] { llm "silent" [cancelled] } }
    });
}

#[tokio::test]
async fn a_failed_streamed_run_ends_with_its_error() {
    let capture = Capture::new();
    let nothing: [Reply; 0] = [];
    let agent = Agent::builder("Tester", ScriptedModel::new("scripted", nothing)).build();
    let stream = capture.run(|| Runner::new().stream(&agent, "go"));
    let error = stream.finish().await.unwrap().unwrap_err();
    assert_eq!(error.kind.as_str(), "model");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error] { agent "Tester" [error] { llm * [error] } }
    });
}

#[test]
fn the_blocking_form_runs_with_and_without_a_runtime_around_it() {
    let capture = Capture::new();
    let result = capture.run(|| Runner::new().run_blocking(&shouter(), "go"));
    assert_eq!(result.unwrap().output, "done");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let inside = async { Runner::new().run_blocking(&shouter(), "go") };
    let outer = trace("outer").try_in_span(inside);
    assert_eq!(runtime.block_on(capture.run_async(outer)).unwrap().output, "done");
    assert_span_tree!(capture, {
        runner "Runner" { agent "Tester" { llm * tool "shout" llm * } }
        trace "outer" { agent "Tester" { llm * tool "shout" llm * } }
    });
}

#[tokio::test]
async fn a_session_stores_messages_and_nothing_of_a_failed_run() {
    let capture = Capture::new();
    let session = MemorySession::new();
    let runner = runner(RunConfig::new().session(session.clone()));
    let model = ScriptedModel::new("scripted", ["one"]);
    let agent = Agent::builder("Talker", model).build();
    capture.run_async(runner.run(&agent, "first")).await.unwrap();
    let error = capture.run_async(runner.run(&agent, "second")).await.unwrap_err();
    assert_eq!(error.progress.messages.len(), 3);
    assert_eq!(session.messages(), [Message::user("first"), Message::assistant("one")]);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [ok] { agent "Talker" [ok] { llm * } }
        runner "Runner" [error] { agent "Talker" [error] { llm * [error] } }
    });
}

#[tokio::test]
async fn a_session_stores_messages_that_a_handoff_filters_out() {
    let capture = Capture::new();
    let session = MemorySession::new();
    let runner = runner(RunConfig::new().session(session.clone()));
    let handoff = raaf_agents::Handoff::to(&other()).without_tool_messages();
    let agent = Agent::builder("Tester", handing_over()).tool(shout()).handoff(handoff).build();
    let result = capture.run_async(runner.run(&agent, "go")).await.unwrap();
    assert_eq!((result.messages.len(), session.messages().len()), (2, 6));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Tester" { llm * tool "shout" llm * handoff "Other" }
            agent "Other" { llm * }
        }
    });
}
