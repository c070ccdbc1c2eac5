//! Runs that pause and go on: what the trace, the stream, the limits and the guardrails see of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

use anyhow::Context as _;
use futures::StreamExt as _;
use journal::{Planned, turn};
use raaf_agents::{
    Agent, AgentTool, Approval, Content, FlowExt, FunctionTool, Guardrail, Limits, Message,
    OnToolError, ResumeError, RunConfig, RunContext, RunError, RunErrorKind, RunEvent, RunState,
    RunStream, Runner, ScriptedModel, State, Tool as _, ToolError, Verdict,
};
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use raaf_trace_core::{Kind, Status, trace};
use ran::Ran;
use serde_json::json;

mod journal;
mod ran;

impl Ran {
    fn tool(&self, name: &'static str) -> FunctionTool {
        let ran = self.clone();
        FunctionTool::infallible(name, "Does it.", move |(): ()| {
            ran.add(name);
            async move { format!("{name} did it") }
        })
    }
}

fn stored(error: RunError) -> RunState {
    let state = error.into_state().unwrap();
    serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap()
}

fn approved(error: RunError) -> RunState {
    let mut state = stored(error);
    for call in state.pending() {
        state.approve(&call.key).unwrap();
    }
    state
}

fn clerk(ran: &Ran) -> Agent {
    let model = Planned(vec![turn(&[("send", json!({}))])]);
    let send = ran.tool("send").with_approval(Approval::always());
    Agent::builder("Clerk", model).tool(send).build()
}

#[tokio::test]
async fn what_describes_the_trace_describes_the_part_that_goes_on_too() {
    let ran = Ran::default();
    let runner = || {
        let config = RunConfig::new().workflow_name("Post").group_id("chat-1").user_id("ada");
        Runner::new().with_config(config)
    };
    let capture = Capture::deterministic();
    let error = capture.run_async(runner().run(&clerk(&ran), "go")).await.unwrap_err();
    let state = approved(error);
    capture.run_async(runner().resume(&clerk(&ran), state)).await.unwrap();
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    for span in &spans {
        assert_eq!(span.trace().group_id(), Some("chat-1"), "{spans}");
        assert_eq!(
            span.trace().metadata().get("user.id").unwrap().as_str(),
            Some("ada"),
            "{spans}"
        );
    }
    assert_span_tree!(spans, {
        trace "Post" [status = unset, "paused" = true] {
            agent "Clerk" [status = unset, "paused" = true] {
                llm *
                trace "Post" [ok, "resumed" = true] {
                    agent "Clerk" [ok, "resumed" = true] { tool "send" [ok] llm * }
                }
            }
        }
    });
}

#[tokio::test]
async fn limits_count_what_was_spent_before_the_pause() {
    let ran = Ran::default();
    let runner = |requests, tool_calls| {
        let limits = Limits::new().requests(requests).tool_calls(tool_calls);
        Runner::new().with_config(RunConfig::new().limits(limits))
    };
    let state = approved(runner(1, 1).run(&clerk(&ran), "go").await.unwrap_err());
    let error = runner(1, 1).resume(&clerk(&ran), state.clone()).await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Limit { what: "requests", max: 1, .. }), "{error}");
    // The call was claimed before the pause, and its result is not lost.
    assert_eq!(ran.take(), ["send"]);
    assert_eq!(error.progress.messages.len(), 3);
    let result = runner(2, 1).resume(&clerk(&ran), state).await.unwrap();
    assert_eq!((result.usage.requests, result.turns), (2, 2));
}

