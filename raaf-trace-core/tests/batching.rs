//! Exporters behind a batching worker, through the provider.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use std::{
    sync::{Arc, Barrier, Mutex},
    thread,
    time::Duration,
};

use doubles::{Failing, LONG, SHORT, Stalled, components, until};
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, SpanExporter, SpanProcessor, Traceable as _,
    TracerProvider,
    environment::Environment,
    sink::{BatchConfig, BatchProcessor, ExportError},
    stats::ProcessorStats,
    trace,
};

/// So long that no batch leaves because of it.
const NEVER: Duration = Duration::from_secs(3_600);

fn calls(number: usize) {
    (0..number).for_each(|_| Component::tool("Search").in_span("run", || ()));
}

fn batched(exporter: impl SpanExporter, config: BatchConfig) -> TracerProvider {
    TracerProvider::builder().with(exporter).batch(config).build()
}

fn stats(provider: &TracerProvider) -> ProcessorStats {
    provider.stats().processors[0].clone()
}

fn quiet() -> BatchConfig {
    BatchConfig::default().with_flush_interval(NEVER)
}

#[test]
fn g59_a_full_batch_leaves_at_once() {
    let exporter = Stalled::default();
    exporter.release();
    let provider = batched(exporter.clone(), quiet().with_batch_size(10));
    provider.run(|| calls(25));
    until("two batches were delivered", || exporter.batch_sizes().len() == 2);
    assert_eq!(exporter.batch_sizes(), [10, 10]);
    assert_eq!(stats(&provider).queued, 5);
}

#[test]
fn g59_the_rest_leaves_on_a_flush_and_at_shutdown() {
    let exporter = Stalled::default();
    exporter.release();
    let provider = batched(exporter.clone(), quiet().with_batch_size(10));
    provider.run(|| calls(13));
    provider.force_flush(LONG).unwrap();
    assert_eq!(exporter.batch_sizes(), [10, 3]);
    provider.run(|| calls(2));
    provider.shutdown(LONG).unwrap();
    assert_eq!(exporter.batch_sizes(), [10, 3, 2]);
}

#[test]
fn g59_no_batch_is_larger_than_batch_size() {
    let exporter = Stalled::default();
    let provider = batched(exporter.clone(), quiet().with_batch_size(7));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| provider.run(|| calls(100)));
        }
    });
    exporter.release();
    provider.force_flush(LONG).unwrap();
    assert!(exporter.batch_sizes().iter().all(|&size| size <= 7));
    assert_eq!(exporter.delivered().len(), 400);
}

#[test]
fn g59_the_environment_sizes_batches() {
    let exporter = Stalled::default();
    exporter.release();
    let environment = Environment::from_pairs([
        ("RAAF_TRACE_BATCH_SIZE", "3"),
        ("RAAF_TRACE_FLUSH_INTERVAL", "3600"),
    ]);
    let builder = TracerProvider::builder().with(exporter.clone());
    let provider = builder.environment(&environment).build().unwrap();
    provider.run(|| calls(7));
    until("two batches were delivered", || exporter.batch_sizes().len() == 2);
    assert_eq!(exporter.batch_sizes(), [3, 3]);
}

#[test]
fn d5_spans_leave_within_the_flush_interval_without_a_call() {
    let memory = MemoryExporter::new();
    let provider = batched(
        memory.clone(),
        BatchConfig::default().with_flush_interval(Duration::from_millis(1)),
    );
    provider.run(|| calls(1));
    until("the span left by itself", || memory.len() == 1);
    let quiet_thread = provider.clone();
    let (left, end) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let worker = thread::spawn({
        let (left, end) = (Arc::clone(&left), Arc::clone(&end));
        move || {
            quiet_thread.run(|| calls(1));
            left.wait();
            end.wait();
        }
    });
    left.wait();
    until("the quiet thread's span left too", || memory.len() == 2);
    end.wait();
    worker.join().unwrap();
}

#[test]
fn d5_a_flush_at_the_end_of_each_root_can_be_switched_on() {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder()
        .with(memory.clone())
        .batch(quiet())
        .flush_after_root(true)
        .build();
    provider.run(|| trace("nightly").in_span(|| calls(2)));
    assert_eq!(memory.len(), 3, "delivered when the root has ended");
}

#[test]
fn d5_the_end_of_a_root_waits_for_an_exporter_that_takes_its_time() {
    let exporter = Stalled::default();
    let provider = TracerProvider::builder()
        .with(exporter.clone())
        .batch(quiet())
        .flush_after_root(true)
        .build();
    thread::scope(|scope| {
        let root = scope.spawn(|| {
            provider.run(|| trace("nightly").in_span(|| calls(2)));
            stats(&provider).delivered
        });
        exporter.until_it_hangs();
        exporter.release();
        assert_eq!(root.join().unwrap(), 3);
    });
}

