//! Interface between the batch queue, its exporter and its items.

use std::sync::{Arc, OnceLock};

use raaf_trace_model::{
    sink::{ExportError, Overflow, SpanExporter},
    span::FinishedSpan,
};

use crate::sink::Finishing;

/// Receiver of batches: [`SpanExporter`] for any type of item.
pub(crate) trait BatchSink<T>: Send + Sync + 'static {
    fn name(&self) -> &str;

    /// Prepares items that were just taken from the queue for export.
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

/// An exporter, and what is left to do for spans that were queued as they ended.
pub(super) struct Exporting {
    exporter: Arc<dyn SpanExporter>,
    finishing: Arc<OnceLock<Finishing>>,
}

impl Exporting {
    pub(super) fn new(
        exporter: Arc<dyn SpanExporter>,
        finishing: Arc<OnceLock<Finishing>>,
    ) -> Self {
        Self { exporter, finishing }
    }
}

impl BatchSink<FinishedSpan> for Exporting {
    fn name(&self) -> &str {
        self.exporter.name()
    }

    fn prepare(&self, batch: &mut [FinishedSpan]) {
        if let Some(finishing) = self.finishing.get() {
            for span in batch {
                finishing.apply(span);
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
