//! What the queue needs to know of the exporter behind it and of the items it carries.

use std::sync::Arc;

use crate::{ExportError, FinishedSpan, Overflow, SpanExporter};

/// Takes batches of items; [`SpanExporter`] for any kind of item.
pub(crate) trait Deliver<T>: Send + Sync + 'static {
    fn name(&self) -> &str;

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

impl Deliver<FinishedSpan> for Arc<dyn SpanExporter> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        (**self).export(batch)
    }

    fn force_flush(&self) -> Result<(), ExportError> {
        (**self).force_flush()
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        (**self).shutdown()
    }

    fn overflow(&self) -> Overflow {
        (**self).overflow()
    }
}

/// What becomes of items that were delivered.
pub(crate) trait Reclaim: Sized + Send + Sync + 'static {
    /// Makes an item that was just taken from the queue ready to be read by exporters.
    fn prepare(&mut self) {}

    /// Empties a chunk of delivered items. Called without any lock in a thread that produces
    /// items, so that memory is freed or reused by the thread that asks for more of it.
    fn reclaim(chunk: &mut Vec<Self>) {
        chunk.clear();
    }
}
