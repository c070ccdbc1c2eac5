//! Runs that are interrupted and run again with their journal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use journal::{Broken, InMemory, Ledger, Planned, block_on, interrupted, turn, write};
use proptest::prelude::*;
use raaf_agents::{
    Agent, Approval, FunctionTool, Journal, MemorySession, Message, Model, ModelError,
    ModelRequest, ModelResponse, RunConfig, RunContext, RunErrorKind, RunHooks, RunResult,
    RunState, Runner, ScriptedModel, Session, SessionError, Tool as _, ToolCall,
};
use raaf_testkit::{Capture, Spans, assert_coherent, assert_span_tree};
use raaf_trace_core::{Status, trace};
use serde_json::{Value as Json, json};
use tokio::task::yield_now;

mod journal;

/// An agent with two tools and another agent as a third.
fn agent(ledger: &Ledger) -> Agent {
    let inner = [turn(&[("debit", json!({"value": 1}))])];
    let clerk = Agent::builder("Clerk", Planned(inner.into())).tool(write("debit", ledger)).build();
    let turns = [
        turn(&[
            ("debit", json!({"value": 2})),
            ("ask_clerk", json!({"input": "pay"})),
            ("credit", json!({"value": 3})),
            ("ask_clerk", json!({"input": "pay again"})),
        ]),
        turn(&[("credit", json!({"value": 1})), ("unknown", json!({}))]),
    ];
    Agent::builder("Teller", Planned(turns.into()))
        .tool(write("debit", ledger))
        .tool(write("credit", ledger))
        .tool(clerk.as_tool("ask_clerk", "Asks."))
        .build()
}

fn runner(journal: &InMemory) -> Runner {
    Runner::new().with_config(RunConfig::new().journal(journal.clone()).run_id("run"))
}

fn done(spans: &Spans) -> Vec<String> {
    let steps = spans.iter().filter(|span| span.kind() == "llm" || span.kind() == "tool");
    // The call of an agent is no step.
    let steps = steps.filter(|span| span.component_name() != "ask_clerk");
    let steps = steps.filter(|span| span.status() != Status::Cancelled);
    let mut steps: Vec<_> = steps.map(|span| span.component_name().to_owned()).collect();
    steps.sort();
    steps
}

/// Runs the agent, dropping the run after each of these numbers of polls, and then to its end.
async fn run(drops: &[usize]) -> (RunResult, BTreeMap<String, u32>, Spans, Vec<String>) {
    let (ledger, journal, capture) = (Ledger::default(), InMemory::default(), Capture::new());
    let work = trace("Job").in_span(async {
        for &polls in drops {
            // Nothing is left of the process but the journal.
            let (agent, runner) = (agent(&ledger), runner(&journal));
            interrupted(runner.run(&agent, "go"), polls).await;
        }
        runner(&journal).run(&agent(&ledger), "go").await.unwrap()
    });
    let result = capture.run_async(work).await;
    let entries = ledger.lock().unwrap().clone();
    let steps = journal.0.lock().unwrap().keys().cloned().collect();
    (result, entries, capture.spans_async().await, steps)
}