#[test]
fn g67_a_stalled_exporter_bounds_what_32_threads_hold() {
    const THREADS: usize = 32;
    const EACH: usize = 100;
    let exporter = Stalled::default();
    let environment = Environment::from_pairs([("RAAF_TRACE_MAX_SPANS", "1000")]);
    let builder = TracerProvider::builder().with(exporter.clone());
    let provider = builder.environment(&environment).build().unwrap();
    let together = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                together.wait();
                provider.run(|| calls(EACH));
            });
        }
    });
    exporter.until_it_hangs();
    let all = (THREADS * EACH) as u64;
    let held = stats(&provider);
    assert_eq!((held.received, held.queued, held.dropped), (all, 1_000, all - 1_000));
    exporter.release();
    assert!(provider.force_flush(LONG).is_err(), "what was dropped is said");
    let after = stats(&provider);
    assert_eq!((after.delivered, after.queued, after.dropped), (1_000, 0, all - 1_000));
    assert_eq!(provider.stats().dropped(), all - 1_000);
}

/// An exporter that fails a few times, each time as it is told.
#[derive(Clone)]
struct Recovering {
    failures: Arc<Mutex<Vec<ExportError>>>,
    memory: MemoryExporter,
}

impl SpanExporter for Recovering {
    fn name(&self) -> &'static str {
        "recovering"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        match self.failures.lock().unwrap().pop() {
            Some(error) => Err(error),
            None => self.memory.export(batch),
        }
    }
}

#[test]
fn d2_a_batch_is_retried_until_it_is_delivered() {
    let refused = ExportError::retryable("connection refused");
    let exporter = Recovering {
        failures: Arc::new(Mutex::new(vec![refused.clone(), refused.after(SHORT)])),
        memory: MemoryExporter::new(),
    };
    let config = quiet().with_batch_size(2).with_backoff(SHORT, SHORT);
    let provider = batched(exporter.clone(), config);
    provider.run(|| calls(2));
    until("the third try succeeded", || exporter.memory.len() == 2);
    provider.force_flush(LONG).unwrap();
    let stats = stats(&provider);
    assert_eq!((stats.retried, stats.delivered, stats.dropped), (2, 2, 0));
    assert_eq!(stats.last_error.as_deref(), Some("connection refused"));
}

#[test]
fn d2_a_batch_is_given_up_and_counted() {
    for (error, retried) in
        [(ExportError::permanent("bad request"), 0), (ExportError::retryable("unavailable"), 2)]
    {
        let config = quiet().with_batch_size(2).with_backoff(SHORT, SHORT).with_max_retries(2);
        let provider = batched(Failing(error), config);
        provider.run(|| calls(2));
        until("the batch was given up", || stats(&provider).dropped == 2);
        assert_eq!(stats(&provider).retried, retried);
    }
}

#[test]
fn d1_an_exporter_that_panics_loses_its_batch_and_goes_on() {
    struct PanicsOnce(Mutex<bool>, MemoryExporter);
    impl SpanExporter for PanicsOnce {
        fn name(&self) -> &'static str {
            "panics once"
        }
        fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
            let first = !std::mem::replace(&mut *self.0.lock().unwrap(), true);
            assert!(!first, "the exporter is broken");
            self.1.export(batch)
        }
    }
    let (memory, next) = (MemoryExporter::new(), MemoryExporter::new());
    let provider = TracerProvider::builder()
        .with(PanicsOnce(Mutex::new(false), memory.clone()))
        .with(next.clone())
        .build();
    provider.run(|| calls(1));
    assert!(provider.force_flush(LONG).is_err());
    provider.run(|| calls(1));
    provider.force_flush(LONG).unwrap();
    assert_eq!((memory.len(), next.len()), (1, 2));
    let stats = stats(&provider);
    assert_eq!((stats.panics, stats.dropped, stats.delivered), (1, 1, 1));
}

#[test]
fn d1_an_exporter_s_call_has_a_deadline() {
    let exporter = Stalled::default();
    let config = quiet().with_batch_size(2).with_export_timeout(SHORT);
    let provider = batched(exporter.clone(), config);
    provider.run(|| calls(2));
    exporter.until_it_hangs();
    until("the batch counts as dropped", || stats(&provider).dropped == 2);
    assert!(stats(&provider).last_error.is_some_and(|error| error.contains("did not return")));
    exporter.release();
}

#[test]
fn d1_an_exporter_whose_name_panics_is_used_all_the_same() {
    struct Nameless(MemoryExporter);
    impl SpanExporter for Nameless {
        fn name(&self) -> &str {
            panic!("in name")
        }
        fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
            self.0.export(batch)
        }
    }
    let memory = MemoryExporter::new();
    let provider = batched(Nameless(memory.clone()), quiet());
    provider.run(|| calls(1));
    provider.force_flush(LONG).unwrap();
    assert_eq!(components(&memory), ["Search"]);
}

#[test]
fn g59_a_batch_processor_can_be_built_by_hand() {
    let memory = MemoryExporter::new();
    let config =
        BatchConfig::default().with_batch_size(1).with_max_spans(10).with_flush_interval(NEVER);
    let processor = BatchProcessor::with_config(memory.clone(), config);
    assert!(!processor.wants_start());
    let provider = TracerProvider::builder().with(processor).build();
    provider.run(|| calls(1));
    until("the batch of one left", || memory.len() == 1);
}