#[tokio::test]
async fn guardrails_check_once_over_a_pause() {
    let ran = Ran::default();
    let guardrail = |name: &'static str| {
        let ran = ran.clone();
        Guardrail::new(name, move |_: String| {
            ran.add(name);
            async { Verdict::pass() }
        })
    };
    let runner = || {
        let config = RunConfig::new()
            .input_guardrail(guardrail("beside"))
            .input_guardrail(guardrail("before").before_model())
            .output_guardrail(guardrail("after"));
        Runner::new().with_config(config)
    };
    let state = approved(runner().run(&clerk(&ran), "go").await.unwrap_err());
    assert_eq!(ran.take(), ["before", "beside"]);
    runner().resume(&clerk(&ran), state).await.unwrap();
    assert_eq!(ran.take(), ["send", "after"]);
}

#[tokio::test]
async fn a_rejected_agent_does_not_begin_and_a_tool_that_needs_no_approval_any_more_runs() {
    let ran = Ran::default();
    let agent = |approval: fn() -> Approval| {
        let model = Planned(vec![turn(&[("ask", json!({ "input": "x" })), ("send", json!({}))])]);
        let ask = clerk(&ran).as_tool("ask", "Asks.").with_approval(approval());
        let send = ran.tool("send").with_approval(approval());
        Agent::builder("Top", model).tool(ask).tool(send).build()
    };
    let mut state = stored(agent(Approval::always).run("go").await.unwrap_err());
    let pending = state.pending();
    let names: Vec<_> = pending.iter().map(|call| &*call.call.name).collect();
    assert_eq!(names, ["ask", "send"]);
    state.reject(&pending[0].key, "ask nobody").unwrap();
    // A decision is taken once, and by the run that waits.
    let again = state.approve(&pending[0].key).unwrap_err();
    assert_eq!(again.pending, [pending[1].key.clone()]);
    let other = stored(clerk(&ran).run("go").await.unwrap_err());
    assert!(state.approve(&other.pending()[0].key).is_err());

    // A call waits for the decision that was asked for, whatever the tool is now.
    let error = Runner::new().resume(&agent(Approval::never), state).await.unwrap_err();
    assert_eq!(ran.take(), [""; 0]);
    let state = approved(error);
    let result = Runner::new().resume(&agent(Approval::never), state).await.unwrap();
    assert_eq!(ran.take(), ["send"]);
    let results: Vec<_> = result.messages.iter().flat_map(Message::tool_results).collect();
    let texts: Vec<_> = results.iter().map(|result| (result.text(), result.is_error)).collect();
    let rejected = "`ask` was rejected: ask nobody".to_owned();
    assert_eq!(texts, [(rejected, true), ("send did it".to_owned(), false)]);
}

/// Events in short, and the error with which the stream ends, if it does.
async fn events(mut stream: RunStream) -> (Vec<String>, Option<RunError>) {
    fn short(event: &RunEvent) -> String {
        match event {
            RunEvent::ToolCall { call, .. } => format!("call {}", call.name),
            RunEvent::ToolResult { tool, .. } => format!("result {tool}"),
            RunEvent::AgentChanged { agent } => format!("agent {agent}"),
            RunEvent::InTool { event, .. } => format!("in {}", short(event)),
            RunEvent::Done(_) => "done".to_owned(),
            _ => "text".to_owned(),
        }
    }
    let mut all = Vec::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => all.push(short(&event)),
            Err(error) => {
                assert!(stream.next().await.is_none());
                return (all, Some(error));
            }
        }
    }
    all.retain(|event| !event.ends_with("text"));
    (all, None)
}

