//! Processors: what they are told, in which order, and what becomes of those that misbehave.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use std::{
    panic::panic_any,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use doubles::{LONG, Listener, Log, components, in_line, until};
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, SpanExporter, SpanProcessor, Traceable as _,
    TracerProvider, current_span,
    registry::Sink,
    sink::{BatchConfig, ExportError, ProcessorError, SimpleProcessor},
    span::StartedSpan,
    stats, tracer,
};

fn listening(names: &[&'static str]) -> (TracerProvider, Log) {
    let log = Log::default();
    let builder = names
        .iter()
        .fold(TracerProvider::builder(), |builder, name| builder.with(Listener::new(name, &log)));
    (builder.build(), log)
}

fn call(name: &str) {
    Component::tool(name).in_span("run", || ());
}

#[test]
fn g47_starts_and_ends_of_traced_calls_and_manual_spans_around_the_user_s_code() {
    let (provider, log) = listening(&["p"]);
    provider.run(|| {
        Component::tool("Search").in_span("run", || log.add("user's code"));
        let manual = tracer().start_span("by hand");
        log.add("more of the user's code");
        manual.finish();
    });
    let expected = [
        "p start Search",
        "user's code",
        "p end Search",
        "p start by hand",
        "more of the user's code",
        "p end by hand",
    ];
    assert_eq!(log.lines(), expected);
}

#[test]
fn g48_replaced_processors_are_flushed_and_shut_down_and_hear_no_more() {
    let (provider, log) = listening(&["old"]);
    let memory = MemoryExporter::new();
    let batched = raaf_trace_core::sink::BatchProcessor::new(memory.clone());
    provider.add_processor(batched);
    provider.run(|| call("Before"));
    let running = provider.tracer().start_span("Across");
    let new = Box::new(Listener::new("new", &log));
    provider.set_processors(vec![new], LONG).unwrap();
    running.finish();
    provider.run(|| call("After"));
    let expected = [
        "old start Before",
        "old end Before",
        "old start Across",
        "old shutdown",
        "new end Across",
        "new start After",
        "new end After",
    ];
    assert_eq!(log.lines(), expected);
    assert_eq!(components(&memory), ["Before"], "what waited was delivered");
    assert_eq!(provider.processor_count(), 1);
}

#[test]
fn g48_under_load_every_span_reaches_exactly_one_set_of_processors() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 20;
    let memories: Vec<_> = (0..=ROUNDS).map(|_| MemoryExporter::new()).collect();
    // Room for all that is made before the first exchange, however slow the worker is.
    let batch = BatchConfig::default().with_max_spans(1_000_000);
    let provider = TracerProvider::builder().with(memories[0].clone()).batch(batch).build();
    let (stop, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                provider.run(|| {
                    while !stop.load(Ordering::Relaxed) {
                        call("Busy");
                        made.fetch_add(1, Ordering::Relaxed);
                    }
                });
            });
        }
        for memory in &memories[1..] {
            let before = made.load(Ordering::Relaxed);
            until("spans were made", || made.load(Ordering::Relaxed) > before);
            let simple: Box<dyn SpanProcessor> = Box::new(SimpleProcessor::new(memory.clone()));
            provider.set_processors(vec![simple], LONG).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    provider.shutdown(LONG).unwrap();
    let mut ids: Vec<_> = memories
        .iter()
        .flat_map(MemoryExporter::spans)
        .map(|span| span.span_id().to_u64())
        .collect();
    let delivered = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), delivered), (made.load(Ordering::Relaxed), ids.len()));
}

#[test]
fn g49_a_provider_is_configured_in_code() {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder()
        .with(memory.clone())
        .batch(BatchConfig::default().with_batch_size(1))
        .sampler(raaf_trace_core::Sampler::always())
        .naming(raaf_trace_core::naming::NamePattern::Compact)
        .ids(raaf_trace_core::id::SequentialIds::default())
        .stale_after(None)
        .cleanup_interval(LONG)
        .flush_after_root(true)
        .enabled(true)
        .build();
    provider.run(|| call("Search"));
    provider.force_flush(LONG).unwrap();
    assert_eq!(memory.spans()[0].name(), "tool.Search");
}

