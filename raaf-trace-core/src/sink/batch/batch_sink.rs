//! What the queue needs to know of the exporter behind it and of the items it carries.

use std::sync::{Arc, OnceLock};

use raaf_trace_model::{
    Redactor,
    sink::{ExportError, Overflow, SpanExporter},
    span::FinishedSpan,
};

/// Takes batches of items; [`SpanExporter`] for any kind of item.
pub(crate) trait BatchSink<T>: Send + Sync + 'static {
    fn name(&self) -> &str;

    /// Makes items that were just taken from the queue ready to be exported.
    fn prepare(&self, batch: &mut [T]) {
        let _ = batch;
    }

    fn export(&self, batch: &[T]) -> Result<(), ExportError>;

    fn force_flush(&self) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        Ok(())
    }

    fn overflow(&self) -> Overflow {
        Overflow::Drop
    }
}

/// An exporter, and what takes secrets out of spans that come with theirs.
pub(super) struct Exporting {
    exporter: Arc<dyn SpanExporter>,
    redactor: Arc<OnceLock<Redactor>>,
}

impl Exporting {
    pub(super) fn new(exporter: Arc<dyn SpanExporter>, redactor: Arc<OnceLock<Redactor>>) -> Self {
        Self { exporter, redactor }
    }
}

impl BatchSink<FinishedSpan> for Exporting {
    fn name(&self) -> &str {
        self.exporter.name()
    }

    fn prepare(&self, batch: &mut [FinishedSpan]) {
        if let Some(redactor) = self.redactor.get() {
            for span in batch {
                span.redact(redactor);
            }
        }
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        self.exporter.export(batch)
    }

    fn force_flush(&self) -> Result<(), ExportError> {
        self.exporter.force_flush()
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        self.exporter.shutdown()
    }

    fn overflow(&self) -> Overflow {
        self.exporter.overflow()
    }
}

impl Recycle for FinishedSpan {
    #[inline]
    fn recycle(&mut self) -> bool {
        self.clear();
        true
    }
}

/// What becomes of items that were delivered.
pub(crate) trait Recycle: Sized + Send + Sync + 'static {
    /// Lets go of what a delivered item holds, and returns whether it can be written over. Called
    /// without any lock in a thread that produces items, so that memory is freed or used again by
    /// the thread that asks for more of it.
    fn recycle(&mut self) -> bool {
        false
    }
}
