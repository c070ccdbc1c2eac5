//! Threads that end spans while the processors change.

#![allow(clippy::unwrap_used, reason = "tests and their helpers may fail")]

mod doubles;

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use doubles::{LONG, until};
use raaf_trace_core::{
    Component, Context, FinishedSpan, MemoryExporter, SpanContext, SpanId, SpanProcessor, TraceId,
    Traceable as _, TracerProvider,
    sink::{BatchConfig, BatchProcessor},
    trace,
};

fn batch(memory: &MemoryExporter) -> BatchProcessor {
    let config = BatchConfig::default().with_max_spans(1_000_000).with_batch_size(64);
    BatchProcessor::with_config(memory.clone(), config)
}

/// Ends spans in four threads until `meanwhile` is over, to which it tells how many have ended;
/// says how many did.
fn ending_spans(provider: &TracerProvider, meanwhile: impl FnOnce(&AtomicUsize)) -> usize {
    let (enough, ended) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let tool = Component::tool("Tool").with_provider(provider);
                while !enough.load(Ordering::Relaxed) {
                    tool.in_span("outer", || tool.in_span("inner", || ()));
                    ended.fetch_add(2, Ordering::Relaxed);
                }
            });
        }
        meanwhile(&ended);
        enough.store(true, Ordering::Relaxed);
    });
    ended.into_inner()
}

fn ids(memory: &MemoryExporter) -> HashSet<SpanId> {
    memory.spans().iter().map(FinishedSpan::span_id).collect()
}

#[test]
fn g22_spans_that_end_while_processors_are_replaced_are_delivered_once() {
    let memory = MemoryExporter::with_limit(usize::MAX);
    let provider = TracerProvider::builder().with(batch(&memory)).build();
    let ended = ending_spans(&provider, |ended| {
        for round in 1..=5 {
            until("some ended", || ended.load(Ordering::Relaxed) >= round * 2_000);
            let next: Box<dyn SpanProcessor> = Box::new(batch(&memory));
            let _ = provider.set_processors(vec![next], LONG);
        }
    });
    provider.shutdown(LONG).unwrap();
    assert_eq!((memory.len(), ids(&memory).len()), (ended, ended));
    let stats = provider.stats();
    assert_eq!((stats.started, stats.ended), (ended as u64, ended as u64));
}

#[test]
fn g22_spans_that_end_while_a_processor_is_added_are_delivered_once() {
    let (memory, added) =
        (MemoryExporter::with_limit(usize::MAX), MemoryExporter::with_limit(usize::MAX));
    let provider = TracerProvider::builder().with(batch(&memory)).build();
    let mut before = 0;
    let ended = ending_spans(&provider, |ended| {
        until("some ended", || ended.load(Ordering::Relaxed) >= 2_000);
        provider.add_processor(batch(&added));
        before = ended.load(Ordering::Relaxed);
        until("more ended", || ended.load(Ordering::Relaxed) >= before + 2_000);
    });
    provider.shutdown(LONG).unwrap();
    assert_eq!((memory.len(), ids(&memory).len()), (ended, ended));
    assert_eq!(added.len(), ids(&added).len());
    assert!(ids(&added).is_subset(&ids(&memory)));
    // A thread counts its two spans a little after they have ended.
    assert!(added.len() + 4 * 2 >= ended - before, "{} of {}", added.len(), ended - before);
}

#[test]
fn g22_a_span_goes_to_the_processors_that_are_there_when_it_ends() {
    let memories = [(); 3].map(|()| MemoryExporter::new());
    let [first, added, next] = &memories;
    let provider = TracerProvider::builder().with(batch(first)).build();
    let tool = Component::tool("Tool").with_provider(&provider);
    // The first one finds no room prepared.
    tool.in_span("run", || ());
    tool.in_span("run", || provider.add_processor(batch(added)));
    tool.in_span("run", || {
        let next: Box<dyn SpanProcessor> = Box::new(batch(next));
        provider.set_processors(vec![next], LONG).unwrap();
    });
    provider.force_flush(LONG).unwrap();
    assert_eq!(memories.map(|memory| memory.len()), [2, 1, 1]);
}

#[test]
fn g67_two_requests_of_one_remote_trace_keep_their_own_data() {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder().with(batch(&memory)).build();
    let remote = SpanContext::new(TraceId::random(), SpanId::random());
    Context::remote(remote).with_provider(&provider).run(|| {
        for request in ["first", "second"] {
            trace(request).in_span(|| Component::tool(request).in_span("run", || ()));
        }
    });
    provider.force_flush(LONG).unwrap();
    let spans = memory.spans();
    let roots = spans.iter().map(|span| span.local_root().unwrap().component_name());
    assert!(roots.eq(spans.iter().map(FinishedSpan::component_name)));
    assert_eq!(spans.len(), 4);
}
