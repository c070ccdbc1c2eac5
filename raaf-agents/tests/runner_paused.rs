//! Runs that wait for a person, and go on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

mod common;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use futures::StreamExt as _;
use raaf_agents::{
    Agent, Approval, FunctionTool, Handoff, Limits, MemorySession, Message, Model, ModelError,
    ModelRequest, ModelResponse, ModelSettings, Reply, ResumeError, Role, RunConfig, RunContext,
    RunError, RunErrorKind, RunEvent, RunHooks, RunState, Runner, ScriptedModel, Session as _,
    ToolAction, ToolCall,
};
use raaf_testkit::{Capture, assert_coherent, assert_span_tree};
use serde_json::{Value as Json, json};

use common::Text;

/// Names of tools and their arguments, in the order in which they ran.
#[derive(Clone, Default)]
struct Ran(Arc<Mutex<Vec<String>>>);

impl Ran {
    fn tool(&self, name: &'static str) -> FunctionTool {
        let ran = self.clone();
        FunctionTool::infallible(name, "Does it.", move |args: Text| {
            ran.0.lock().unwrap().push(format!("{name} {}", args.text));
            async move { format!("{name} did {}", args.text) }
        })
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn text(text: &str) -> Json {
    json!({ "text": text })
}

fn call(id: &str, tool: &str, argument: &str) -> ToolCall {
    ToolCall::new(id, tool, &text(argument))
}

/// A model that says what the function makes of the messages.
struct Saying<F>(F);

#[async_trait]
impl<F: Fn(&[Message]) -> Message + Send + Sync> Model for Saying<F> {
    fn name(&self) -> &str {
        "scripted"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        Ok(ModelResponse::new((self.0)(&request.messages)))
    }
}

/// A model that makes these calls first, and then answers with the results.
fn model(calls: Vec<ToolCall>) -> impl Model + 'static {
    Saying(move |messages: &[Message]| {
        let results: Vec<_> = messages.iter().flat_map(Message::tool_results).collect();
        if results.is_empty() {
            return Message::calls(calls.clone());
        }
        let texts: Vec<_> = results.iter().map(|result| result.text()).collect();
        Message::assistant(texts.join("; "))
    })
}

/// The state as another process has it.
fn stored(error: RunError) -> RunState {
    let state = error.into_state().unwrap();
    let json = serde_json::to_string(&state).unwrap();
    let read: RunState = serde_json::from_str(&json).unwrap();
    assert_eq!(read, state, "{json}");
    read
}

fn key_of(state: &RunState, argument: &str) -> String {
    let pending = state.pending();
    pending.iter().find(|call| call.call.arguments.contains(argument)).unwrap().key.clone()
}

#[tokio::test]
async fn a_run_pauses_and_goes_on_in_one_trace() {
    let ran = Ran::default();
    let support = || {
        let model = model(vec![call("1", "look_up", "order 7"), call("2", "refund", "order 7")]);
        Agent::builder("Support", model)
            .tool(ran.tool("look_up"))
            .tool(ran.tool("refund").with_approval(Approval::always()))
            .build()
    };
    let capture = Capture::deterministic();
    let error = capture.run_async(support().run("Refund it.")).await.unwrap_err();
    assert_eq!(error.to_string(), "agent `Support` (turn 1): paused: a call waits for an approval");
    assert_eq!(ran.take(), ["look_up order 7"]);

    let mut state = stored(error);
    let pending = state.pending();
    assert_eq!(pending.len(), 1);
    assert_eq!((&*pending[0].agent, &*pending[0].call.name), ("Support", "refund"));
    state.approve(&pending[0].key).unwrap();
    let result = capture.run_async(Runner::new().resume(&support(), state)).await.unwrap();
    assert_eq!(result.output, "look_up did order 7; refund did order 7");
    assert_eq!((result.turns, result.usage.requests), (2, 2));
    assert_eq!(ran.take(), ["refund order 7"]);

    let spans = capture.spans_async().await;
    assert_span_tree!(spans, {
        runner "Runner" [status = unset, "paused" = true] {
            agent "Support" [status = unset, "paused" = true, "agent.stop_reason" = "paused", "agent.turns" = 1] {
                llm "scripted"
                tool "look_up" [ok, !"tool.approval"]
                agent "Support" [ok, "resumed" = true, "agent.turns" = 1] {
                    tool "refund" [ok, "tool.approval" = "approved"]
                    llm "scripted"
                }
            }
        }
    });
    assert_coherent!(spans);
    let paused = spans.iter().find(|span| span.attributes().get("agent.stop_reason").is_some());
    let event = paused.unwrap().events().next().unwrap();
    assert_eq!(event.name(), "approval.requested");
    assert_eq!(event.attributes().get("tool.name"), Some("refund".into()));
}

#[tokio::test]
async fn decisions_are_taken_one_by_one() {
    let ran = Ran::default();
    let calls = ["a", "b", "c"].map(|it| call(it, "delete", it));
    let agent = Agent::builder("Cleaner", model(calls.to_vec()))
        .tool(ran.tool("delete").with_approval(Approval::always()))
        .build();
    let runner = Runner::new();
    let mut state = stored(runner.run(&agent, "Clean up.").await.unwrap_err());
    assert_eq!((state.pending().len(), state.turns(), ran.take().len()), (3, 1, 0));
    state.approve(&key_of(&state, "b")).unwrap();

    let mut state = stored(runner.resume(&agent, state).await.unwrap_err());
    assert_eq!((state.pending().len(), ran.take()), (2, vec!["delete b".to_owned()]));
    state.reject(&key_of(&state, "c"), "it is still needed").unwrap();
    let mut state = stored(runner.resume(&agent, state).await.unwrap_err());
    state.approve(&key_of(&state, "a")).unwrap();

    let result = runner.resume(&agent, state).await.unwrap();
    let c = "`delete` was rejected: it is still needed";
    assert_eq!(result.output, format!("delete did a; delete did b; {c}"));
    assert_eq!(ran.take(), ["delete a"]);
    let results = result.messages.iter().flat_map(Message::tool_results);
    assert_eq!(results.filter(|result| result.is_error).count(), 1);
}

#[tokio::test]
async fn a_rejection_is_in_the_trace_and_fails_nothing() {
    let ran = Ran::default();
    let agent = Agent::builder("Cleaner", model(vec![call("1", "delete", "all")]))
        .tool(ran.tool("delete").with_approval(Approval::always()))
        .build();
    // Not even where failed calls fail the run.
    let runner = Runner::new().on_tool_error(raaf_agents::OnToolError::FailRun);
    let capture = Capture::deterministic();
    let mut state = stored(capture.run_async(runner.run(&agent, "go")).await.unwrap_err());
    let key = state.pending()[0].key.clone();
    state.reject(&key, "never").unwrap();
    let result = capture.run_async(runner.resume(&agent, state)).await.unwrap();
    assert_eq!(result.output, "`delete` was rejected: never");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Cleaner" {
                llm *
                agent "Cleaner" {
                    tool "delete" [error "ToolError::Rejected", "tool.approval" = "rejected"]
                    llm *
                }
            }
        }
    });
}

