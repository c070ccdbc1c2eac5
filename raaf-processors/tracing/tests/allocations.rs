//! Allocations of spans of `tracing` where nothing is recorded.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

mod support;

use std::hint::black_box;

use allocation_counter::measure;
use raaf_trace_core::{
    Component, MemoryExporter, Sampler, Traceable as _, TracerProvider,
    provider::set_global_provider,
};
use support::subscribe;
use tracing::{field::Empty, info, info_span, instrument};

#[instrument(skip(tool), fields(late = Empty))]
fn search(tool: &Component, number: u64) {
    tracing::Span::current().record("late", number);
    info!(rows = number, "searching {number}");
    tool.in_span("search", || {
        info_span!("inner", text = "a text that is longer than the short strings").in_scope(|| {
            info!(text = ?Some(number), "inside");
            black_box(number)
        });
    });
}

/// Returns the number of allocations of work, once everything is warm.
fn allocations(work: impl Fn()) -> u64 {
    (0..200).for_each(|_| work());
    measure(work).count_total
}

/// In one test, since it sets the global provider: also where none is current, nothing is recorded.
#[test]
fn n1_spans_of_both_kinds_allocate_nothing_where_nothing_is_recorded() {
    set_global_provider(TracerProvider::builder().enabled(false).build());
    subscribe();
    let tool = Component::tool("Search");
    let mixed = || (0..10).for_each(|number| search(&tool, number));
    let theirs = || info_span!("alone", text = "text").in_scope(|| info!("alone"));
    assert_eq!(allocations(mixed), 0, "switched off");

    let sampler = Sampler::ratio(0.0);
    let provider = TracerProvider::builder().with(MemoryExporter::new()).sampler(sampler).build();
    assert_eq!(allocations(theirs), 0, "switched off, beside a provider that is not current");
    provider.run(|| {
        let inside = Component::agent("Planner").in_span("run", || allocations(mixed));
        assert_eq!(inside, 0, "inside an unsampled trace");
        let inside = info_span!("root").in_scope(|| allocations(mixed));
        assert_eq!(inside, 0, "inside an unsampled trace that a span of `tracing` began");
    });
}
