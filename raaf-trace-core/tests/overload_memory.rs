//! What is held in memory when spans come faster than they can be exported.

mod doubles;

use std::{thread, time::Duration};

use doubles::LONG;
use peak_alloc::PeakAlloc;
use raaf_trace_core::{
    BatchConfig, Component, ExportError, FinishedSpan, SpanExporter, TraceableExt as _,
    TracerProvider, traced_block,
};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Takes a millisecond a batch: a hundredth of the speed at which spans come.
struct Slow;

impl SpanExporter for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }
    fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
        thread::sleep(Duration::from_millis(1));
        Ok(())
    }
}

const THREADS: usize = 2;
const TRACES: usize = 1_000_000;
const TOOLS: usize = 4;
const SPANS: usize = THREADS * TRACES * (1 + TOOLS);
const LIMIT: usize = 2_000;

/// What a held span may take, attributes and all.
const SPAN: usize = 1_000;

fn produce() {
    let (agent, tool) = (Component::agent("Planner"), Component::tool("Search"));
    for _ in 0..TRACES {
        agent.traced("run").run(|| {
            for number in 0..TOOLS {
                traced_block!(tool, "search", items = number, exact = true, || ());
            }
        });
    }
}

#[test]
fn g67_ten_million_spans_in_front_of_a_slow_exporter_stay_within_the_limit() {
    let config = BatchConfig::default().with_batch_size(100).with_max_spans(LIMIT);
    let provider = TracerProvider::builder().with(Slow).batch(config).build();
    let context = provider.context();
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| context.clone().run(produce));
        }
    });
    let grown = MEMORY.peak_usage().saturating_sub(before);
    assert!(grown <= 2 * LIMIT * SPAN, "{grown} bytes");

    provider.shutdown(LONG).expect_err("spans were dropped");
    let stats = provider.stats();
    let slow = &stats.processors[0];
    assert_eq!((stats.started, stats.ended), (SPANS as u64, SPANS as u64));
    assert_eq!((slow.received, slow.queued), (SPANS as u64, 0));
    assert_eq!(slow.delivered + slow.dropped, SPANS as u64);
    assert!(slow.dropped > slow.delivered, "the exporter was not slow enough to tell");
}