#[test]
fn g54_a_processor_implements_only_what_it_needs() {
    struct Nothing;
    impl SpanProcessor for Nothing {}

    let provider = TracerProvider::builder().with(Nothing).build();
    provider.run(|| call("Search"));
    assert_eq!(provider.force_flush(LONG), Ok(()));
    let stats = provider.stats();
    assert!(stats.processors[0].name.contains("Nothing"), "{stats:?}");
    assert_eq!(stats.processors[0].received, 1);
    assert_eq!(provider.shutdown(LONG), Ok(()));
}

#[test]
fn g60_every_processor_gets_every_span_in_configured_order() {
    let (provider, log) = listening(&["first", "second", "third"]);
    provider.add_processor(Listener::new("fourth", &log));
    provider.run(|| call("Search"));
    let order = ["first", "second", "third", "fourth"];
    let starts = order.map(|name| format!("{name} start Search"));
    let ends = order.map(|name| format!("{name} end Search"));
    assert_eq!(log.lines(), [starts, ends].concat());
}

#[test]
fn g60_one_added_while_a_span_runs_gets_only_its_end() {
    let (provider, log) = listening(&["first"]);
    provider.run(|| {
        Component::tool("Search").in_span("run", || {
            provider.add_processor(Listener::new("late", &log));
        });
    });
    assert_eq!(log.lines(), ["first start Search", "first end Search", "late end Search"]);
}

#[test]
fn g60_a_processor_that_wants_no_starts_gets_none() {
    struct EndsOnly(Listener);
    impl SpanProcessor for EndsOnly {
        fn wants_start(&self) -> bool {
            false
        }
        fn on_start(&self, span: &mut StartedSpan) {
            self.0.on_start(span);
        }
        fn on_end(&self, span: &FinishedSpan) {
            self.0.on_end(span);
        }
    }
    let (provider, log) = listening(&[]);
    provider.add_processor(EndsOnly(Listener::new("p", &log)));
    provider.run(|| call("Search"));
    assert_eq!(log.lines(), ["p end Search"]);
}

#[test]
fn g71_how_many_processors_there_are_can_be_asked() {
    let (provider, log) = listening(&["first", "second"]);
    assert_eq!(provider.processor_count(), 2);
    provider.add_processor(Listener::new("third", &log));
    assert_eq!(provider.processor_count(), 3);
    provider.set_processors(Vec::new(), LONG).unwrap();
    assert_eq!(provider.processor_count(), 0);
}

/// Panics in every method there is.
struct Panics;

impl SpanProcessor for Panics {
    fn name(&self) -> &str {
        panic!("in name")
    }
    fn wants_start(&self) -> bool {
        panic!("in wants_start")
    }
    fn on_start(&self, _: &mut StartedSpan) {
        panic!("in on_start")
    }
    fn on_end(&self, _: &FinishedSpan) {
        panic_any(17_u8)
    }
    fn force_flush(&self, _: Duration) -> Result<(), ProcessorError> {
        panic!("in force_flush")
    }
    fn shutdown(&self, _: Duration) -> Result<(), ProcessorError> {
        panic!("in shutdown")
    }
    fn stats(&self) -> stats::ProcessorStats {
        panic!("in stats")
    }
}

/// Panics where spans come by.
struct PanicsInSpans;

impl SpanProcessor for PanicsInSpans {
    fn name(&self) -> &'static str {
        "panics"
    }
    fn on_start(&self, _: &mut StartedSpan) {
        panic!("in on_start")
    }
    fn on_end(&self, _: &FinishedSpan) {
        panic!("in on_end")
    }
}