#[tokio::test]
async fn an_approval_can_depend_on_arguments_and_context() {
    let ran = Ran::default();
    let calls = vec![call("1", "pay", "5"), call("2", "pay", "500"), call("3", "pay", "7")];
    let large = Approval::when(|context, arguments| {
        let limit = context.value::<usize>().copied().unwrap_or_default();
        arguments["text"].as_str().is_some_and(|text| text.len() > limit)
    });
    let agent =
        Agent::builder("Payer", model(calls)).tool(ran.tool("pay").with_approval(large)).build();
    let runner = |limit: usize| Runner::new().with_config(RunConfig::new().context(limit));
    let mut state = stored(runner(1).run(&agent, "pay").await.unwrap_err());
    assert_eq!(ran.take(), ["pay 5", "pay 7"]);
    let key = key_of(&state, "500");
    state.approve(&key).unwrap();
    assert!(runner(1).resume(&agent, state).await.is_ok());
    assert_eq!(ran.take(), ["pay 500"]);
    assert!(runner(9).run(&agent, "pay").await.is_ok());
}

#[tokio::test]
async fn a_decision_can_hold_for_the_rest_of_the_run() {
    let ran = Ran::default();
    // Each turn has the same ids, as with servers that count from 0.
    let model = Saying(|messages: &[Message]| {
        match messages.iter().filter(|message| message.role == Role::Assistant).count() {
            0 => Message::calls([call("0", "delete", "a"), call("1", "delete", "b")]),
            1 => Message::calls([call("0", "delete", "c"), call("1", "move", "d")]),
            _ => Message::assistant("done"),
        }
    });
    let agent = Agent::builder("Cleaner", model)
        .tool(ran.tool("delete").with_approval(Approval::always()))
        .tool(ran.tool("move").with_approval(Approval::always()))
        .build();
    let runner = Runner::new();
    let mut state = stored(runner.run(&agent, "go").await.unwrap_err());
    let first = state.pending();
    state.approve_always(&first[0].key).unwrap();
    assert!(state.pending().is_empty());
    let mut state = stored(runner.resume(&agent, state).await.unwrap_err());
    assert_eq!(ran.take(), ["delete a", "delete b", "delete c"]);

    // The keys of the turn before are no keys of this one.
    let error = state.approve(&first[1].key).unwrap_err();
    let pending = &state.pending()[0].key;
    let expected = format!("no pending call has the key `{}`; pending: {pending}", first[1].key);
    assert_eq!(error.to_string(), expected);
    state.reject_always(&pending.clone(), "no").unwrap();
    assert_eq!(runner.resume(&agent, state).await.unwrap().output, "done");
    assert!(ran.take().is_empty());
}

