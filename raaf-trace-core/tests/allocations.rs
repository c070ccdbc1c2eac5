//! How often the hot path allocates.

mod doubles;

use std::hint::black_box;

use allocation_counter::measure;
use doubles::LONG;
use raaf_trace_core::{
    BatchConfig, Component, ExportError, FinishedSpan, SpanExporter, TraceableExt as _,
    TracerProvider, traced_block,
};

/// Reads what it gets and keeps nothing.
struct Discard;

impl SpanExporter for Discard {
    fn name(&self) -> &'static str {
        "discard"
    }
    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        batch.iter().for_each(|span| drop(black_box(span.status())));
        Ok(())
    }
}

const ROOTS: u64 = 100;
const TOOLS: u64 = 12;

/// One root with its tools, each with two attributes of static keys and plain values.
fn workflow(agent: &Component, tool: &Component) {
    agent.traced("run").run(|| {
        for number in 0..TOOLS {
            traced_block!(tool, "search", items = number, exact = true, || black_box(number));
        }
    });
}

/// The same without metadata.
fn bare_workflow(agent: &Component, tool: &Component) {
    agent.traced("run").run(|| {
        for number in 0..TOOLS {
            tool.traced("search").run(|| black_box(number));
        }
    });
}

/// Allocations a root and its tools together, once records and buffers have been allocated.
fn allocations_a_trace(workflow: fn(&Component, &Component)) -> f64 {
    let config = BatchConfig::default().with_max_spans(100_000);
    let provider = TracerProvider::builder().exporter(Discard).batch(config).build();
    let (agent, tool) = (Component::agent("Planner"), Component::tool("Search"));
    provider.run(|| {
        let round = || (0..ROOTS).for_each(|_| workflow(&agent, &tool));
        for _ in 0..20 {
            round();
            provider.force_flush(LONG).unwrap();
        }
        let measured = measure(round);
        provider.force_flush(LONG).unwrap();
        measured.count_total as f64 / ROOTS as f64
    })
}

#[test]
fn n1_a_span_without_attributes_allocates_nothing_in_steady_state() {
    let allocations = allocations_a_trace(bare_workflow);
    println!("{allocations} allocations a trace of {} bare spans", TOOLS + 1);
}

#[test]
fn n1_a_span_with_numbers_allocates_nothing_in_steady_state() {
    let allocations = allocations_a_trace(workflow);
    println!("{allocations} allocations a trace of {} spans with numbers", TOOLS + 1);
}

#[test]
fn n1_disabled_tracing_allocates_nothing() {
    let provider = TracerProvider::builder().exporter(Discard).enabled(false).build();
    let (agent, tool) = (Component::agent("Planner"), Component::tool("Search"));
    provider.run(|| {
        workflow(&agent, &tool);
        let measured = measure(|| workflow(&agent, &tool));
        assert_eq!(measured.count_total, 0);
    });
}
