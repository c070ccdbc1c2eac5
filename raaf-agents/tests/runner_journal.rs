//! Runs that are interrupted and run again with their journal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

use std::{
    collections::BTreeMap,
    error::Error,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use futures::{future::BoxFuture, poll};
use proptest::prelude::*;
use raaf_agents::{
    Agent, FunctionTool, Journal, Message, Model, ModelError, ModelRequest, ModelResponse,
    RunConfig, RunContext, RunErrorKind, RunHooks, RunResult, Runner, ScriptedModel, ToolCall,
    Usage,
};
use raaf_testkit::{Capture, Spans, assert_coherent};
use raaf_trace_core::{Status, trace};
use serde_json::{Value as Json, json};
use tokio::task::yield_now;

/// A journal that awaits before and after its work, and fails the test if it does a step again.
#[derive(Clone, Default)]
struct InMemory(Arc<Mutex<BTreeMap<String, Json>>>);

#[async_trait]
impl Journal for InMemory {
    async fn step(
        &self,
        name: &str,
        work: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        yield_now().await;
        let known = self.0.lock().unwrap().get(name).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let result = work.await;
        if let Some(result) = &result {
            let before = self.0.lock().unwrap().insert(name.to_owned(), result.clone());
            assert_eq!(before, None, "`{name}` was done twice");
        }
        yield_now().await;
        Ok(result)
    }
}

/// A model that makes its turns in order, each after some awaits.
struct Planned(Vec<Vec<ToolCall>>);

#[async_trait]
impl Model for Planned {
    fn name(&self) -> &str {
        "planned"
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        yield_now().await;
        let turn = request.messages.iter().filter(|message| message.tool_calls().count() > 0);
        let message = match self.0.get(turn.count()) {
            Some(calls) => Message::calls(calls.clone()),
            None => Message::assistant(format!("{} messages", request.messages.len())),
        };
        yield_now().await;
        Ok(ModelResponse::new(message).with_usage(Usage::new(3, 2)))
    }
}

/// Entries of the tools by the keys of their calls: how often each was done to its end.
type Ledger = Arc<Mutex<BTreeMap<String, u32>>>;

fn write(name: &str, ledger: &Ledger) -> FunctionTool {
    let ledger = Arc::clone(ledger);
    FunctionTool::with_context(name, "Writes.", move |context: RunContext, n: u32| {
        let ledger = Arc::clone(&ledger);
        async move {
            for _ in 0..n {
                yield_now().await;
            }
            let key = context.idempotency_key().unwrap();
            *ledger.lock().unwrap().entry(key).or_default() += 1;
            if n == 3 { Err("no luck") } else { Ok(n) }
        }
    })
}

fn turn(calls: &[(&str, Json)]) -> Vec<ToolCall> {
    let calls = calls.iter().enumerate();
    calls.map(|(at, (name, arguments))| ToolCall::new(format!("c{at}"), *name, arguments)).collect()
}

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
            let mut run = pin!(runner.run(&agent, "go"));
            for _ in 0..polls {
                if poll!(&mut run).is_ready() {
                    break;
                }
                yield_now().await;
            }
        }
        runner(&journal).run(&agent(&ledger), "go").await.unwrap()
    });
    let result = capture.run_async(work).await;
    let entries = ledger.lock().unwrap().clone();
    let steps = journal.0.lock().unwrap().keys().cloned().collect();
    (result, entries, capture.spans_async().await, steps)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn steps_have_the_names_of_their_calls() {
    let (.., steps) = block_on(run(&[]));
    let of_clerk = |call: &str| ["1", "1/c0", "2"].map(|step| format!("run/1/{call}/{step}"));
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
async fn a_model_that_fails_is_asked_again_and_an_id_that_it_left_out_stays() {
    let (ledger, journal) = (Ledger::default(), InMemory::default());
    let model = Shaky::default();
    let agent = Agent::builder("Teller", model).tool(write("credit", &ledger)).build();
    let error = runner(&journal).run(&agent, "go").await.unwrap_err();
    assert_eq!(error.kind.as_str(), "model");
    assert_eq!(runner(&journal).run(&agent, "go").await.unwrap().output, "Done.");
    assert_eq!(ledger.lock().unwrap().len(), 1);
}

struct Broken;

#[async_trait]
impl Journal for Broken {
    async fn step(
        &self,
        _: &str,
        _: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        Err("disk full".into())
    }
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