#[tokio::test]
async fn a_stream_that_pauses_twice_inside_has_each_event_once() {
    let ran = Ran::default();
    let agent = || {
        let calls =
            [turn(&[("send", json!({})), ("look", json!({}))]), turn(&[("send", json!({}))])];
        let send = ran.tool("send").with_approval(Approval::always());
        let inner =
            Agent::builder("Inner", Planned(calls.into())).tool(send).tool(ran.tool("look"));
        let ask = inner.build().as_tool("ask", "Asks.");
        let model = Planned(vec![turn(&[("ask", json!({ "input": "x" })), ("look", json!({}))])]);
        Agent::builder("Top", model).tool(ask).tool(ran.tool("look")).build()
    };
    let (first, error) = events(Runner::new().stream(&agent(), "go")).await;
    let state = approved(error.unwrap());
    let (second, error) = events(Runner::new().resume_stream(&agent(), state)).await;
    let state = approved(error.unwrap());
    let (third, error) = events(Runner::new().resume_stream(&agent(), state)).await;
    assert!(error.is_none());
    let all: Vec<_> = [first, second, third].concat();
    let all: Vec<_> = all.into_iter().filter(|event| !event.ends_with("text")).collect();
    let expected = [
        "agent Top",
        "call ask",
        "call look",
        "result look",
        "in agent Inner",
        "in call look",
        "in result look",
        "in call send",
        "in result send",
        "in call send",
        "in result send",
        "result ask",
        "done",
    ];
    let (mut sorted, mut wanted) = (all.clone(), expected.to_vec());
    sorted.sort();
    wanted.sort_unstable();
    assert_eq!(sorted, wanted, "{all:?}");
    let place = |event: &str| all.iter().position(|other| other == event);
    assert!(place("in call send") < place("in result send"), "{all:?}");
    assert_eq!(all.last().map(String::as_str), Some("done"));
    let mut names = ran.take();
    names.sort();
    assert_eq!(names, ["look", "look", "send", "send"]);
}

#[tokio::test]
async fn a_state_whose_agent_is_renamed_names_both() {
    let ran = Ran::default();
    let state = approved(clerk(&ran).run("go").await.unwrap_err());
    let other = Agent::builder("Teller", ScriptedModel::new("scripted", ["."])).build();
    let error = Runner::new().resume(&other, state).await.unwrap_err();
    let RunErrorKind::Resume(ResumeError::UnknownAgent { agent, known }) = &error.kind else {
        panic!("{error}");
    };
    assert_eq!((&**agent, &**known), ("Clerk", &["Teller".to_owned()][..]));
}

#[tokio::test]
async fn a_pause_that_nobody_can_go_on_with_is_a_failure_in_the_trace() {
    let ran = Ran::default();
    let inner = clerk(&ran);
    let starts = {
        let inner = inner.clone();
        FunctionTool::new("start", "Starts.", move |(): ()| {
            let inner = inner.clone();
            async move { inner.run("go").await.map(|result| result.output) }
        })
    };
    let model = Planned(vec![turn(&[("start", json!({}))])]);
    let agent = Agent::builder("Top", model).tool(starts).build();
    let capture = Capture::deterministic();
    let result = capture.run_async(agent.run("go")).await.unwrap();
    assert!(result.messages[2].tool_results().next().unwrap().is_error);
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        runner "Runner" [ok, !"paused"] {
            agent "Top" [ok] {
                llm *
                tool "start" [error, !"paused"] { agent "Clerk" ["paused" = true] { llm * } }
                llm *
            }
        }
    });

    let start = raaf_agents::service("start", move |state: State| {
        let inner = inner.clone();
        async move {
            inner.run("go").await?;
            Ok(state)
        }
    });
    let pipeline = FlowExt::named(start, "Post").build().unwrap();
    let capture = Capture::deterministic();
    let error = capture.run_async(pipeline.run(State::new())).await.unwrap_err();
    error.into_state().unwrap_err();
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        pipeline "Post" [error, !"paused"] {
            component "start" [error, !"paused"] { agent "Clerk" ["paused" = true] { llm * } }
        }
    });

    // Nor is what is around the failure.
    let failing = Runner::new().on_tool_error(OnToolError::FailRun);
    let capture = Capture::deterministic();
    let work = async {
        let run = trace("run");
        let run =
            run.try_in_span(async { failing.run(&agent, "go").await.map_err(anyhow::Error::from) });
        run.await.unwrap_err();
        let job = trace("pipeline");
        let work = async { pipeline.run(State::new()).await.map_err(anyhow::Error::from) };
        job.try_in_span(work).await.unwrap_err();
    };
    capture.run_async(work).await;
    let spans = capture.spans_async().await;
    let around =
        spans.iter().filter(|span| span.component_name() != "Clerk" && *span.kind() != Kind::Llm);
    for span in around {
        assert_eq!(span.status(), Status::Error, "{spans}");
        assert_eq!(span.attributes().get("paused"), None, "{spans}");
    }
}

