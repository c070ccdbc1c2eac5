//! The exporter behind the queue: called with tracing suppressed, its panics caught and its
//! failures reported.

use super::{
    BatchSink,
    flush_request::Outcome,
    sync::{
        atomic::{AtomicU64, Ordering},
        inside, is_inside,
    },
};
use crate::{
    base::{
        panics,
        process::{Calls, CutOff, PerProcess},
        suppress,
    },
    diagnostics::{self, Category, Repeated},
    sink::calls,
};
use raaf_trace_model::sink::{ExportError, Overflow, ProcessorError};

pub(super) struct Exporter<T> {
    sink: Box<dyn BatchSink<T>>,
    name: String,
    overflow: Overflow,
    counts: PerProcess<Counts>,
    calls: Calls,
}

#[derive(Default)]
struct Counts {
    panics: AtomicU64,
    failures: Repeated,
}

/// Failure of a call.
enum Failure {
    Returned(ExportError),
    Panicked(String),
}

impl<T: 'static> Exporter<T> {
    pub(super) fn new(sink: Box<dyn BatchSink<T>>) -> Self {
        Self {
            name: panics::caught(|| sink.name().to_owned())
                .unwrap_or_else(|_| "an exporter whose name panics".to_owned()),
            overflow: panics::caught(|| sink.overflow()).unwrap_or_default(),
            sink,
            counts: PerProcess::default(),
            calls: Calls::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn overflow(&self) -> Overflow {
        self.overflow
    }

    pub(super) fn panics(&self) -> u64 {
        self.counts().panics.load(Ordering::Relaxed)
    }

    fn counts(&self) -> &Counts {
        self.counts.get(|_| Counts::default())
    }

    /// Returns whether the caller runs inside this exporter or its worker.
    pub(super) fn is_inside(&self) -> bool {
        is_inside(self.address())
    }

    /// Runs `f` as a part of this exporter: untraced, and without waiting for the queue.
    pub(super) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        inside(self.address(), || suppress::scope(f))
    }

    /// Prepares items that were just taken from the queue.
    pub(super) fn prepare(&self, items: &mut [T]) {
        self.run(|| self.sink.prepare(items));
    }

    /// Exports items once.
    pub(super) fn export(&self, items: &[T]) -> Result<(), ExportError> {
        let error = match self.call(|sink| sink.export(items)) {
            Ok(()) => return Ok(()),
            Err(Failure::Returned(error)) => error,
            Err(Failure::Panicked(message)) => {
                ExportError::permanent(format!("panicked: {message}"))
            }
        };
        if let Some(times) = self.counts().failures.happened() {
            let (lost, all) = (error.rejected_of(items.len()), items.len());
            let retry = match (error.is_retryable(), lost < all) {
                (true, _) => "the batch can be retried".to_owned(),
                (false, false) => "the batch is dropped".to_owned(),
                (false, true) => format!("{lost} of {all} are dropped"),
            };
            diagnostics::warn(
                Category::Export,
                format_args!(
                    "`{}` failed to deliver a batch, {times} times so far; {retry}: {error}",
                    self.name
                ),
            );
        }
        Err(error)
    }

    pub(super) fn force_flush(&self) -> Outcome {
        self.control(BatchSink::force_flush)
    }

    pub(super) fn shutdown(&self) -> Outcome {
        self.control(BatchSink::shutdown)
    }

    fn control(&self, call: fn(&dyn BatchSink<T>) -> Result<(), ExportError>) -> Outcome {
        self.call(call).map_err(|error| match error {
            Failure::Returned(error) => {
                ProcessorError::Failed { message: error.to_string(), dropped: 0 }
            }
            Failure::Panicked(message) => ProcessorError::Panicked { message },
        })
    }

    fn call(
        &self,
        call: impl FnOnce(&dyn BatchSink<T>) -> Result<(), ExportError>,
    ) -> Result<(), Failure> {
        match self.guarded(|| self.run(|| panics::caught(|| call(&*self.sink)))) {
            Err(cut_off) => Err(Failure::Returned(ExportError::permanent(cut_off.to_string()))),
            Ok(Ok(result)) => result.map_err(Failure::Returned),
            Ok(Err(message)) => {
                self.counts().panics.fetch_add(1, Ordering::Relaxed);
                Err(Failure::Panicked(message))
            }
        }
    }

    /// Makes a call that a fork may interrupt.
    pub(super) fn guarded<R>(&self, call: impl FnOnce() -> R) -> Result<R, CutOff> {
        calls::make(&self.calls, || &self.name, call)
    }

    /// Returns an address that identifies the exporter while it is not moved.
    fn address(&self) -> usize {
        std::ptr::from_ref(&self.name).addr()
    }
}
