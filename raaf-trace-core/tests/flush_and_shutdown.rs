//! Delivering everything, within a time, whatever the sinks do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod doubles;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use doubles::{Failing, LONG, Listener, Log, SHORT, Stalled, components, in_line};
use raaf_trace_core::{
    Component, FinishedSpan, MemoryExporter, SpanExporter, SpanProcessor, Traceable as _,
    TracerProvider,
    sink::{BatchConfig, ExportError, ProcessorError},
};

fn call(name: &str) {
    Component::tool(name).in_span("run", || ());
}

/// Neither flushes nor shuts down.
struct Refusing;

impl SpanProcessor for Refusing {
    fn name(&self) -> &'static str {
        "refusing"
    }
    fn force_flush(&self, _: Duration) -> Result<(), ProcessorError> {
        Err(ProcessorError::Failed { message: "disk full".to_owned(), dropped: 3 })
    }
}

/// An in-line processor that hangs when it is flushed, until its channel is closed.
struct Hanging(std::sync::Mutex<mpsc::Receiver<()>>);

/// Counts its waiting callers, and otherwise hangs like `Hanging`.
struct Crowded(Hanging, Arc<AtomicUsize>);

impl SpanProcessor for Crowded {
    fn name(&self) -> &'static str {
        "crowded"
    }
    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.force_flush(timeout)
    }
}

impl SpanProcessor for Hanging {
    fn name(&self) -> &'static str {
        "hanging"
    }
    fn force_flush(&self, _: Duration) -> Result<(), ProcessorError> {
        let _ = self.0.lock().unwrap().recv();
        Ok(())
    }
}

#[test]
fn g55_flush_and_shutdown_reach_everyone_and_name_those_that_failed() {
    let log = Log::default();
    let provider = TracerProvider::builder()
        .with(Refusing)
        .with(Failing(ExportError::permanent("bad request")))
        .with(Listener::new("last", &log))
        .build();
    provider.run(|| call("Search"));
    let error = provider.force_flush(LONG).unwrap_err();
    let names: Vec<_> = error.failures().iter().map(|failure| failure.name.as_str()).collect();
    assert_eq!(names, ["refusing", "failing"]);
    assert_eq!(
        error.to_string(),
        "not everything was delivered: `refusing` disk full; `failing` bad request",
    );
    assert!(provider.shutdown(LONG).unwrap_err().to_string().contains("`refusing`"));
    assert_eq!(log.lines()[2..], ["last flush", "last shutdown"]);
}

#[test]
fn g55_an_exporter_s_own_flush_and_shutdown_are_reached() {
    struct Ending(Log);
    impl SpanExporter for Ending {
        fn name(&self) -> &'static str {
            "ending"
        }
        fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
            self.0.add(format!("export {}", batch.len()));
            Ok(())
        }
        fn force_flush(&self) -> Result<(), ExportError> {
            self.0.add("flush");
            Ok(())
        }
        fn shutdown(&self) -> Result<(), ExportError> {
            self.0.add("shutdown");
            Err(ExportError::permanent("connection lost"))
        }
    }
    let log = Log::default();
    let provider = TracerProvider::builder().with(Ending(log.clone())).build();
    provider.run(|| call("Search"));
    provider.force_flush(LONG).unwrap();
    let error = provider.shutdown(LONG).unwrap_err();
    assert_eq!(error.to_string(), "not everything was delivered: `ending` connection lost");
    assert_eq!(log.lines(), ["export 1", "flush", "flush", "shutdown"]);
}

#[test]
fn g72_a_flush_delivers_what_any_thread_ended_before() {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder().with(memory.clone()).build();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| provider.run(|| (0..10).for_each(|_| call("Search"))));
        }
    });
    provider.force_flush(LONG).unwrap();
    assert_eq!(memory.len(), 80);
}

#[test]
fn g72_a_flush_keeps_its_timeout_when_sinks_hang_and_says_what_is_left() {
    let (exporter, log) = (Stalled::default(), Log::default());
    let (release, never) = mpsc::channel();
    let provider = TracerProvider::builder()
        .with(exporter.clone())
        .with(Hanging(never.into()))
        .with(Listener::new("healthy", &log))
        .build();
    provider.run(|| (0..3).for_each(|_| call("Search")));
    let error = provider.force_flush(SHORT).unwrap_err();
    let said: Vec<_> = error
        .failures()
        .iter()
        .map(|failure| (failure.name.as_str(), failure.error.clone()))
        .collect();
    let expected = [
        ("stalled", ProcessorError::Timeout { pending: 3 }),
        ("hanging", ProcessorError::Timeout { pending: 0 }),
    ];
    assert_eq!(said, expected);
    assert_eq!(log.count("healthy flush"), 1);
    exporter.release();
    drop(release);
}

#[test]
fn g72_flushes_of_a_processor_that_hangs_do_not_pile_up() {
    let (open, closed) = mpsc::channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let crowded = Crowded(Hanging(std::sync::Mutex::new(closed)), Arc::clone(&waiting));
    let provider = TracerProvider::builder().with(crowded).build();
    for _ in 0..40 {
        let error = provider.force_flush(Duration::from_millis(1)).unwrap_err();
        assert!(matches!(error.failures()[0].error, ProcessorError::Timeout { .. }), "{error}");
    }
    assert!(waiting.load(Ordering::Relaxed) <= 8, "each has a thread of its own");
    drop(open);
}

