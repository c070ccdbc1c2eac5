//! Statistics that are read while spans end.

use std::{
    panic,
    sync::{Arc, Mutex},
    thread,
};

use raaf_processors::{
    ConsoleSink,
    wrap::{KeepTraces, WrapExporter as _, WrapProcessor as _},
};
use raaf_trace_core::{
    Component, FinishedSpan, Kind, MemoryExporter, SpanFilter, SpanProcessor, Traceable as _,
    TracerProvider,
    sink::{Offload, SimpleProcessor},
};

use super::{TIMEOUT, stats, with};

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

/// Panics at tools, and remembers the others.
#[derive(Default)]
struct NoTools(Mutex<Vec<String>>);

impl SpanProcessor for NoTools {
    fn on_end(&self, span: &FinishedSpan) {
        if *span.kind() == Kind::Tool {
            panic::resume_unwind(Box::new("a tool"));
        }
        self.0.lock().unwrap().push(span.component_name().to_owned());
    }
}

#[test]
fn d3_a_panic_behind_a_wrapper_loses_that_span_only() {
    for tail in [false, true] {
        let processor = Arc::new(NoTools::default());
        let provider = if tail {
            with(Arc::clone(&processor).keep_traces(KeepTraces::with(SpanFilter::all())))
        } else {
            // Depends on the end, so that all wait for the root.
            with(Arc::clone(&processor).filter(SpanFilter::when(|_| true)))
        };
        provider.run(|| {
            Component::agent("Planner").in_span("run", || {
                Component::tool("Search").in_span("run", || ());
                Component::tool("Fetch").in_span("run", || ());
            });
        });
        assert_eq!(*processor.0.lock().unwrap(), ["Planner"], "with tail: {tail}");
        let stats = stats(&provider);
        assert_eq!((stats.received, stats.delivered, stats.dropped), (3, 1, 2), "{stats:?}");
    }
}

#[test]
fn d3_a_panic_in_a_filter_loses_that_span_only() {
    let memory = MemoryExporter::new();
    let choosy = SpanFilter::when(|span| match span.component_name() {
        "Cache" => panic::resume_unwind(Box::new("no caches")),
        _ => true,
    });
    let provider = with(memory.clone().filter(choosy));
    provider.run(|| {
        Component::agent("Planner").in_span("run", || {
            Component::new("Cache").in_span("run", run);
        });
    });
    provider.force_flush(TIMEOUT).unwrap();
    let spans = memory.spans();
    let planner = spans.iter().find(|span| span.parent_id().is_none()).unwrap();
    assert_eq!(spans.iter().filter(|span| span.parent_id() == Some(planner.span_id())).count(), 1);
    let stats = stats(&provider);
    assert_eq!((spans.len(), stats.queued, stats.dropped), (3, 0, 1), "{stats:?}");
}