#[test]
fn steps_have_the_names_of_their_calls() {
    let (.., steps) = block_on(run(&[]));
    let of_clerk = |call: &str| ["", "/1", "/1/c0", "/2"].map(|step| format!("run/1/{call}{step}"));
    let own = ["run/1", "run/1/c0", "run/1/c2", "run/2", "run/2/c0", "run/2/c1", "run/3"];
    let mut expected: Vec<_> = own.map(str::to_owned).into();
    expected.extend(of_clerk("c1").into_iter().chain(of_clerk("c3")));
    expected.sort();
    assert_eq!(steps, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_run_that_is_dropped_anywhere_goes_on(drops in prop::collection::vec(0_usize..60, 0..6)) {
        block_on(async {
            let (straight, entries, whole, steps) = run(&[]).await;
            let (result, entries_in_pieces, spans, steps_in_pieces) = run(&drops).await;
            assert_eq!((&result.output, &result.messages), (&straight.output, &straight.messages));
            assert_eq!((result.usage, result.turns), (straight.usage, straight.turns));
            assert_eq!(entries_in_pieces, entries, "each call is done to its end once");
            assert_eq!(steps_in_pieces, steps);
            assert_coherent!(spans);
            assert_eq!(done(&spans), done(&whole), "{spans}");
        });
    }
}

/// Counts the hooks that observe.
#[derive(Clone, Default)]
struct Count(Arc<Mutex<BTreeMap<&'static str, u32>>>);

#[async_trait]
impl RunHooks for Count {
    async fn model_asked(&self, _: &RunContext, _: &Agent, _: &ModelRequest) {
        *self.0.lock().unwrap().entry("asked").or_default() += 1;
    }

    async fn model_answered(&self, _: &RunContext, _: &Agent, _: &ModelResponse) {
        *self.0.lock().unwrap().entry("answered").or_default() += 1;
    }

    async fn tool_called(&self, _: &RunContext, _: &Agent, _: &ToolCall) {
        *self.0.lock().unwrap().entry("called").or_default() += 1;
    }
}

#[tokio::test]
async fn a_replay_has_no_step_in_its_trace_and_calls_no_hook_of_one() {
    let (ledger, journal, count) = (Ledger::default(), InMemory::default(), Count::default());
    let turns = vec![turn(&[("credit", json!({"value": 1}))])];
    let agent = Agent::builder("Teller", Planned(turns)).tool(write("credit", &ledger)).build();
    let config = || RunConfig::new().journal(journal.clone()).run_id("run").hooks(count.clone());
    let runner = Runner::new().with_config(config());
    let first = runner.run(&agent, "go").await.unwrap();
    let capture = Capture::new();
    let replay = capture.run_async(runner.run(&agent, "go")).await.unwrap();
    assert_eq!((replay.messages, replay.usage), (first.messages, first.usage));
    let hooks = count.0.lock().unwrap().clone();
    assert_eq!(hooks, BTreeMap::from([("asked", 2), ("answered", 2), ("called", 1)]));
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert!(spans.iter().all(|span| span.kind() != "llm" && span.kind() != "tool"), "{spans}");
    let teller = spans.iter().find(|span| span.kind() == "agent").unwrap();
    assert_eq!(teller.attributes().get("resumed"), Some(true.into()));
}

/// A model that gives a call no id, and then loses its connection once.
#[derive(Default)]
struct Shaky(AtomicBool);

#[async_trait]
impl Model for Shaky {
    fn name(&self) -> &str {
        "shaky"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        if request.messages.len() == 1 {
            let call = ToolCall::new("", "credit", &json!({"value": 1}));
            return Ok(ModelResponse::new(Message::calls([call])));
        }
        if !self.0.swap(true, Ordering::Relaxed) {
            return Err(ModelError::Connection { message: "reset".to_owned() });
        }
        Ok(ModelResponse::new(Message::assistant("Done.")))
    }
}

#[tokio::test]
async fn agents_within_calls_that_are_done_have_no_span_and_their_usage_counts() {
    let (ledger, journal) = (Ledger::default(), InMemory::default());
    let build = || {
        let clerk = |turns: Vec<Vec<ToolCall>>| {
            Agent::builder("Clerk", Planned(turns)).tool(write("debit", &ledger)).build()
        };
        let busy = clerk(vec![turn(&[("debit", json!({"value": 1}))])]);
        // A function that runs an agent is one step.
        let asked = Arc::new(clerk(Vec::new()).as_tool("inner", "Asks."));
        let ask = FunctionTool::with_context("ask", "Asks.", move |context: RunContext, (): ()| {
            let asked = asked.clone();
            async move { asked.call_in(&context, json!({"input": "x"})).await }
        });
        let turns = vec![turn(&[("ask_clerk", json!({"input": "pay"})), ("ask", json!({}))])];
        let teller = Agent::builder("Teller", Planned(turns)).tool(ask);
        teller.tool(busy.as_tool("ask_clerk", "Asks.")).build()
    };
    let first = runner(&journal).run(&build(), "go").await.unwrap();
    assert_eq!(first.usage_by_agent["Clerk"].requests, 3);
    let capture = Capture::new();
    let replay = capture.run_async(runner(&journal).run(&build(), "go")).await.unwrap();
    assert_eq!((replay.messages, replay.usage_by_agent), (first.messages, first.usage_by_agent));
    assert_eq!(replay.cost, first.cost);
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, { runner "Runner" { agent "Teller" ["resumed" = true] } });
}

#[tokio::test]
async fn a_model_that_fails_is_asked_again_and_an_id_that_it_left_out_stays() {
    let (ledger, journal) = (Ledger::default(), InMemory::default());
    let model = Shaky::default();
    let agent = Agent::builder("Teller", model).tool(write("credit", &ledger)).build();
    let error = runner(&journal).run(&agent, "go").await.unwrap_err();
    assert_eq!(error.kind.as_str(), "model");
    assert_eq!(runner(&journal).run(&agent, "go").await.unwrap().output, "Done.");
    assert_eq!(ledger.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_journal_that_fails_is_named_with_the_step() {
    let agent = Agent::builder("Teller", ScriptedModel::new("scripted", ["Hi."])).build();
    let config = RunConfig::new().journal(Broken).run_id("run");
    let error = Runner::new().with_config(config).run(&agent, "go").await.unwrap_err();
    assert!(matches!(error.kind, RunErrorKind::Journal { .. }));
    let text = "agent `Teller` (turn 1): the journal failed at step `run/1`: disk full";
    assert_eq!(error.to_string(), text);
}

/// A journal that fails once at a step of an agent within a call.
struct Flaky(InMemory, AtomicBool);

#[async_trait]
impl Journal for Flaky {
    async fn step(
        &self,
        name: &str,
        work: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        if name.ends_with("/c1/2") && !self.1.swap(true, Ordering::Relaxed) {
            return Err("disk full".into());
        }
        self.0.step(name, work).await
    }

    async fn known(&self, name: &str) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        self.0.known(name).await
    }
}

#[tokio::test]
async fn a_journal_that_fails_in_the_call_of_an_agent_fails_the_run() {
    let (ledger, journal) = (Ledger::default(), InMemory::default());
    let config = RunConfig::new().journal(Flaky(journal.clone(), AtomicBool::new(false)));
    let teller = Runner::new().with_config(config.run_id("run"));
    let error = teller.run(&agent(&ledger), "go").await.unwrap_err();
    let text = "agent `Teller` (turn 1): the journal failed at step `run/1/c1/2`: disk full";
    assert_eq!(error.to_string(), text);
    let (straight, ..) = run(&[]).await;
    assert_eq!(teller.run(&agent(&ledger), "go").await.unwrap().messages, straight.messages);
}

/// A session that awaits before and after each append, so that a run is interrupted there.
struct Slow(MemorySession);

#[async_trait]
impl Session for Slow {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        yield_now().await;
        self.0.load().await
    }

    async fn append(&self, _: Vec<Message>) -> Result<(), SessionError> {
        Err(SessionError::new("a journaled run has keys for its appends"))
    }

    async fn append_once(&self, key: &str, messages: Vec<Message>) -> Result<(), SessionError> {
        yield_now().await;
        self.0.append_once(key, messages).await?;
        yield_now().await;
        Ok(())
    }

    async fn clear(&self) -> Result<(), SessionError> {
        self.0.clear().await
    }
}

async fn run_in_session(drops: &[usize]) -> (RunResult, Vec<Message>) {
    let (ledger, journal, session) = (Ledger::default(), InMemory::default(), MemorySession::new());
    session.append(vec![Message::user("Hi!"), Message::assistant("Hello.")]).await.unwrap();
    let runner = || {
        let config = RunConfig::new().journal(journal.clone()).run_id("run");
        Runner::new().with_config(config.session(Slow(session.clone())))
    };
    for &polls in drops {
        interrupted(runner().run(&agent(&ledger), "go"), polls).await;
    }
    let result = runner().run(&agent(&ledger), "go").await.unwrap();
    (result, session.messages())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_session_gets_each_message_of_an_interrupted_run_once(
        drops in prop::collection::vec(0_usize..60, 0..6),
    ) {
        block_on(async {
            let (straight, stored) = run_in_session(&[]).await;
            assert_eq!(stored, straight.messages);
            let (result, stored) = run_in_session(&drops).await;
            assert_eq!(result.messages, straight.messages);
            assert_eq!(stored, straight.messages);
        });
    }

    #[test]
    fn a_run_that_has_paused_goes_on_with_its_journal(
        drops in prop::collection::vec(0_usize..30, 0..4),
    ) {
        block_on(async {
            let (ledger, journal) = (Ledger::default(), InMemory::default());
            let turns = [
                turn(&[("debit", json!({"value": 1})), ("credit", json!({"value": 2}))]),
                turn(&[("debit", json!({"value": 1}))]),
            ];
            let agent = || {
                let asks = write("credit", &ledger).with_approval(Approval::always());
                let builder = Agent::builder("Teller", Planned(turns.clone().into()));
                builder.tool(write("debit", &ledger)).tool(asks).build()
            };
            let capture = Capture::new();
            let work = async {
                // Each process comes to the pause by itself, and goes on from the decision.
                let paused = async || {
                    let paused = runner(&journal).run(&agent(), "go").await.unwrap_err();
                    let mut state: RunState = paused.into_state().unwrap();
                    let pending = state.pending();
                    assert_eq!(pending.len(), 1);
                    state.approve(&pending[0].key).unwrap();
                    runner(&journal).resume(&agent(), state).await
                };
                for &polls in &drops {
                    interrupted(paused(), polls).await;
                }
                paused().await.unwrap()
            };
            let result = capture.run_async(Box::pin(trace("Job").in_span(work))).await;
            assert_eq!(result.output, "6 messages");
            let entries = ledger.lock().unwrap().clone();
            let calls = ["run/1/c0", "run/1/c1", "run/2/c0"];
            assert_eq!(entries, calls.map(|key| (key.to_owned(), 1)).into());
            let spans = capture.spans_async().await;
            assert_coherent!(spans);
            assert_eq!(done(&spans), ["credit", "debit", "debit", "planned", "planned", "planned"]);
        });
    }
}
