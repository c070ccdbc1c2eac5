//! Statistics that are read while spans end.

use std::{panic, thread};

use raaf_processors::{
    ConsoleSink,
    wrap::{KeepTraces, WrapExporter as _, WrapProcessor as _},
};
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, SpanFilter, SpanProcessor, Traceable as _,
    TracerProvider,
    sink::{Offload, SimpleProcessor},
};

use super::{stats, with};

/// Panics at every end, and keeps no statistics.
struct Panics;

impl SpanProcessor for Panics {
    fn on_end(&self, _: &FinishedSpan) {
        // Without a message on standard error.
        panic::resume_unwind(Box::new("in on_end"));
    }
}

fn simple() -> SimpleProcessor<MemoryExporter> {
    SimpleProcessor::new(MemoryExporter::new())
}

fn tools() -> SpanFilter {
    SpanFilter::kind("tool")
}

/// Traces an agent, which the filters leave out, and its tool.
fn run() {
    let agent = Component::agent("Planner");
    agent.in_span("run", || Component::tool("Search").in_span("run", || ()));
}

#[test]
fn d3_every_reading_of_sinks_and_wrappers_adds_up_while_spans_end() {
    let provider = TracerProvider::builder()
        .with(ConsoleSink::builder().writer(std::io::sink()).max_spans(10).build())
        .with(simple().filter(tools()))
        .with(Panics.filter(tools()))
        .with(MemoryExporter::new().batch().filter(tools()).filter(SpanFilter::all()))
        .with(simple().keep_traces(KeepTraces::with(tools()).max_spans(2)))
        .with(MemoryExporter::new().batch().keep_traces(KeepTraces::failed()))
        .with(Offload::new(simple()))
        .build();
    thread::scope(|scope| {
        let writers =
            [(); 3].map(|()| scope.spawn(|| provider.run(|| (0..500).for_each(|_| run()))));
        while writers.iter().any(|writer| !writer.is_finished()) {
            let stats = provider.stats();
            assert!(stats.ended <= stats.started, "{stats:#?}");
            for processor in &stats.processors {
                assert!(processor.received <= stats.ended, "{stats:#?}");
                let accounted = processor.delivered + processor.dropped + processor.filtered;
                assert!(accounted <= processor.received, "{stats:#?}");
            }
        }
    });
}

#[test]
fn d3_a_span_whose_processor_panics_behind_a_filter_is_dropped_and_not_delivered() {
    let provider = with(Panics.filter(tools()));
    provider.run(run);
    let stats = stats(&provider);
    assert_eq!((stats.delivered, stats.dropped, stats.filtered), (0, 1, 1));
}
