//! Number of allocations on the hot path.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;
mod own_process;

use std::hint::black_box;

use allocation_counter::measure;
use doubles::LONG;
use own_process::in_own_process;
use raaf_trace_core::{
    Component, FinishedSpan, SpanExporter, Traceable as _, TracerProvider, init,
    sink::{BatchConfig, ExportError},
    traced_block,
};

/// Reads what it gets and keeps nothing.
struct Discard;

impl SpanExporter for Discard {
    fn name(&self) -> &'static str {
        "discard"
    }
    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        for span in batch {
            black_box(span.status());
        }
        Ok(())
    }
}

/// Together with their tools they are less than a batch and enough for a hand-over, so that the
/// worker has nothing to do while allocations are counted.
const ROOTS: u64 = 3;
const TOOLS: u64 = 12;

/// One root with its tools, each with two attributes of static keys and plain values.
fn workflow(agent: &Component, tool: &Component) {
    agent.in_span("run", || {
        for number in 0..TOOLS {
            traced_block!(tool, "search", items = number, exact = true, || black_box(number));
        }
    });
}

/// Traces without metadata.
fn bare_workflow(agent: &Component, tool: &Component) {
    agent.in_span("run", || {
        for number in 0..TOOLS {
            tool.in_span("search", || black_box(number));
        }
    });
}

/// In steady state what the spans of a trace share is all that is allocated: its data, and the
/// engine behind it.
fn assert_two_allocations_a_trace(workflow: fn(&Component, &Component)) {
    let config = BatchConfig::default().with_flush_interval(LONG * 60);
    let provider = TracerProvider::builder().with(Discard).batch(config).build();
    let (agent, tool) = (Component::agent("Planner"), Component::tool("Search"));
    provider.run(|| {
        for round in 0..50 {
            let measured = measure(|| (0..ROOTS).for_each(|_| workflow(&agent, &tool)));
            provider.force_flush(LONG).unwrap();
            let warm = round >= 20;
            assert!(!warm || measured.count_total <= 2 * ROOTS, "round {round}: {measured:?}");
        }
    });
    assert_eq!(provider.stats().dropped(), 0);
}

#[test]
fn n1_bare_spans_allocate_nothing_in_steady_state() {
    assert_two_allocations_a_trace(bare_workflow);
}

#[test]
fn n1_spans_with_numbers_allocate_nothing_in_steady_state() {
    assert_two_allocations_a_trace(workflow);
}

/// In a process of its own: whether anybody traces at all is decided for the whole process.
#[test]
fn n1_disabled_tracing_allocates_nothing() {
    in_own_process(
        &[("RAAF_DISABLE_TRACING", "true")],
        || {
            let _guard = init().unwrap();
            let (agent, tool) = (Component::agent("Planner"), Component::tool("Search"));
            let measured = measure(|| workflow(&agent, &tool));
            assert_eq!(measured.count_total, 0);
        },
        |ended| {
            ended.well();
        },
    );
}