#[tokio::test]
async fn a_hand_off_waits_for_an_approval() {
    let billing = Agent::builder("Billing", ScriptedModel::new("scripted", ["refunded"])).build();
    let triage = || {
        let model = ScriptedModel::new(
            "scripted",
            [Reply::call("transfer_to_billing", json!({})), Reply::text("Then not.")],
        );
        let handoff = Handoff::to(&billing).approval(Approval::always());
        Agent::builder("Triage", model).handoff(handoff).build()
    };
    for (approves, output) in [(true, "refunded"), (false, "Then not.")] {
        let (agent, capture) = (triage(), Capture::deterministic());
        let run = capture.run_async(agent.run("My money!"));
        let mut state = stored(run.await.unwrap_err());
        let key = state.pending()[0].key.clone();
        if approves { state.approve(&key) } else { state.reject(&key, "no refunds") }.unwrap();
        let result = capture.run_async(Runner::new().resume(&agent, state)).await.unwrap();
        assert_eq!(result.output, output);
        let spans = capture.spans_async().await;
        assert_coherent!(spans);
        if approves {
            assert_span_tree!(spans, {
                runner "Runner" {
                    agent "Triage" ["paused" = true] {
                        llm *
                        agent "Triage" ["resumed" = true] {
                            handoff "Billing" ["tool.approval" = "approved"]
                        }
                        agent "Billing" ["resumed" = true] { llm * }
                    }
                }
            });
        } else {
            assert_eq!(result.messages[2].text(), "`transfer_to_billing` was rejected: no refunds");
        }
    }
}

fn nested(ran: &Ran) -> Agent {
    let worker =
        Agent::builder("Worker", model(vec![call("0", "look", "x"), call("1", "write", "x")]))
            .tool(ran.tool("look"))
            .tool(ran.tool("write").with_approval(Approval::always()))
            .build();
    let middle =
        Agent::builder("Middle", model(vec![ToolCall::new("0", "work", &json!({"input": "do"}))]))
            .tool(worker.as_tool("work", "Works."))
            .build();
    let calls = vec![
        ToolCall::new("0", "ask", &json!({"input": "please"})),
        call("1", "note", "y"),
        call("2", "write", "z"),
    ];
    Agent::builder("Top", model(calls))
        .tool(middle.as_tool("ask", "Asks."))
        .tool(ran.tool("note"))
        .tool(ran.tool("write").with_approval(Approval::always()))
        .build()
}

