//! Pipelines that are interrupted and run again with their journal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![allow(clippy::unnecessary_literal_bound, reason = "the trait has it so")]

use std::{collections::BTreeMap, time::Duration};

use journal::{Broken, InMemory, Ledger, Planned, block_on, interrupted, turn, write};
use proptest::prelude::*;
use raaf_agents::{
    Agent, Approval, FlowExt as _, FunctionStep, Pipeline, RetryPolicy, State, StepError, service,
};
use raaf_testkit::{Capture, Spans, assert_coherent, assert_span_tree};
use raaf_trace_core::{Status, trace};
use serde_json::{Value as Json, json};
use tokio::task::yield_now;

mod journal;

fn clerk(name: &str, ledger: &Ledger) -> Agent {
    let turns = [
        turn(&[("debit", json!({"value": 2})), ("credit", json!({"value": 3}))]),
        turn(&[("credit", json!({"value": 1}))]),
    ];
    let builder = Agent::builder(name, Planned(turns.into()));
    builder.tool(write("debit", ledger)).tool(write("credit", ledger)).build()
}

/// A pipeline with each kind of part. `Flaky` fails at its first attempt.
fn pipeline(ledger: &Ledger) -> Pipeline {
    let (count, attempts) = (ledger.clone(), ledger.clone());
    let list = service("List", move |mut state: State| {
        let count = count.clone();
        async move {
            yield_now().await;
            *count.lock().unwrap().entry("List".to_owned()).or_default() += 1;
            state.remove("draft");
            Ok(state.with("names", json!(["a", "b", "c"])))
        }
    });
    let flaky = service("Flaky", move |state: State| {
        let attempts = attempts.clone();
        async move {
            yield_now().await;
            let mut ledger = attempts.lock().unwrap();
            let tried = ledger.entry("Flaky".to_owned()).or_default();
            *tried += 1;
            if *tried == 1 { Err("try again".into()) } else { Ok(state.with("flaky", true)) }
        }
    });
    let each = clerk("Each", ledger).reads("name").writes("done").each_over("names").item("name");
    let inner = clerk("Inner", ledger).reads("names").writes("inner").named("Nested").build();
    let debit = write("debit", ledger).reads("value").writes("debited");
    (list.requires("draft").provides("names")
        >> (clerk("One", ledger).reads("names").writes("one") | debit | inner.unwrap())
        >> each
        >> flaky
            .provides("flaky")
            .retry(RetryPolicy::new(2).with_delays(Duration::ZERO, Duration::ZERO)))
    .named("Books")
    .build()
    .unwrap()
}

fn start() -> State {
    State::new().with("draft", "x").with("value", 2)
}

fn done(spans: &Spans) -> Vec<String> {
    let steps =
        spans.iter().filter(|span| ["llm", "tool", "component"].contains(&span.kind().as_str()));
    let steps = steps.filter(|span| span.status() != Status::Cancelled);
    let mut steps: Vec<_> = steps.map(|span| span.component_name().to_owned()).collect();
    steps.sort();
    steps
}

/// Runs the pipeline, dropping it after each of these numbers of polls, and then to its end.
async fn run(drops: &[usize]) -> (State, BTreeMap<String, u32>, Spans, Vec<String>) {
    let (ledger, journal, capture) = (Ledger::default(), InMemory::default(), Capture::new());
    let work = trace("Job").in_span(async {
        for &polls in drops {
            let pipeline = pipeline(&ledger).journaled(journal.clone(), "job");
            interrupted(pipeline.run(start()), polls).await;
        }
        pipeline(&ledger).journaled(journal.clone(), "job").run(start()).await.unwrap()
    });
    let state = capture.run_async(work).await;
    let entries = ledger.lock().unwrap().clone();
    let steps = journal.0.lock().unwrap().keys().cloned().collect();
    (state, entries, capture.spans_async().await, steps)
}