#[tokio::test]
async fn an_agent_that_is_called_without_the_context_fails_the_call_when_it_pauses() {
    let ran = Ran::default();
    let ask = clerk(&ran).as_tool("ask", "Asks.");
    let direct = FunctionTool::new("direct", "Asks.", move |(): ()| {
        let ask = ask.clone();
        async move { ask.call(json!({ "input": "x" })).await }
    });
    let model = Planned(vec![turn(&[("direct", json!({}))])]);
    let agent = Agent::builder("Top", model).tool(direct.clone()).build();
    let capture = Capture::deterministic();
    let result = capture.run_async(agent.run("go")).await.unwrap();
    assert!(result.messages[2].tool_results().next().unwrap().is_error);
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_eq!(spans.only("direct").status(), Status::Error);
    let pipeline = FlowExt::named(direct.writes("answer"), "Post").build().unwrap();
    pipeline.run(State::new()).await.unwrap_err().into_state().unwrap_err();
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error("the parcel is lost: {0}")]
    Lost(String),
}

async fn asked(ask: &AgentTool, context: &RunContext) -> Result<Content, ToolError> {
    ask.call_in(context, json!({ "input": "x" })).await
}

#[tokio::test]
async fn a_function_may_wrap_the_error_of_an_agent_that_has_paused() {
    let ran = Ran::default();
    let ask = clerk(&ran).as_tool("ask", "Asks.");
    let tools: [fn(AgentTool) -> FunctionTool; 3] = [
        |ask| {
            FunctionTool::with_context("pass", "Passes on.", move |context: RunContext, (): ()| {
                let ask = ask.clone();
                async move { asked(&ask, &context).await.context("while asking") }
            })
        },
        |ask| {
            FunctionTool::with_context("pass", "Passes on.", move |context: RunContext, (): ()| {
                let ask = ask.clone();
                async move { asked(&ask, &context).await.map_err(Fault::from) }
            })
        },
        |ask| {
            FunctionTool::with_context("pass", "Passes on.", move |context: RunContext, (): ()| {
                let ask = ask.clone();
                async move {
                    let lost = |error: ToolError| Fault::Lost(error.to_string());
                    asked(&ask, &context).await.map_err(lost)
                }
            })
        },
    ];
    for tool in tools {
        let agent = || {
            let model = Planned(vec![turn(&[("pass", json!({}))])]);
            Agent::builder("Top", model).tool(tool(ask.clone())).build()
        };
        let capture = Capture::deterministic();
        let state = approved(capture.run_async(agent().run("go")).await.unwrap_err());
        let result = capture.run_async(Runner::new().resume(&agent(), state)).await.unwrap();
        assert_eq!((ran.take(), &*result.output), (vec!["send".to_owned()], "3 messages"));
        let spans = capture.spans_async().await;
        assert_coherent!(spans);
        assert!(spans.iter().all(|span| span.error().is_none()), "{spans}");

        // So does a step of a pipeline.
        let pipeline =
            || FlowExt::named(tool(ask.clone()).writes("answer"), "Post").build().unwrap();
        let capture = Capture::deterministic();
        let error = capture.run_async(pipeline().run(State::new())).await.unwrap_err();
        let mut state = error.into_state().unwrap();
        state.approve(&state.pending()[0].key.clone()).unwrap();
        capture.run_async(pipeline().resume(state)).await.unwrap();
        assert_eq!(ran.take(), ["send"]);
        let spans = capture.spans_async().await;
        assert!(spans.iter().all(|span| span.error().is_none()), "{spans}");
    }
}
