//! Pauses deep inside of pipelines: wrappers within groups within lists, with and without a journal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use journal::{InMemory, Ledger, Planned, block_on, interrupted, turn, write};
use proptest::prelude::*;
use raaf_agents::{
    Agent, Approval, Flow, FlowExt as _, Pipeline, PipelineError, PipelineState, RetryPolicy,
    State, StepError, service, step,
};
use raaf_testkit::{Capture, Spans, assert_coherent};
use raaf_trace_core::{Status, trace};
use serde_json::json;
use tokio::task::yield_now;

mod journal;

/// Numbers of the hooks' calls, and of the attempts of steps.
type Counts = Arc<Mutex<BTreeMap<String, u32>>>;

fn count(counts: &Counts, name: &str) -> u32 {
    let mut counts = counts.lock().unwrap();
    let count = counts.entry(name.to_owned()).or_default();
    *count += 1;
    *count
}

struct World {
    ledger: Ledger,
    counts: Counts,
    approval: fn() -> Approval,
}

impl World {
    fn new(approval: fn() -> Approval) -> Self {
        Self { ledger: Ledger::default(), counts: Counts::default(), approval }
    }

    fn clerk(&self, name: &str) -> Agent {
        let turns = [
            turn(&[("debit", json!({"value": 1})), ("credit", json!({"value": 2}))]),
            turn(&[("credit", json!({"value": 1}))]),
        ];
        let credit = write("credit", &self.ledger).with_approval((self.approval)());
        let builder = Agent::builder(name, Planned(turns.into()));
        builder.tool(write("debit", &self.ledger)).tool(credit).build()
    }

    /// Fails at the first attempt for each value of a key.
    fn flaky(&self, name: &'static str, key: &'static str) -> raaf_agents::FunctionStep {
        let counts = self.counts.clone();
        service(name, move |state: State| {
            let of = state.value(key).map(ToString::to_string).unwrap_or_default();
            let tried = count(&counts, &format!("{name} {of}"));
            async move {
                yield_now().await;
                if tried == 1 { Err("try again".into()) } else { Ok(state.with(name, true)) }
            }
        })
    }

    fn wrapped(&self, inner: impl Into<Flow>) -> Flow {
        let (before, after) = (self.counts.clone(), self.counts.clone());
        inner
            .into()
            .before(move |state| {
                count(&before, "before");
                state.set("seen", state.value("inside").cloned().unwrap_or_default());
            })
            .after(move |state| {
                count(&after, "after");
                let out = state.text("out").unwrap_or_default().to_owned();
                state.set("out", format!("<{out}>"));
            })
            .map_input("item", "inside")
            .map_output("out", "result")
            .timeout(Duration::from_secs(600))
            .retry(RetryPolicy::new(3).with_delays(Duration::ZERO, Duration::ZERO))
    }

    fn pipeline(&self) -> Pipeline {
        let each = self.wrapped(
            self.flaky("Flaky", "inside") >> self.clerk("a/1").reads("inside").writes("out"),
        );
        let each =
            each.each_over("list").item("item").taking("result").into_key("all").concurrency(2);
        let nested = (self.clerk("0.b").reads("x").writes("b")
            >> self.flaky("Odd/1", "b").retry(1).run_if("there is b", |state| state.contains("b")))
        .named("Nested/2")
        .takes("x")
        .build()
        .unwrap();
        let ask = step(self.clerk("c").as_tool("ask", "Asks.")).reads("input").writes("c");
        let group = each | step(nested) | (ask.retry(1) >> self.clerk("d").reads("c").writes("d"));
        let flow = group.map_output("d", "last") >> self.clerk("e").reads("last").writes("e");
        let build = flow.named("Deep").takes("list").takes("x").takes("input").build();
        build.unwrap()
    }
}

fn given() -> State {
    State::new().with("list", json!(["p", "q", "r"])).with("x", 1).with("input", "please")
}

fn stored(error: PipelineError) -> PipelineState {
    assert!(matches!(error.source, StepError::Paused(_)), "{error}");
    let state = error.into_state().unwrap();
    let json = serde_json::to_string(&state).unwrap();
    let read: PipelineState = serde_json::from_str(&json).unwrap();
    assert!(read == state, "{json}");
    read
}

