//! The exporter that keeps spans for tests and queries.

mod doubles;

use std::sync::Arc;

use doubles::components;
use raaf_trace_core::{
    Component, MemoryExporter, SpanProcessor, Traceable as _, TracerProvider, sink::SimpleProcessor,
};

fn call(name: &str) {
    Component::tool(name).in_span("run", || ());
}

#[test]
fn g60_the_memory_exporter_keeps_spans_in_the_order_of_their_ends() {
    let memory = MemoryExporter::new();
    let simple = SimpleProcessor::new(memory.clone());
    let provider = TracerProvider::builder().with(simple).build();
    provider.run(|| {
        Component::agent("Outer").in_span("run", || call("Inner"));
        call("Other");
    });
    assert_eq!(components(&memory), ["Inner", "Outer", "Other"]);
    let outer = &memory.spans()[1];
    assert_eq!(memory.trace(outer.trace_id()).len(), 2);
    assert_eq!(memory.take().len(), 3);
    assert!(memory.is_empty() && memory.spans().is_empty());
}

#[test]
fn g67_the_memory_exporter_keeps_the_last_ones_and_counts_what_it_forgets() {
    let memory = MemoryExporter::with_limit(2);
    let simple = SimpleProcessor::new(memory.clone());
    let provider = TracerProvider::builder().with(simple).build();
    provider.run(|| ["A", "B", "C", "D"].map(call));
    assert_eq!(components(&memory), ["C", "D"]);
    assert_eq!((memory.len(), memory.forgotten()), (2, 2));
}

#[test]
fn g67_a_memory_exporter_of_nothing_forgets_everything() {
    let memory = MemoryExporter::with_limit(0);
    let provider = TracerProvider::builder().with(memory.clone()).build();
    provider.run(|| call("A"));
    provider.force_flush(doubles::LONG).unwrap();
    assert_eq!((memory.len(), memory.forgotten()), (0, 1));
}

#[test]
fn g67_what_a_dropped_provider_and_its_exporter_kept_is_freed() {
    struct Witness(#[expect(dead_code, reason = "it is only counted")] Arc<()>);
    impl SpanProcessor for Witness {}

    let memory = MemoryExporter::new();
    let witness = Arc::new(());
    let provider = TracerProvider::builder()
        .with(SimpleProcessor::new(memory.clone()))
        .with(Witness(Arc::clone(&witness)))
        .build();
    provider.run(|| call("Search"));
    provider.tracer().start_span("by hand").finish();
    drop(provider);
    assert_eq!(memory.len(), 2);
    drop(memory);
    assert_eq!(Arc::strong_count(&witness), 1);
}

#[test]
fn d2_dropping_the_provider_delivers_manual_spans_that_still_wait() {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder().with(memory.clone()).build();
    provider.tracer().start_span("by hand").finish();
    drop(provider);
    assert_eq!(memory.len(), 1);
}
