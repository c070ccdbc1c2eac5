//! Retried lists of pipelines that are interrupted and run again with their journal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use journal::{InMemory, Ledger, Planned, block_on, interrupted, turn, write};
use proptest::prelude::*;
use raaf_agents::{
    Agent, Approval, Flow, FlowExt as _, FunctionStep, Journal, OnBranchError, Pipeline,
    PipelineState, RetryPolicy, RunConfig, Runner, State, StepError, service, step,
};
use serde_json::{Value as Json, json};
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

mod journal;

fn at_once(retries: u32) -> RetryPolicy {
    RetryPolicy::new(retries + 1).with_delays(Duration::ZERO, Duration::ZERO)
}

/// A step that fails at so many visits of a place, and then sets `to` to `of` of the value of `from`.
fn visit(
    (name, from, to): (&'static str, &'static str, &'static str),
    ledger: &Ledger,
    failures: impl Fn(&str) -> u32 + Send + Sync + 'static,
    of: fn(&Json) -> Json,
) -> FunctionStep {
    let ledger = ledger.clone();
    let failures = Arc::new(failures);
    let visit = service(name, move |state: State| {
        let (ledger, failures) = (ledger.clone(), Arc::clone(&failures));
        async move {
            let place = state.value(from)?.clone();
            yield_now().await;
            let visits = {
                let mut ledger = ledger.lock().unwrap();
                let visits = ledger.entry(format!("{name} {place}")).or_default();
                *visits += 1;
                *visits
            };
            yield_now().await;
            if visits <= failures(&place.to_string()) {
                Err(format!("closed {visits}").into())
            } else {
                Ok(state.with(to, of(&place)))
            }
        }
    });
    visit.requires(from).provides(to)
}

#[derive(Clone, Debug)]
struct Shape {
    /// Numbers of visits of each item that fail.
    failures: Vec<u32>,
    /// Numbers of visits that fail of the steps before and behind the items.
    before: u32,
    behind: u32,
    /// Number of items that may fail.
    tolerated: usize,
    concurrency: usize,
    nested: bool,
    retried_items: u32,
}

fn shapes() -> impl Strategy<Value = Shape> {
    let failures = prop::collection::vec(0_u32..4, 1..6);
    let visits = (0_u32..3, 0_u32..3, 0_u32..2);
    let rest = (0_usize..3, prop::sample::select(vec![1, 2, 16]), any::<bool>());
    (failures, visits, rest).prop_map(
        |(failures, (before, behind, retried_items), (tolerated, concurrency, nested))| Shape {
            failures,
            before,
            behind,
            tolerated,
            concurrency,
            nested,
            retried_items,
        },
    )
}

fn errors(state: &State, key: &str) -> usize {
    state.value(key).unwrap().as_array().unwrap().len()
}

/// Makes a list, works on its items, on their results, and on all of these, until few enough have failed.
/// What follows has a copy of the state.
fn pipeline(shape: &Shape, ledger: &Ledger) -> Pipeline {
    let Shape { failures, before, behind, tolerated, .. } = shape.clone();
    let first = |value: &Json| value.clone();
    let list = visit(("List", "numbers", "list"), ledger, move |_| before, first);
    let of = move |place: &str| failures[place.parse::<usize>().unwrap()];
    let double = |value: &Json| json!(value.as_i64().unwrap() * 2 + 1);
    let one = visit(("One", "number", "one"), ledger, of, double);
    let one: Flow = one.retry(at_once(shape.retried_items));
    let ones = one.each_over("list").item("number").taking("one").into_key("ones");
    let text = |value: &Json| json!(value.to_string());
    let two = visit(("Two", "one", "two"), ledger, |_| 0, text);
    let twos = two.each_over("ones").item("one").into_key("twos");
    let sum = |value: &Json| {
        json!(value.as_array().unwrap().iter().filter_map(Json::as_i64).sum::<i64>())
    };
    let sum = visit(("Sum", "ones", "sum"), ledger, move |_| behind, sum);
    let check = service("Check", move |state: State| async move {
        yield_now().await;
        match errors(&state, "ones_errors") {
            failed if failed > tolerated => Err("too many failed".into()),
            failed => Ok(state.with("failed", failed)),
        }
    });
    let (ones, twos) = (ones.concurrency(shape.concurrency), twos.concurrency(shape.concurrency));
    let work = list >> ones >> (twos | sum) >> check;
    let work = if shape.nested { work.named("Work").build().unwrap().into() } else { work };
    let copy = service("Copy", |state: State| async move {
        let values: BTreeMap<_, _> = state.iter().collect();
        let copy = json!(values);
        Ok(state.with("copy", copy))
    });
    (work.retry(at_once(60)) >> copy).named("Job").build().unwrap()
}

async fn run(shape: &Shape, ledger: &Ledger, journal: &InMemory) -> State {
    let pipeline = pipeline(shape, ledger).journaled(journal.clone(), "job");
    let numbers: Vec<_> = (0..shape.failures.len()).collect();
    pipeline.run(State::new().with("numbers", json!(numbers))).await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_attempt_takes_no_result_of_items_that_failed_in_another(
        shape in shapes(),
        drops in prop::collection::vec(0_usize..150, 0..6),
    ) {
        block_on(async {
            let (ledger, journal) = (Ledger::default(), InMemory::default());
            for &polls in &drops {
                interrupted(run(&shape, &ledger, &journal), polls).await;
            }
            let state = run(&shape, &ledger, &journal).await;
            let ones: Vec<Option<i64>> = state.get("ones").unwrap();
            let failed = ones.iter().filter(|one| one.is_none()).count();
            assert_eq!(ones.len(), shape.failures.len());
            assert!(failed <= shape.tolerated);
            assert_eq!((failed, failed), (errors(&state, "ones_errors"), state.get("failed").unwrap()));
            assert!(ones.iter().zip(0..).all(|(one, at)| one.is_none_or(|one| one == at * 2 + 1)));
            let twos: Vec<String> = state.get("twos").unwrap();
            let expected: Vec<_> = ones.iter().map(|one| json!(one).to_string()).collect();
            assert_eq!(twos, expected);
            assert_eq!(state.get::<i64>("sum").unwrap(), ones.iter().flatten().sum::<i64>());
            let mut copied = state.clone();
            assert_eq!(json!(copied.remove("copy").unwrap()), json!(copied));

            let before = ledger.lock().unwrap().clone();
            assert_eq!(run(&shape, &ledger, &journal).await, state);
            assert_eq!(*ledger.lock().unwrap(), before, "a replay does no work");
        });
    }
}

/// Works on items by a step that may fail and an agent that needs an approval, until none has failed.
fn paying(shape: &Shape, ledger: &Ledger) -> Pipeline {
    let Shape { failures, behind, .. } = shape.clone();
    let of = move |place: &str| failures[place.parse::<usize>().unwrap()];
    let one = visit(("One", "number", "one"), ledger, of, Json::clone);
    let credit = write("credit", ledger).with_approval(Approval::always());
    let turns = [turn(&[("credit", json!({"value": 1}))])];
    let teller = Agent::builder("Teller", Planned(turns.into())).tool(credit).build();
    let teller = teller.reads("number").writes("paid");
    let item: Flow = if shape.nested { (one | teller).into() } else { one >> teller };
    let items = item.each_over("numbers").item("number").taking("paid").into_key("paid");
    let last = visit(("Last", "paid", "last"), ledger, move |_| behind, Json::clone);
    let work = items.concurrency(shape.concurrency) >> last >> all("paid_errors");
    work.retry(at_once(60)).named("Job").build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn items_that_have_paused_or_failed_go_on_in_their_attempt(
        shape in shapes(),
        drops in prop::collection::vec(0_usize..150, 0..6),
    ) {
        block_on(async {
            let (ledger, journal) = (Ledger::default(), InMemory::default());
            let pipeline = || paying(&shape, &ledger).journaled(journal.clone(), "job");
            // Each process starts again or goes on from the latest pause that was stored.
            let stored = std::cell::RefCell::new(None);
            let whole = async |again: bool| {
                if again {
                    stored.take();
                }
                loop {
                    let state = stored.borrow().clone();
                    let numbers: Vec<_> = (0..shape.failures.len()).collect();
                    let ended = if let Some(state) = state {
                        pipeline().resume(state).await
                    } else {
                        pipeline().run(State::new().with("numbers", json!(numbers))).await
                    };
                    let mut state = match ended {
                        Ok(state) => return state,
                        Err(paused) => paused.into_state().unwrap(),
                    };
                    for call in state.pending() {
                        state.approve(&call.key).unwrap();
                    }
                    let state: PipelineState = serde_json::from_value(json!(state)).unwrap();
                    stored.replace(Some(state));
                }
            };
            for &polls in &drops {
                interrupted(whole(polls % 3 == 0), polls).await;
            }
            let state = whole(false).await;
            assert_eq!(errors(&state, "paid_errors"), 0);
            assert_eq!(state.value("last").unwrap(), state.value("paid").unwrap());
            let mut calls = ledger.lock().unwrap().clone();
            calls.retain(|key, _| key.starts_with("job"));
            assert!(calls.values().all(|times| *times == 1), "each call is done once: {calls:?}");
            assert_eq!(whole(true).await, state);
        });
    }
}

/// Fails unless all items have a result.
fn all(key: &'static str) -> FunctionStep {
    service("All", move |state: State| async move {
        if errors(&state, key) == 0 { Ok(state) } else { Err("one is missing".into()) }
    })
}

#[tokio::test]
async fn a_step_behind_items_is_done_again_for_those_of_another_attempt() {
    let (ledger, journal) = (Ledger::default(), InMemory::default());
    let run = async || {
        let fails = |place: &str| u32::from(place == "2");
        let one = visit(("One", "n", "one"), &ledger, fails, Json::clone);
        let count =
            |ones: &Json| json!(ones.as_array().unwrap().iter().filter_map(Json::as_i64).count());
        let count = visit(("Count", "ns_one", "count"), &ledger, |_| 0, count);
        let work = one.each_over("ns").item("n") >> count >> all("ns_one_errors");
        let pipeline = work.retry(at_once(1)).named("Job").build().unwrap();
        pipeline.journaled(journal.clone(), "job").run(State::new().with("ns", json!([1, 2]))).await
    };
    for _ in 0..2 {
        assert_eq!(run().await.unwrap().get::<u32>("count").unwrap(), 2);
    }
    let entries: Vec<_> = journal.0.lock().unwrap().keys().cloned().collect();
    let expected = [
        "0#1",
        "0.0.[0]#1",
        "0.0.[0]#2",
        "0.0.[0].One",
        "0.0.[1]#1",
        "0.0.[1]#2",
        "0.0.[1].One",
        "0.1#1.Count",
        "0.1#2.Count",
        "0.2#2.All",
    ];
    assert_eq!(entries, expected.map(|entry| format!("job/{entry}")));
}

#[tokio::test]
async fn an_attempt_that_has_paused_goes_on_as_the_attempt_that_it_was() {
    let (ledger, journal) = (Ledger::default(), InMemory::default());
    let pipeline = || {
        let fails = |place: &str| u32::from(place == "2");
        let one = visit(("One", "n", "one"), &ledger, fails, Json::clone);
        let credit = write("credit", &ledger).with_approval(Approval::always());
        let turns = [turn(&[("credit", json!({"value": 1}))])];
        let teller = Agent::builder("Teller", Planned(turns.into())).tool(credit).build();
        let teller = teller.reads("ns_one").writes("paid");
        let work = one.each_over("ns").item("n") >> teller >> all("ns_one_errors");
        let pipeline = work.retry(at_once(1)).named("Job").build().unwrap();
        pipeline.journaled(journal.clone(), "job")
    };
    let mut ended = pipeline().run(State::new().with("ns", json!([1, 2]))).await;
    for _ in 0..2 {
        let stored = json!(ended.unwrap_err().into_state().unwrap());
        let mut state: PipelineState = serde_json::from_value(stored).unwrap();
        let call = state.pending().remove(0).key;
        state.approve(&call).unwrap();
        // A process that is killed has made half of the way.
        interrupted(pipeline().resume(state.clone()), 20).await;
        ended = pipeline().resume(state).await;
    }
    assert_eq!(ended.unwrap().value("ns_one").unwrap(), &json!([1, 2]));
    let mut entries = ledger.lock().unwrap().clone();
    entries.retain(|key, _| key.starts_with("job"));
    let calls = ["job/0.1#1.Teller/1/c0", "job/0.1#2.Teller/1/c0"];
    assert_eq!(entries, calls.map(|call| (call.to_owned(), 1)).into());
}

/// A journal whose store is full, and the number of steps that it was asked for.
#[derive(Clone, Default)]
struct Full(Arc<AtomicU32>);

#[async_trait]
impl Journal for Full {
    async fn step(
        &self,
        _: &str,
        _: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err("disk full".into())
    }

    async fn known(&self, _: &str) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        Ok(None)
    }
}