#[test]
fn g72_shutdown_keeps_its_timeout_and_delivery_goes_on() {
    let exporter = Stalled::default();
    let provider = TracerProvider::builder().with(exporter.clone()).build();
    provider.run(|| call("Search"));
    let error = provider.shutdown(SHORT).unwrap_err();
    assert_eq!(error.failures()[0].error, ProcessorError::Timeout { pending: 1 });
    exporter.release();
    doubles::until("the span was delivered", || exporter.delivered().len() == 1);
}

#[test]
fn g72_shutdown_happens_once_and_ends_tracing() {
    let (log, memory) = (Log::default(), MemoryExporter::new());
    let provider =
        TracerProvider::builder().with(memory.clone()).with(Listener::new("p", &log)).build();
    provider.run(|| call("Before"));
    let open = provider.tracer().start_span("Open");
    assert_eq!(provider.shutdown(LONG), Ok(()));
    assert_eq!(provider.shutdown(LONG), Ok(()));
    provider.run(|| call("After"));
    provider.enable();
    provider.run(|| call("After all"));
    open.finish();
    assert_eq!(components(&memory), ["Before"]);
    assert_eq!(log.count("p shutdown"), 1);
    drop(provider);
    assert_eq!(log.count("p shutdown"), 1);
}

#[test]
fn g72_dropping_the_last_handle_shuts_down() {
    let (log, memory) = (Log::default(), MemoryExporter::new());
    let provider =
        TracerProvider::builder().with(memory.clone()).with(Listener::new("p", &log)).build();
    let clone = provider.clone();
    provider.run(|| call("Search"));
    drop(provider);
    assert_eq!(log.count("p shutdown"), 0);
    drop(clone);
    assert_eq!((log.count("p shutdown"), memory.len()), (1, 1));
}

#[test]
fn g72_a_flush_tries_a_waiting_retry_at_once() {
    struct Refusing(std::sync::Mutex<usize>, MemoryExporter);
    impl SpanExporter for Refusing {
        fn name(&self) -> &'static str {
            "refusing"
        }
        fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
            let mut calls = self.0.lock().unwrap();
            *calls += 1;
            if *calls == 1 { Err(ExportError::retryable("not yet")) } else { self.1.export(batch) }
        }
    }
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder()
        .with(Refusing(0.into(), memory.clone()))
        .batch(
            BatchConfig::default()
                .with_batch_size(1)
                .with_backoff(LONG * 10, LONG * 10)
                .with_give_up_after(LONG * 100),
        )
        .build();
    provider.run(|| call("Search"));
    doubles::until("the first try failed", || provider.stats().processors[0].last_error.is_some());
    provider.force_flush(LONG).unwrap();
    assert_eq!(memory.len(), 1);
}

/// On a runtime with one thread, the exporter is released by another task: were the thread
/// blocked by the flush, that could not happen.
#[tokio::test]
async fn g72_the_async_twins_do_not_block_the_thread() {
    let exporter = Stalled::default();
    let provider = TracerProvider::builder().with(exporter.clone()).build();
    provider.run(|| call("Search"));
    let release = async {
        tokio::task::yield_now().await;
        exporter.release();
    };
    let (flushed, ()) = tokio::join!(provider.force_flush_async(LONG), release);
    assert_eq!(flushed, Ok(()));
    assert_eq!(exporter.delivered().len(), 1);

    provider.run(|| call("Search"));
    assert_eq!(tokio::spawn(provider.shutdown_async(LONG)).await.unwrap(), Ok(()));
    assert_eq!(exporter.delivered().len(), 2);
}

#[tokio::test]
async fn g72_the_async_twins_keep_their_timeouts() {
    let exporter = Stalled::default();
    let provider = TracerProvider::builder().with(exporter.clone()).build();
    provider.run(|| call("Search"));
    let timeout = ProcessorError::Timeout { pending: 1 };
    let error = provider.force_flush_async(SHORT).await.unwrap_err();
    assert_eq!(error.failures()[0].error, timeout);
    let error = provider.shutdown_async(SHORT).await.unwrap_err();
    assert_eq!(error.failures()[0].error, timeout);
    exporter.release();
}

#[test]
fn g72_a_flush_from_inside_a_sink_does_not_wait_for_itself() {
    use std::sync::{Arc, OnceLock};
    #[derive(Clone, Default)]
    struct Flushing(Arc<OnceLock<TracerProvider>>, Log);
    impl SpanExporter for Flushing {
        fn name(&self) -> &'static str {
            "flushing"
        }
        fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
            let flushed = self.0.get().unwrap().force_flush(LONG);
            self.1.add(format!("refused: {}", flushed.is_err()));
            Ok(())
        }
    }
    let exporter = Flushing::default();
    let provider = TracerProvider::builder().with(exporter.clone()).build();
    assert!(exporter.0.set(provider.clone()).is_ok());
    provider.run(|| call("Search"));
    provider.force_flush(LONG).unwrap();
    assert_eq!(exporter.1.lines(), ["refused: true"]);
}

#[test]
fn g48_a_timeout_that_no_clock_can_tell_is_long_and_no_panic() {
    let (provider, _) = in_line();
    assert!(provider.force_flush(Duration::MAX).is_ok());
    assert!(provider.set_processors(Vec::new(), Duration::MAX).is_ok());
    assert!(provider.shutdown(Duration::MAX).is_ok());
}
