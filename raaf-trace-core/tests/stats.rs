//! The numbers that say what became of every span.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use std::{
    panic,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use doubles::{Failing, LONG, Stalled};
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, SpanExporter, SpanProcessor, Traceable as _,
    TracerProvider,
    sink::{BatchConfig, ExportError, Offload, SimpleProcessor},
    stats::{ProcessorStats, StatsReader},
};

fn call() {
    Component::tool("Search").in_span("run", || ());
}

fn assert_adds_up(stats: &ProcessorStats) {
    let accounted = stats.delivered + stats.dropped + stats.queued;
    assert_eq!(stats.received, accounted, "{stats:#?}");
}

struct PanicsAtEnd;

impl SpanProcessor for PanicsAtEnd {
    fn name(&self) -> &'static str {
        "panics"
    }
    fn on_end(&self, _: &FinishedSpan) {
        // Without a message on standard error.
        panic::resume_unwind(Box::new("in on_end"))
    }
}

struct PanicsInExport;

impl SpanExporter for PanicsInExport {
    fn name(&self) -> &'static str {
        "panics in export"
    }
    fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
        panic!("in export")
    }
}

const SPANS: u64 = 100;

#[test]
fn d3_started_is_ended_and_every_processor_accounts_for_each_span() {
    let stalled = Stalled::default();
    let provider = TracerProvider::builder()
        .with(MemoryExporter::new())
        .with(stalled.clone())
        .with(Failing(ExportError::permanent("no")))
        .with(PanicsInExport)
        .with(SimpleProcessor::new(Failing(ExportError::permanent("no"))))
        .with(SimpleProcessor::new(PanicsInExport))
        .with(PanicsAtEnd)
        .with(Offload::new(SimpleProcessor::new(MemoryExporter::new())))
        .batch(BatchConfig::default().with_max_spans(50))
        .build();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| provider.run(|| (0..SPANS / 4).for_each(|_| call())));
        }
    });
    let while_stalled = provider.stats();
    assert_eq!((while_stalled.started, while_stalled.ended), (SPANS, SPANS));
    for stats in &while_stalled.processors {
        assert_eq!(stats.received, SPANS, "{stats:#?}");
        assert_adds_up(stats);
    }
    stalled.release();
    let _ = provider.force_flush(LONG);
    let names_and_dropped: Vec<_> = provider
        .stats()
        .processors
        .iter()
        .inspect(|stats| assert_adds_up(stats))
        .map(|stats| (stats.name.clone(), stats.dropped, stats.queued))
        .collect();
    let all_dropped = |name: &str| (name.to_owned(), SPANS, 0);
    assert_eq!(names_and_dropped[1], ("stalled".to_owned(), SPANS - 50, 0));
    assert_eq!(names_and_dropped[2], all_dropped("failing"));
    assert_eq!(names_and_dropped[3], all_dropped("panics in export"));
    assert_eq!(names_and_dropped[4], all_dropped("failing"));
    assert_eq!(names_and_dropped[5], all_dropped("panics in export"));
    assert_eq!(names_and_dropped[6], all_dropped("panics"));
}

#[test]
fn d3_every_reading_adds_up_while_spans_end() {
    let provider = TracerProvider::builder()
        .with(MemoryExporter::new())
        .with(Failing(ExportError::permanent("no")))
        .with(SimpleProcessor::new(MemoryExporter::new()))
        .with(SimpleProcessor::new(Failing(ExportError::permanent("no"))))
        .with(PanicsAtEnd)
        .with(Offload::new(SimpleProcessor::new(Failing(ExportError::permanent("no")))))
        .batch(BatchConfig::default().with_max_spans(50))
        .build();
    read_while_spans_end(&provider, || {
        let stats = provider.stats();
        assert!(stats.ended <= stats.started, "{stats:#?}");
        for processor in &stats.processors {
            assert!(processor.received <= stats.ended, "{stats:#?}");
            let accounted = processor.delivered + processor.dropped + processor.filtered;
            assert!(accounted <= processor.received, "{stats:#?}");
        }
    });
}

