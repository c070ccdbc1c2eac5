//! Exporting without a worker.

use std::time::Duration;

use crate::base::{process::PerProcess, sync::lock};
use raaf_trace_model::{
    sink::{ProcessorError, SpanExporter, SpanProcessor, stats::ProcessorStats},
    span::FinishedSpan,
};
use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

/// Processor that passes each span to its exporter when it ends, in the thread that ended it.
///
/// For tests and short tools: the traced program waits for the exporter. Failed exports are not
/// retried. Spans that end after the shutdown are dropped and counted.
#[derive(Debug)]
pub struct SimpleProcessor<E> {
    exporter: E,
    counts: PerProcess<Counts>,
    /// Lock of the exporter, which is called by one thread at a time, and not after its shutdown.
    turn: Mutex<Turn>,
}

#[derive(Debug, Default)]
struct Counts {
    delivered: AtomicU64,
    dropped: AtomicU64,
    last_error: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Turn {
    shut_down: bool,
}

impl<E: SpanExporter> SimpleProcessor<E> {
    /// Creates a processor in front of `exporter`.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, TracerProvider, sink::SimpleProcessor, trace};
    ///
    /// let memory = MemoryExporter::new();
    /// let provider =
    ///     TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    /// provider.run(|| trace("nightly import").in_span(|| ()));
    /// assert_eq!(memory.len(), 1); // no flush needed, unlike `.with(memory)`, which batches
    /// ```
    pub fn new(exporter: E) -> Self {
        Self { exporter, counts: PerProcess::default(), turn: Mutex::default() }
    }

    fn counts(&self) -> &Counts {
        self.counts.get(|_| Counts::default())
    }

    fn failed(&self, error: &raaf_trace_model::sink::ExportError) -> ProcessorError {
        let message = error.to_string();
        let counts = self.counts();
        *lock(&counts.last_error) = Some(message.clone());
        ProcessorError::Failed { message, dropped: counts.dropped.load(Ordering::Relaxed) }
    }
}

impl<E: SpanExporter> SpanProcessor for SimpleProcessor<E> {
    fn name(&self) -> &str {
        self.exporter.name()
    }

    fn wants_start(&self) -> bool {
        false
    }

    fn on_end(&self, span: &FinishedSpan) {
        let turn = lock(&self.turn);
        if turn.shut_down {
            self.counts().dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let result = self.exporter.export(std::slice::from_ref(span));
        drop(turn);
        let counts = self.counts();
        match result {
            Ok(()) => {
                counts.delivered.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                let dropped = error.rejected_of(1) as u64;
                counts.dropped.fetch_add(dropped, Ordering::Relaxed);
                counts.delivered.fetch_add(1 - dropped, Ordering::Relaxed);
                self.failed(&error);
            }
        }
    }

    fn force_flush(&self, _: Duration) -> Result<(), ProcessorError> {
        // Without the lock: spans that end meanwhile need not wait.
        if lock(&self.turn).shut_down {
            return Ok(());
        }
        self.exporter.force_flush().map_err(|error| self.failed(&error))
    }

    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        let flushed = self.force_flush(timeout);
        if std::mem::replace(&mut lock(&self.turn).shut_down, true) {
            return Ok(());
        }
        self.exporter.shutdown().map_err(|error| self.failed(&error)).and(flushed)
    }

    fn stats(&self) -> ProcessorStats {
        let counts = self.counts();
        let delivered = counts.delivered.load(Ordering::Relaxed);
        let dropped = counts.dropped.load(Ordering::Relaxed);
        ProcessorStats {
            received: delivered + dropped,
            delivered,
            dropped,
            last_error: lock(&counts.last_error).clone(),
            ..ProcessorStats::default()
        }
    }
}