#[tokio::test]
async fn calls_of_agents_that_are_tools_surface_at_the_top_and_go_on_there() {
    let (ran, capture) = (Ran::default(), Capture::deterministic());
    let run = async { nested(&ran).run("go").await };
    let mut state = stored(capture.run_async(run).await.unwrap_err());
    let mut done = ran.take();
    done.sort();
    assert_eq!(done, ["look x", "note y"]);
    let pending = state.pending();
    let shown: Vec<_> = pending
        .iter()
        .map(|it| format!("{} {} {}", it.within.join("/"), it.agent, it.call.arguments))
        .collect();
    assert_eq!(shown, [r#"ask/work Worker {"text":"x"}"#, r#" Top {"text":"z"}"#]);
    state.approve(&pending[0].key).unwrap();

    let resume = async { Runner::new().resume(&nested(&ran), state).await };
    let mut state = stored(capture.run_async(resume).await.unwrap_err());
    assert_eq!(ran.take(), ["write x"]);
    state.approve(&pending[1].key).unwrap();
    let resume = async { Runner::new().resume(&nested(&ran), state).await };
    let result = capture.run_async(resume).await.unwrap();
    assert_eq!(ran.take(), ["write z"]);
    assert_eq!(result.output, "look did x; write did x; note did y; write did z");
    // Two model calls of each agent.
    assert_eq!(result.usage.requests, 6);
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_span_tree!(spans, {
        runner "Runner" {
            agent "Top" ["paused" = true] {
                llm *
                in_any_order {
                    tool "ask" [status = unset, "paused" = true] {
                        agent "Middle" [status = unset, "paused" = true] {
                            llm *
                            tool "work" [status = unset] {
                                agent "Worker" [status = unset] { llm * tool "look" }
                            }
                        }
                    }
                    tool "note"
                }
                agent "Top" ["resumed" = true, "paused" = true] {
                    tool "ask" [ok] {
                        agent "Middle" [ok, "resumed" = true] {
                            tool "work" [ok] {
                                agent "Worker" [ok, "resumed" = true] { tool "write" llm * }
                            }
                            llm *
                        }
                    }
                    agent "Top" [ok, "resumed" = true] { tool "write" llm * }
                }
            }
        }
    });
    // The inner runs go on elsewhere in the tree, and say from where.
    let linked = spans.iter().filter(|span| span.links().next().is_some());
    let linked: Vec<_> = linked.map(|span| span.component_name().to_owned()).collect();
    assert_eq!(linked.len(), 2, "{linked:?}");
}

#[tokio::test]
async fn a_tool_that_passes_its_context_on_pauses_too() {
    let ran = Ran::default();
    let inner = Agent::builder("Inner", model(vec![call("0", "write", "x")]))
        .tool(ran.tool("write").with_approval(Approval::always()))
        .build()
        .as_tool("inner", "Works.");
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let outer = FunctionTool::with_context("outer", "Works.", move |context, _: Text| {
        use raaf_agents::Tool as _;
        count.fetch_add(1, Ordering::Relaxed);
        let (inner, context) = (inner.clone(), context.clone());
        async move { inner.call_in(&context, json!({"input": "go"})).await }
    });
    let agent = Agent::builder("Top", model(vec![call("0", "outer", "x")])).tool(outer).build();
    let capture = Capture::deterministic();
    let mut state = stored(capture.run_async(agent.run("go")).await.unwrap_err());
    let key = state.pending()[0].key.clone();
    state.approve(&key).unwrap();
    let result = capture.run_async(Runner::new().resume(&agent, state)).await.unwrap();
    assert_eq!((result.output, ran.take()), ("write did x".into(), vec!["write x".to_owned()]));
    // The function runs again, up to where it has paused.
    assert_eq!(begun.load(Ordering::Relaxed), 2);
    let failed =
        |span: &raaf_trace_core::FinishedSpan| span.attributes().get("error.type").is_some();
    assert!(!capture.spans_async().await.iter().any(failed));
}

/// Hooks that replace the arguments of the tool `outer`.
struct Replacing;

#[async_trait]
impl RunHooks for Replacing {
    async fn before_tool(&self, _: &RunContext, _: &Agent, call: &ToolCall) -> ToolAction {
        match &*call.name {
            "outer" => ToolAction::Replace(text("replaced")),
            _ => ToolAction::Proceed,
        }
    }
}

#[tokio::test]
async fn arguments_that_hooks_replaced_stay_over_a_pause() {
    let ran = Ran::default();
    let inner = Agent::builder("Inner", model(vec![call("0", "write", "x")]))
        .tool(ran.tool("write").with_approval(Approval::always()))
        .build()
        .as_tool("inner", "Works.");
    let seen = Ran::default();
    let saw = seen.clone();
    let outer = FunctionTool::with_context("outer", "Works.", move |context, args: Text| {
        use raaf_agents::Tool as _;
        saw.0.lock().unwrap().push(args.text);
        let (inner, context) = (inner.clone(), context.clone());
        async move { inner.call_in(&context, json!({"input": "go"})).await }
    });
    let agent = Agent::builder("Top", model(vec![call("0", "outer", "original")]))
        .tool(outer)
        .hooks(Replacing)
        .build();
    let mut state = stored(agent.run("go").await.unwrap_err());
    let key = state.pending()[0].key.clone();
    state.approve(&key).unwrap();
    Runner::new().resume(&agent, state).await.unwrap();
    assert_eq!(seen.take(), ["replaced", "replaced"]);
}

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
async fn streams_pause_and_go_on() {
    let ran = Ran::default();
    let agent =
        Agent::builder("Cleaner", model(vec![call("1", "note", "a"), call("2", "delete", "b")]))
            .tool(ran.tool("note"))
            .tool(ran.tool("delete").with_approval(Approval::always()))
            .build();
    let names = |event: &RunEvent| match event {
        RunEvent::ToolCall { call, .. } => format!("call {}", call.name),
        RunEvent::ToolResult { tool, .. } => format!("result {tool}"),
        RunEvent::AgentChanged { agent } => format!("agent {agent}"),
        RunEvent::TextDelta { .. } => "text".to_owned(),
        RunEvent::Done(_) => "done".to_owned(),
        other => format!("{other:?}"),
    };
    let runner = Runner::new();
    let mut events = Vec::new();
    let mut stream = runner.stream(&agent, "go");
    let mut state = loop {
        match stream.next().await.unwrap() {
            Ok(event) => events.push(names(&event)),
            Err(error) => break stored(error),
        }
    };
    assert!(stream.next().await.is_none());
    assert_eq!(events, ["agent Cleaner", "call note", "result note"]);
    let key = state.pending()[0].key.clone();
    state.approve(&key).unwrap();
    let stream = runner.resume_stream(&agent, state);
    let events: Vec<_> = stream.map(|event| names(&event.unwrap())).collect().await;
    assert_eq!(events, ["call delete", "result delete", "text", "done"]);
}

#[tokio::test]
async fn a_session_keeps_what_tools_did_before_a_pause_and_nothing_twice() {
    let ran = Ran::default();
    let agent =
        Agent::builder("Cleaner", model(vec![call("1", "note", "a"), call("2", "delete", "b")]))
            .tool(ran.tool("note"))
            .tool(ran.tool("delete").with_approval(Approval::always()))
            .build();
    let session = MemorySession::new();
    let runner = || Runner::new().with_config(RunConfig::new().session(session.clone()));
    let mut state = stored(runner().run(&agent, "go").await.unwrap_err());
    let roles = async || -> Vec<Role> {
        session.load().await.unwrap().iter().map(|message| message.role).collect()
    };
    assert_eq!(roles().await, [Role::User, Role::Assistant, Role::Tool]);
    let key = state.pending()[0].key.clone();
    state.approve(&key).unwrap();
    let result = runner().resume(&agent, state).await.unwrap();
    let expected = [Role::User, Role::Assistant, Role::Tool, Role::Tool, Role::Assistant];
    assert_eq!(roles().await, expected);
    assert_eq!(session.load().await.unwrap(), result.messages);
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
async fn a_run_can_be_paused_between_its_steps() {
    let ran = Ran::default();
    let agent = || {
        Agent::builder("Cleaner", model(vec![call("1", "note", "a")]))
            .tool(ran.tool("note"))
            .build()
    };
    let runner = Runner::new().with_config(RunConfig::new().pause_when(|_| true));
    let mut ended = runner.run(&agent(), "go").await;
    let mut pauses = 0;
    let result = loop {
        match ended {
            Ok(result) => break result,
            Err(error) => {
                pauses += 1;
                ended = runner.resume(&agent(), stored(error)).await;
            }
        }
    };
    // Before each turn, the call and the answer.
    assert_eq!((pauses, result.turns), (4, 2));
    assert_eq!((result.output, ran.take()), ("note did a".into(), vec!["note a".to_owned()]));
}

#[tokio::test]
async fn an_error_that_is_passed_on_is_no_failure_of_the_spans_around() {
    let agent = Agent::builder("Support", model(vec![call("1", "refund", "a")]))
        .tool(Ran::default().tool("refund").with_approval(Approval::always()))
        .build();
    let capture = Capture::deterministic();
    let work = async {
        let request = raaf_trace_core::trace("request");
        request.try_in_span(async { agent.run("go").await.map_err(anyhow::Error::from) }).await
    };
    capture.run_async(work).await.unwrap_err();
    assert_span_tree!(capture.spans_async().await, {
        trace "request" [status = unset, "paused" = true, !"error.type"] {
            agent "Support" [status = unset] { llm * }
        }
    });
}

#[tokio::test]
async fn a_function_that_starts_several_runs_goes_on_with_the_one_that_has_paused() {
    let ran = Ran::default();
    let writer = |id: &str, approval: Approval| {
        Agent::builder("Writer", model(vec![call("0", "write", id)]))
            .tool(ran.tool("write").with_approval(approval))
            .build()
            .as_tool("ask", "Writes.")
    };
    let (first, second) =
        (writer("first", Approval::never()), writer("second", Approval::always()));
    let both = FunctionTool::with_context("both", "Works.", move |context, _: Text| {
        use raaf_agents::Tool as _;
        let (first, second, context) = (first.clone(), second.clone(), context.clone());
        async move {
            let one = first.call_in(&context, json!({"input": "go"})).await?;
            let other = second.call_in(&context, json!({"input": "go"})).await?;
            let texts = [one, other].map(|it| it.into_json().as_str().map(str::to_owned));
            Ok::<_, raaf_agents::ToolError>(
                texts.into_iter().flatten().collect::<Vec<_>>().join(", "),
            )
        }
    });
    let agent = Agent::builder("Top", model(vec![call("0", "both", "x")])).tool(both).build();
    let mut state = stored(agent.run("go").await.unwrap_err());
    assert_eq!(ran.take(), ["write first"]);
    let key = state.pending()[0].key.clone();
    state.approve(&key).unwrap();
    let result = Runner::new().resume(&agent, state).await.unwrap();
    assert_eq!(result.output, "write did first, write did second");
    assert_eq!(
        ran.take(),
        ["write first", "write second"],
        "the function runs again from its start"
    );
}

fn refunding(ran: &Ran) -> Agent {
    Agent::builder("Support", model(vec![call("1", "refund", "s3cret")]))
        .tool(ran.tool("refund").with_approval(Approval::always()))
        .build()
}

async fn paused_and_approved(runner: &Runner, agent: &Agent) -> RunState {
    let mut state = stored(runner.run(agent, "go").await.unwrap_err());
    let key = state.pending()[0].key.clone();
    state.approve(&key).unwrap();
    state
}

#[tokio::test]
async fn a_run_that_is_not_traced_goes_on_untraced() {
    let (ran, capture) = (Ran::default(), Capture::deterministic());
    let runner = Runner::new().with_config(RunConfig::new().tracing(false));
    let runs = async {
        let state = paused_and_approved(&runner, &refunding(&ran)).await;
        // By a runner that would trace it.
        Runner::new().resume(&refunding(&ran), state).await
    };
    assert!(capture.run_async(runs).await.is_ok());
    assert!(capture.spans_async().await.is_empty());
}

#[tokio::test]
async fn without_content_the_trace_has_no_arguments_of_calls_that_wait() {
    let (ran, capture) = (Ran::default(), Capture::deterministic());
    let runner = Runner::new().with_config(RunConfig::new().include_sensitive_data(false));
    let runs = async {
        let state = paused_and_approved(&runner, &refunding(&ran)).await;
        runner.resume(&refunding(&ran), state).await
    };
    assert!(capture.run_async(runs).await.is_ok());
    let spans = capture.spans_async().await;
    for span in &spans {
        let line = serde_json::to_string(span).unwrap();
        assert!(!line.contains("s3cret"), "{line}");
    }
    assert!(
        spans.iter().any(|span| span.events().any(|event| event.name() == "approval.requested"))
    );
}

#[tokio::test]
async fn a_state_that_is_resumed_twice_makes_its_calls_with_the_same_key() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&keys);
    let refund = FunctionTool::with_context("refund", "Refunds.", move |context, _: Text| {
        seen.lock().unwrap().push(context.idempotency_key());
        async { Ok::<_, std::io::Error>("done") }
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

#[tokio::test]
async fn a_resumed_run_that_is_cancelled_or_panics_leaves_a_valid_conversation() {
    for panics in [true, false] {
        let token = raaf_agents::CancellationToken::new();
        let asked = token.clone();
        let slow = FunctionTool::infallible("refund", "Refunds.", move |_: Text| {
            assert!(!panics, "no paper");
            asked.cancel();
            std::future::pending::<()>()
        })
        .with_approval(Approval::always());
        let ran = Ran::default();
        let calls = vec![call("1", "note", "a"), call("2", "refund", "b")];
        let agent =
            Agent::builder("Support", model(calls)).tool(ran.tool("note")).tool(slow).build();
        let session = MemorySession::new();
        let config = RunConfig::new().session(session.clone()).cancellation(token);
        let runner = Runner::new().with_config(config);
        let state = paused_and_approved(&runner, &agent).await;
        let error = runner.resume(&agent, state).await.unwrap_err();
        assert_eq!(error.kind.as_str(), if panics { "tool" } else { "cancelled" });
        let results = error.progress.messages.iter().flat_map(Message::tool_results);
        let failed: Vec<_> = results.map(|result| result.is_error).collect();
        assert_eq!(failed, [false, true], "{error}");
        assert_eq!(session.load().await.unwrap().len(), 4);
    }
}

#[tokio::test]
async fn a_session_keeps_of_a_pause_what_its_policy_says() {
    use raaf_agents::SessionPolicy::{KeepAll, KeepNothing, KeepToolResults};
    let ran = Ran::default();
    let with = |calls| {
        Agent::builder("Support", model(calls))
            .tool(ran.tool("note"))
            .tool(ran.tool("refund").with_approval(Approval::always()))
            .build()
    };
    let (note, refund) = (call("1", "note", "a"), call("2", "refund", "b"));
    for (policy, calls, kept) in [
        (KeepToolResults, vec![note.clone(), refund.clone()], 3),
        (KeepToolResults, vec![refund.clone()], 0),
        (KeepAll, vec![refund.clone()], 2),
        (KeepNothing, vec![note, refund], 0),
    ] {
        let (agent, session) = (with(calls), MemorySession::new());
        let config = RunConfig::new().session(session.clone()).session_policy(policy);
        let runner = Runner::new().with_config(config);
        let state = paused_and_approved(&runner, &agent).await;
        assert_eq!(session.load().await.unwrap().len(), kept, "{policy:?}");
        let result = runner.resume(&agent, state).await.unwrap();
        assert_eq!(session.load().await.unwrap(), result.messages, "{policy:?}");
    }
}

#[tokio::test]
async fn streams_of_agents_that_are_tools_pause_and_go_on() {
    let ran = Ran::default();
    let events = async |mut stream: raaf_agents::RunStream| {
        let mut tools = Vec::new();
        loop {
            match stream.next().await {
                Some(Ok(event)) => {
                    if let RunEvent::ToolCall { agent, call } = event.innermost() {
                        tools.push(format!("{agent} {}", call.name));
                    }
                }
                Some(Err(error)) => return (tools, Some(stored(error))),
                None => return (tools, None),
            }
        }
    };
    let runner = Runner::new();
    let (mut tools, state) = events(runner.stream(&nested(&ran), "go")).await;
    tools.sort();
    assert_eq!(tools, ["Middle work", "Top ask", "Top note", "Worker look"]);
    let mut state = state.unwrap();
    for call in state.pending() {
        state.approve(&call.key).unwrap();
    }
    let (mut tools, state) = events(runner.resume_stream(&nested(&ran), state)).await;
    assert!(state.is_none());
    tools.sort();
    assert_eq!(tools, ["Top write", "Worker write"]);
}