#[test]
fn steps_have_the_names_of_their_places() {
    let (state, entries, _, steps) = block_on(run(&[]));
    assert!(!state.contains("draft"));
    assert_eq!(entries["List"], 1);
    let run = ["", "/1", "/1/c0", "/1/c1", "/2", "/2/c0", "/3"];
    let of_run = |place: &str| run.map(|step| format!("job/{place}{step}"));
    let alone = ["0.List", "1.1.debit", "1.2.Nested", "2.[0]", "2.[1]", "2.[2]"];
    let mut expected = alone.map(|step| format!("job/{step}")).to_vec();
    let runs = ["1.0.One", "1.2.Nested/0.Inner", "2.[0].Each", "2.[1].Each", "2.[2].Each"];
    expected.extend(runs.into_iter().flat_map(of_run));
    expected.push("job/3.Flaky".to_owned());
    expected.sort();
    assert_eq!(steps, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pipeline_that_is_dropped_anywhere_goes_on(drops in prop::collection::vec(0_usize..80, 0..6)) {
        block_on(async {
            let (straight, mut entries, whole, _) = run(&[]).await;
            let (state, mut entries_in_pieces, spans, _) = run(&drops).await;
            assert_eq!(state, straight);
            assert_coherent!(spans);
            // An attempt that failed is no result, and may be made again.
            let tried = [&mut entries, &mut entries_in_pieces].map(|all| all.remove("Flaky"));
            assert!(tried[1] >= tried[0]);
            assert_eq!(entries_in_pieces, entries, "each call is done to its end once");
            let but_flaky = |spans: &Spans| -> Vec<String> {
                done(spans).into_iter().filter(|name| name != "Flaky").collect()
            };
            assert_eq!(but_flaky(&spans), but_flaky(&whole), "{spans}");
        });
    }

    #[test]
    fn a_pipeline_that_has_paused_goes_on_with_its_journal(
        drops in prop::collection::vec(0_usize..40, 0..4),
    ) {
        block_on(async {
            let (ledger, journal) = (Ledger::default(), InMemory::default());
            let pipeline = || {
                let credit = write("credit", &ledger).with_approval(Approval::always());
                let turns = [turn(&[("credit", json!({"value": 1})), ("debit", json!({"value": 1}))])];
                let teller = Agent::builder("Teller", Planned(turns.into()));
                let teller = teller.tool(credit).tool(write("debit", &ledger)).build();
                let pipeline = (clerk("One", &ledger).writes("one") | teller.writes("two"))
                    .named("Books")
                    .build()
                    .unwrap();
                pipeline.journaled(journal.clone(), "job")
            };
            let whole = async || {
                let state = State::new().with("input", "go");
                // A process before this one may have gone on to the end.
                let paused = match pipeline().run(state).await {
                    Ok(state) => return Ok(state),
                    Err(paused) => paused,
                };
                let mut state = paused.into_state().unwrap();
                let pending = state.pending();
                assert_eq!(pending.len(), 1);
                state.approve(&pending[0].key).unwrap();
                pipeline().resume(state).await
            };
            for &polls in &drops {
                interrupted(whole(), polls).await;
            }
            let state = whole().await.unwrap();
            assert_eq!((state.text("one").unwrap(), state.text("two").unwrap()), ("6 messages", "4 messages"));
            let entries = ledger.lock().unwrap().clone();
            let calls = ["0.One/1/c0", "0.One/1/c1", "0.One/2/c0", "1.Teller/1/c0", "1.Teller/1/c1"];
            assert_eq!(entries, calls.map(|call| (format!("job/0.{call}"), 1)).into());
        });
    }
}

#[tokio::test]
async fn a_replay_has_no_step_in_its_trace() {
    let (ledger, journal) = (Ledger::default(), InMemory::default());
    let journaled = || pipeline(&ledger).journaled(journal.clone(), "job");
    let first = journaled().run(start()).await.unwrap();
    let capture = Capture::new();
    let replay = capture.run_async(journaled().run(start())).await.unwrap();
    assert_eq!(replay, first);
    let spans = capture.spans_async().await;
    assert_coherent!(spans);
    assert_eq!(done(&spans), [""; 0]);
    let resumed = spans.iter().filter(|span| span.attributes().get("resumed").is_some());
    let mut resumed: Vec<_> = resumed.map(raaf_trace_core::FinishedSpan::component_name).collect();
    resumed.sort_unstable();
    assert_eq!(resumed, ["Books", "Each", "Flaky"]);
    assert_eq!(spans.iter().filter(|span| span.kind().as_str() == "agent").count(), 0);
}

#[tokio::test]
async fn a_journal_that_fails_is_named_with_the_step() {
    let step = service("List", |state: State| async { Ok(state) });
    let pipeline = step.named("Books").build().unwrap();
    let error = pipeline.journaled(Broken, "job").run(State::new()).await.unwrap_err();
    assert!(matches!(error.source, StepError::Journal { .. }));
    let text = "pipeline `Books` stopped at step `List`: the journal failed at step `job/0.List`: disk full";
    assert_eq!(error.to_string(), text);
}

/// A step that fails at the first visit of `b`, and its visits.
fn visit(ledger: &Ledger) -> FunctionStep {
    let ledger = ledger.clone();
    let visit = service("Visit", move |state: State| {
        let ledger = ledger.clone();
        async move {
            let place = state.text("place")?.to_owned();
            yield_now().await;
            let mut ledger = ledger.lock().unwrap();
            let visits = ledger.entry(place.clone()).or_default();
            *visits += 1;
            let is_open = place != "b" || *visits > 1;
            if is_open { Ok(state.with("visited", *visits)) } else { Err("closed".into()) }
        }
    });
    visit.requires("place").provides("visited")
}

fn places() -> State {
    State::new().with("places", json!(["a", "b", "c"]))
}

#[tokio::test]
async fn an_item_that_failed_stays_so_when_the_pipeline_is_run_again() {
    let (ledger, journal) = (Ledger::default(), InMemory::default());
    let run = async |ends: bool| {
        let last = service("Last", move |state: State| async move {
            if ends { Ok(state) } else { Err("interrupted".into()) }
        });
        let pipeline = (visit(&ledger).each_over("places").item("place") >> last).named("Tour");
        pipeline.build().unwrap().journaled(journal.clone(), "tour").run(places()).await
    };
    run(false).await.unwrap_err();
    let capture = Capture::new();
    let state = capture.run_async(run(true)).await.unwrap();
    assert_eq!(state.value("places_visited").unwrap(), &json!([1, null, 1]));
    let errors = json!([{"index": 1, "error": "step `Visit` failed: closed"}]);
    assert_eq!(state.value("places_visited_errors").unwrap(), &errors);
    assert!(ledger.lock().unwrap().values().all(|visits| *visits == 1));
    assert_span_tree!(capture.spans_async().await, {
        pipeline "Tour" {
            step "Visit" ["resumed" = true]
            component "Last"
        }
    });
}

#[tokio::test]
async fn another_attempt_tries_items_that_failed_again() {
    let (ledger, journal) = (Ledger::default(), InMemory::default());
    let run = async || {
        let all = service("All", |state: State| async move {
            let errors: Vec<Json> = state.get("places_visited_errors")?;
            if errors.is_empty() { Ok(state) } else { Err("one is missing".into()) }
        });
        let tour = visit(&ledger).each_over("places").item("place") >> all;
        // The list is in a pipeline within the attempts.
        let pipeline = tour.named("Tour").build().unwrap().retry(1).named("Trip").build().unwrap();
        pipeline.journaled(journal.clone(), "trip").run(places()).await.unwrap()
    };
    tokio::time::pause();
    for _ in 0..2 {
        assert_eq!(run().await.value("places_visited").unwrap(), &json!([1, 2, 1]));
        let visits = ledger.lock().unwrap().clone();
        assert_eq!(visits.into_values().collect::<Vec<_>>(), [1, 2, 1]);
    }
}

#[tokio::test]
async fn a_journal_that_fails_in_an_item_is_no_failure_of_the_item() {
    let tour = visit(&Ledger::default()).each_over("places").item("place").named("Tour");
    let error = tour.build().unwrap().journaled(Broken, "tour").run(places()).await.unwrap_err();
    assert!(matches!(error.source, StepError::Journal { .. }), "{error}");
    assert!(error.to_string().contains("at step `tour/0.[0].Visit`: disk full"), "{error}");
}
