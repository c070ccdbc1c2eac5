//! Manual spans that nobody finishes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use std::time::Duration;

use doubles::{components, only, until};
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, Sampler, Status, Traceable as _, TracerProvider,
    clock::ManualClock, environment::Environment, keys, sink::SimpleProcessor,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn with_clock() -> (TracerProvider, MemoryExporter, ManualClock) {
    let (memory, clock) = (MemoryExporter::new(), ManualClock::new());
    let provider = TracerProvider::builder()
        .with(SimpleProcessor::new(memory.clone()))
        .clock(clock.clock())
        .stale_after(Some(HOUR))
        .cleanup_interval(HOUR)
        .build();
    (provider, memory, clock)
}

#[test]
fn g68_forgotten_manual_spans_are_delivered_as_stale_by_themselves() {
    let (memory, clock) = (MemoryExporter::new(), ManualClock::new());
    let provider = TracerProvider::builder()
        .with(SimpleProcessor::new(memory.clone()))
        .clock(clock.clock())
        .stale_after(Some(HOUR))
        .cleanup_interval(Duration::from_millis(1))
        .build();
    let forgotten = provider.tracer().start_span("forgotten");
    clock.advance(HOUR);
    until("the cleaner came by", || memory.len() == 1);
    assert_eq!(only(&memory).status(), Status::Stale);
    assert!(!forgotten.is_recording());
}

#[test]
fn g68_traced_calls_end_by_themselves_and_are_never_stale() {
    let (provider, memory, clock) = with_clock();
    provider.run(|| {
        Component::agent("Patient").in_span("run", || {
            clock.advance(10 * HOUR);
            assert_eq!(provider.cleanup(), 0);
        });
    });
    assert_eq!(only(&memory).status(), Status::Ok);
    assert_eq!(only(&memory).duration(), 10 * HOUR);
}

#[test]
fn g73_cleanup_delivers_the_old_ones_now_and_never_touches_younger_ones() {
    let (provider, memory, clock) = with_clock();
    let tracer = provider.tracer();
    let (_old, finished) = (tracer.start_span("old"), tracer.start_span("finished"));
    finished.finish();
    clock.advance(HOUR / 2);
    let young = tracer.start_span("young");
    assert_eq!(provider.cleanup(), 0);
    clock.advance(HOUR / 2);
    assert_eq!(provider.cleanup(), 1);
    assert_eq!(provider.cleanup(), 0);
    assert_eq!(components(&memory), ["finished", "old"]);
    assert!(young.is_recording());
    young.finish();
    let statuses: Vec<_> = memory.spans().iter().map(FinishedSpan::status).collect();
    assert_eq!(statuses, [Status::Unset, Status::Stale, Status::Unset]);
    assert_eq!(provider.stats().stale, 1);
}

#[test]
fn g73_a_later_finish_of_a_stale_span_is_ignored_and_counted() {
    let (provider, memory, clock) = with_clock();
    let span = provider.tracer().start_span("forgotten");
    span.set_attribute("orders.count", 3);
    clock.advance(HOUR);
    assert_eq!(provider.cleanup(), 1);
    let late_before = provider.stats().late_calls;
    span.set_attribute("orders.count", 4);
    span.set_status(Status::Ok);
    span.finish();
    drop(span);
    // The counter is the process's: other tests may add to it meanwhile.
    assert!(provider.stats().late_calls >= late_before + 3);
    let span = only(&memory);
    assert_eq!(span.status(), Status::Stale);
    assert_eq!(span.attributes().get("orders.count"), Some(3.into()));
    assert_eq!(span.attributes().get(keys::SUCCESS), Some(false.into()));
    assert_eq!(span.duration(), HOUR);
    assert_eq!((provider.stats().started, provider.stats().ended), (1, 1));
}

#[test]
fn g73_what_is_not_sampled_is_not_delivered_as_stale() {
    let clock = ManualClock::new();
    let provider = TracerProvider::builder()
        .sampler(Sampler::never())
        .clock(clock.clock())
        .stale_after(Some(HOUR))
        .build();
    let _forgotten = provider.tracer().start_span("forgotten");
    clock.advance(2 * HOUR);
    assert_eq!((provider.cleanup(), provider.stats().stale), (0, 0));
}

#[test]
fn g68_the_environment_sets_the_age_and_0_is_never() {
    for (age, stale) in [("60", 1), ("0", 0)] {
        let clock = ManualClock::new();
        let environment = Environment::from_pairs([("RAAF_TRACE_STALE_AFTER", age)]);
        let builder = TracerProvider::builder().clock(clock.clock());
        let provider = builder.environment(&environment).build().unwrap();
        let _forgotten = provider.tracer().start_span("forgotten");
        clock.advance(Duration::from_secs(60));
        assert_eq!(provider.cleanup(), stale, "after {age} s");
    }
}

#[test]
fn g68_a_context_within_a_watched_span_can_be_shown() {
    let (provider, _, _) = with_clock();
    let span = provider.tracer().start_span("watched");
    span.set_attribute("password", "hunter2");
    let shown = format!("{:?}", span.context());
    assert!(shown.contains(&format!("{:?}", span.span_id().unwrap())), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