#[test]
fn d1_a_processor_that_panics_everywhere_harms_nobody() {
    let log = Log::default();
    let provider = TracerProvider::builder().with(Panics).with(Listener::new("next", &log)).build();
    assert_eq!(provider.run(|| Component::tool("Search").in_span("run", || 7)), 7);
    let failed = provider.force_flush(LONG).unwrap_err();
    assert_eq!(failed.failures().len(), 1);
    let panicked = ProcessorError::Panicked { message: "in force_flush".to_owned() };
    assert_eq!(failed.failures()[0].error, panicked);
    assert!(format!("{:?} {provider:?}", provider.stats()).contains("next"));
    assert!(provider.shutdown(LONG).is_err());
    let expected = ["next start Search", "next end Search", "next flush", "next shutdown"];
    assert_eq!(log.lines(), expected);
}

#[test]
fn d1_panics_are_counted_and_the_last_one_is_told() {
    let provider = TracerProvider::builder().with(PanicsInSpans).build();
    provider.run(|| (0..3).for_each(|_| call("Search")));
    let stats = &provider.stats().processors[0];
    assert_eq!((stats.name.as_str(), stats.panics), ("panics", 6));
    assert_eq!(stats.last_error.as_deref(), Some("panicked: in on_end"));
}

#[test]
fn d1_a_slow_processor_is_counted() {
    struct Slow;
    impl SpanProcessor for Slow {
        fn on_end(&self, _: &FinishedSpan) {
            // It has to be slow; nothing is awaited by this.
            thread::sleep(Duration::from_millis(6));
        }
    }
    let provider = TracerProvider::builder().with(Slow).build();
    provider.run(|| (0..2).for_each(|_| call("Search")));
    assert_eq!(provider.stats().processors[0].slow_calls, 2);
}

/// Traces what it does itself, as an HTTP client of an exporter might.
#[derive(Clone, Default)]
struct SelfTracing {
    provider: Arc<OnceLock<TracerProvider>>,
    calls: Arc<AtomicUsize>,
}

impl SelfTracing {
    fn trace(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let provider = self.provider.get().unwrap();
        provider.run(|| {
            call("Inside");
            assert!(current_span().is_none() && !tracer().start_span("Inside").is_recording());
        });
        provider.tracer().start_span("Inside").finish();
    }
}

impl SpanProcessor for SelfTracing {
    fn on_start(&self, _: &mut StartedSpan) {
        self.trace();
    }
    fn on_end(&self, _: &FinishedSpan) {
        self.trace();
    }
    fn force_flush(&self, _: Duration) -> Result<(), ProcessorError> {
        self.trace();
        Ok(())
    }
}

impl SpanExporter for SelfTracing {
    fn name(&self) -> &'static str {
        "self-tracing"
    }
    fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
        self.trace();
        Ok(())
    }
    fn force_flush(&self) -> Result<(), ExportError> {
        self.trace();
        Ok(())
    }
}

#[test]
fn d4_processors_and_exporters_never_trace_themselves() {
    let sink = SelfTracing::default();
    let (memory, simple) = (MemoryExporter::new(), SimpleProcessor::new(sink.clone()));
    let provider = TracerProvider::builder()
        .with(Sink::processor(sink.clone()))
        .with(simple)
        .with(Sink::exporter(sink.clone()))
        .with(memory.clone())
        .build();
    assert!(sink.provider.set(provider.clone()).is_ok());
    provider.run(|| call("Search"));
    provider.force_flush(LONG).unwrap();
    assert_eq!(components(&memory), ["Search"]);
    let panics: u64 = provider.stats().processors.iter().map(|stats| stats.panics).sum();
    assert_eq!((sink.calls.load(Ordering::SeqCst), panics), (7, 0));
}

#[test]
fn d4_tracing_is_on_again_after_a_processor_panicked() {
    let (provider, memory) = in_line();
    provider.add_processor(PanicsInSpans);
    provider.run(|| {
        call("First");
        call("Second");
    });
    assert_eq!(components(&memory), ["First", "Second"]);
}