/// Calls `read` again and again, until other threads have traced their calls.
fn read_while_spans_end(provider: &TracerProvider, read: impl Fn()) {
    thread::scope(|scope| {
        let writers =
            [(); 3].map(|()| scope.spawn(|| provider.run(|| (0..10 * SPANS).for_each(|_| call()))));
        while writers.iter().any(|writer| !writer.is_finished()) {
            read();
        }
        read();
    });
}

#[test]
fn d3_spans_that_run_are_started_and_not_ended() {
    let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    let (start, started) = mpsc::channel();
    let (end, may_end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let provider = &provider;
        scope.spawn(move || {
            provider.run(|| {
                Component::agent("Slow").in_span("run", || {
                    start.send(()).unwrap();
                    let _ = may_end.recv();
                });
            });
        });
        started.recv().unwrap();
        assert_eq!((provider.stats().started, provider.stats().ended), (1, 0));
        drop(end);
    });
    assert_eq!((provider.stats().started, provider.stats().ended), (1, 1));
}

#[tokio::test]
async fn d3_every_way_to_end_counts_once() {
    use raaf_trace_core::InContext as _;
    let memory = MemoryExporter::new();
    let simple = SimpleProcessor::new(memory.clone());
    let provider = TracerProvider::builder().with(simple).build();
    let agent = Component::agent("Planner");
    let (context, component) = (provider.context(), agent.clone());
    assert!(
        thread::spawn(move || context.run(|| component.in_span("run", || panic!("on purpose"))))
            .join()
            .is_err()
    );
    let failed: Result<(), &str> = provider.run(|| agent.try_in_span("run", || Err("no")));
    assert!(failed.is_err());
    let mut cancelled =
        Box::pin(agent.in_span("run", std::future::pending::<()>()).in_context(provider.context()));
    assert!(futures::poll!(&mut cancelled).is_pending());
    drop(cancelled);
    drop(provider.tracer().start_span("dropped"));
    let manual = provider.tracer().start_span("twice");
    manual.finish();
    manual.finish();
    let stats = provider.stats();
    assert_eq!((stats.started, stats.ended, memory.len()), (5, 5, 5));
    assert!(stats.late_calls >= 1);
}

/// Keeps what it is told when it is added.
#[derive(Clone, Default)]
struct Added(Arc<Mutex<Vec<StatsReader>>>);

impl SpanProcessor for Added {
    fn name(&self) -> &'static str {
        "added"
    }
    fn on_added(&self, stats: &StatsReader) {
        self.0.lock().unwrap().push(stats.clone());
    }
}

#[test]
fn d3_a_processor_can_read_the_statistics_of_the_provider_it_was_added_to() {
    let (built, offloaded, late, placed) =
        (Added::default(), Added::default(), Added::default(), Added::default());
    let provider = TracerProvider::builder()
        .with(built.clone())
        .with(Offload::new(offloaded.clone()))
        .with(Failing(ExportError::permanent("no")))
        .build();
    provider.add_processor(Box::new(late.clone()));
    let readers: Vec<StatsReader> = [&built, &offloaded, &late]
        .into_iter()
        .map(|added| match &added.0.lock().unwrap()[..] {
            [once] => once.clone(),
            readers => panic!("told {} times", readers.len()),
        })
        .collect();
    provider.run(call);
    provider.force_flush(LONG).unwrap_err();
    for reader in &readers {
        let stats = reader.read().unwrap();
        assert_eq!((stats.ended, stats.dropped()), (1, 1), "{stats:#?}");
    }

    provider.set_processors(vec![Box::new(placed.clone())], LONG).unwrap();
    let placed = placed.0.lock().unwrap()[0].clone();
    assert_eq!(placed.read().unwrap().processors.len(), 1);
    drop(provider);
    assert_eq!(placed.read(), None);
}

#[test]
fn d1_a_processor_that_panics_when_it_is_added_is_counted_and_gets_its_spans() {
    struct Panics;
    impl SpanProcessor for Panics {
        fn on_added(&self, _: &StatsReader) {
            panic!("in on_added")
        }
    }
    let provider = TracerProvider::builder().with(Panics).build();
    provider.run(call);
    let stats = &provider.stats().processors[0];
    assert_eq!((stats.panics, stats.delivered), (1, 1));
    assert_eq!(stats.last_error.as_deref(), Some("panicked: in on_added"));
}