#[tokio::test]
async fn a_journal_that_fails_in_a_branch_is_no_failure_of_an_item_and_not_tried_again() {
    let side = |name| service(name, |state: State| async move { Ok(state.with("x", 1)) });
    let both = (side("Left") | side("Right")).on_error(OnBranchError::Collect);
    let journal = Full::default();
    let job =
        both.retry(at_once(5)).each_over("ns").retry(at_once(5)).named("Job").build().unwrap();
    let job = job.journaled(journal.clone(), "job");
    let error = job.run(State::new().with("ns", json!([1]))).await.unwrap_err();
    assert!(matches!(error.source, StepError::Branches { .. }), "{error}");
    assert!(error.to_string().contains("disk full"), "{error}");
    assert_eq!(journal.0.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_journal_that_fails_in_the_call_of_an_agent_is_no_failure_of_an_item() {
    let agent = Agent::builder("Echo", Planned(Vec::new())).build();
    let ask = step(agent.as_tool("ask", "Asks.")).reads("input").writes("x");
    let job = ask.each_over("inputs").named("Job").build().unwrap();
    let job = job.journaled(Full::default(), "job");
    let error = job.run(State::new().with("inputs", json!(["a"]))).await.unwrap_err();
    assert!(matches!(error.source, StepError::Tool(_)), "{error}");
    assert!(error.to_string().contains("at step `job/0.[0].ask/1`: disk full"), "{error}");
}

#[tokio::test]
async fn an_item_that_was_cancelled_is_done_again_by_the_next_run() {
    let (ledger, journal) = (Ledger::default(), InMemory::default());
    let run = async |stops: bool| {
        let token = CancellationToken::new();
        let turns = [turn(&[("debit", json!({"value": 5}))])];
        let teller = Agent::builder("Teller", Planned(turns.into())).tool(write("debit", &ledger));
        let runner = Runner::new().with_config(RunConfig::new().cancellation(token.clone()));
        let teller = teller.build().reads("n").writes("paid").with_runner(runner);
        let stop = service("Stop", move |state: State| {
            if stops {
                token.cancel();
            }
            async { Ok(state) }
        });
        let item = (teller | stop).on_error(OnBranchError::Collect);
        let job = item.each_over("ns").item("n").taking("paid").into_key("paid").named("Job");
        let job = job.build().unwrap().journaled(journal.clone(), "job");
        job.run(State::new().with("ns", json!([1, 2]))).await
    };
    let error = run(true).await.unwrap_err();
    assert!(error.to_string().contains("cancelled"), "{error}");
    let state = run(false).await.unwrap();
    assert_eq!(state.value("paid").unwrap(), &json!(["3 messages", "3 messages"]));
}

#[tokio::test]
async fn an_entry_of_something_else_is_named() {
    for entry in ["0.[0]#1", "0#1"] {
        let entry = format!("job/{entry}");
        let journal = InMemory::default();
        journal.0.lock().unwrap().insert(entry.clone(), json!("something else"));
        let one =
            service("One", |state: State| async move { Ok(state.with("x", 1)) }).provides("x");
        let job = one.each_over("ns").retry(at_once(5)).named("Job").build().unwrap();
        let job = job.journaled(journal, "job");
        let error = job.run(State::new().with("ns", json!([1]))).await.unwrap_err();
        assert!(error.to_string().contains(&format!("at step `{entry}`")), "{error}");
    }
}