/// Approves some of the calls that wait, but at least one.
fn decide(state: &mut PipelineState, choice: u64) {
    let pending = state.pending();
    assert!(!pending.is_empty());
    let keys: std::collections::BTreeSet<_> = pending.iter().map(|call| &call.key).collect();
    assert_eq!(keys.len(), pending.len(), "{keys:?}");
    for (at, call) in pending.iter().enumerate() {
        if choice >> at & 1 == 1 || at == (choice as usize) % pending.len() {
            state.approve(&call.key).unwrap();
        }
    }
}

/// Runs the pipeline over its pauses to the end.
async fn over_pauses(pipeline: impl Fn() -> Pipeline, choices: &[u64]) -> (State, usize) {
    let mut ended = pipeline().run(given()).await;
    let mut pauses = 0;
    loop {
        let mut state = match ended {
            Ok(state) => return (state, pauses),
            Err(error) => stored(error),
        };
        decide(&mut state, choices.get(pauses).copied().unwrap_or(u64::MAX));
        pauses += 1;
        assert!(pauses < 50);
        ended = pipeline().resume(state).await;
    }
}

fn check_trace(spans: &Spans) {
    assert_coherent!(spans);
    let roots = spans.iter().filter(|span| span.parent_id().is_none()).count();
    assert_eq!(roots, 1, "{spans}");
    for span in spans {
        let is_paused = span.attributes().get("paused").is_some();
        assert!(!is_paused || span.status() == Status::Unset, "{spans}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn pauses_change_nothing_wherever_they_are(choices in prop::collection::vec(any::<u64>(), 0..12)) {
        block_on(async {
            let straight = World::new(Approval::never);
            let expected = straight.pipeline().run(given()).await.unwrap();
            let world = World::new(Approval::always);
            let capture = Capture::new();
            let work = trace("Job").in_span(over_pauses(|| world.pipeline(), &choices));
            let (after, pauses) = capture.run_async(work).await;
            assert_eq!(after, expected);
            assert!(pauses >= 2);
            assert_eq!(*world.counts.lock().unwrap(), *straight.counts.lock().unwrap());
            let total = |world: &World| world.ledger.lock().unwrap().values().sum::<u32>();
            assert_eq!(total(&world), total(&straight));
            check_trace(&capture.spans_async().await);
        });
    }

    #[test]
    fn a_journaled_pipeline_that_pauses_is_killed_and_goes_on_does_each_call_once(
        choices in prop::collection::vec(any::<u64>(), 0..12),
        drops in prop::collection::vec(prop::option::of(0_usize..120), 0..20),
    ) {
        block_on(async {
            let straight = World::new(Approval::never);
            let journal = InMemory::default();
            let pipeline = straight.pipeline().journaled(journal, "job");
            let expected = pipeline.run(given()).await.unwrap();
            let world = World::new(Approval::always);
            let journal = InMemory::default();
            let pipeline = || world.pipeline().journaled(journal.clone(), "job");
            let mut drops = drops.iter();
            let capture = Capture::new();
            let work = trace("Job").in_span(async {
                let (mut state, mut pauses) = (None::<PipelineState>, 0);
                loop {
                    let pipeline = pipeline();
                    let from = state.clone();
                    let work = async {
                        match from {
                            Some(state) => pipeline.resume(state).await,
                            None => pipeline.run(given()).await,
                        }
                    };
                    if let Some(polls) = drops.next().copied().flatten() {
                        // Its result, if there is one, is lost with the process.
                        interrupted(work, polls).await;
                        continue;
                    }
                    match work.await {
                        Ok(after) => return after,
                        Err(error) => {
                            let mut paused = stored(error);
                            decide(&mut paused, choices.get(pauses).copied().unwrap_or(u64::MAX));
                            pauses += 1;
                            assert!(pauses < 50);
                            state = Some(paused);
                        }
                    }
                }
            });
            let after = capture.run_async(work).await;
            assert_eq!(after, expected);
            let entries = world.ledger.lock().unwrap().clone();
            assert_eq!(entries, *straight.ledger.lock().unwrap());
            assert!(entries.values().all(|count| *count == 1), "{entries:?}");
            assert_coherent!(capture.spans_async().await);
        });
    }
}
