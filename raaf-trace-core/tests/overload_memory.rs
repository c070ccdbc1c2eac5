//! Memory held while the exporter takes nothing.

mod doubles;

use std::thread;

use doubles::{LONG, Stalled};
use peak_alloc::PeakAlloc;
use raaf_trace_core::{Component, Traceable as _, TracerProvider, sink::BatchConfig, traced_block};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const THREADS: usize = 2;
const TRACES: usize = 20_000;
const TOOLS: usize = 4;
const SPANS: usize = THREADS * TRACES * (1 + TOOLS);
const LIMIT: usize = 2_000;

/// Maximum size of a held span with its attributes, in bytes.
const SPAN: usize = 1_000;

fn produce() {
    let (agent, tool) = (Component::agent("Planner"), Component::tool("Search"));
    for _ in 0..TRACES {
        agent.in_span("run", || {
            for number in 0..TOOLS {
                traced_block!(tool, "search", items = number, exact = true, || ());
            }
        });
    }
}

#[test]
fn g67_spans_in_front_of_a_blocked_exporter_stay_within_the_limit() {
    let exporter = Stalled::default();
    let config = BatchConfig::default()
        .with_batch_size(100)
        .with_max_spans(LIMIT)
        .with_export_timeout(10 * LONG);
    let provider = TracerProvider::builder().with(exporter.clone()).batch(config).build();
    let context = provider.context();
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| context.clone().run(produce));
        }
    });
    let grown = MEMORY.peak_usage().saturating_sub(before);
    assert!(grown <= 2 * LIMIT * SPAN, "{grown} bytes for {SPANS} spans");

    exporter.until_it_hangs();
    let (all, kept) = (SPANS as u64, LIMIT as u64);
    let stats = || provider.stats().processors[0].clone();
    let held = stats();
    assert_eq!((held.received, held.queued, held.dropped), (all, kept, all - kept));

    exporter.release();
    provider.shutdown(LONG).expect_err("spans were dropped");
    let after = stats();
    assert_eq!((after.delivered, after.queued, after.dropped), (kept, 0, all - kept));
    assert_eq!(exporter.delivered().len(), LIMIT);
    assert_eq!((provider.stats().started, provider.stats().ended), (all, all));
}
