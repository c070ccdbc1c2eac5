//! In-memory sink.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{ExportError, Overflow, SpanExporter};
use crate::{filter::SpanFilter, id::TraceId, span::FinishedSpan};

/// Exporter that stores finished spans in memory, for tests and queries. Clones share the spans.
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
/// assert_eq!(memory.spans().len(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryExporter {
    kept: Arc<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Mutex<VecDeque<FinishedSpan>>,
    limit: Option<usize>,
    forgotten: AtomicU64,
}

impl MemoryExporter {
    /// Creates an exporter that stores every span.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an exporter that stores the last `limit` spans, and counts those it discards.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{FinishedSpan, MemoryExporter, SpanExporter as _};
    ///
    /// let memory = MemoryExporter::with_limit(1);
    /// let span = |name| FinishedSpan::builder("tool", name).build();
    /// memory.export(&[span("A"), span("B")])?;
    /// assert_eq!(memory.spans()[0].component_name(), "B");
    /// assert_eq!(memory.forgotten(), 1);
    /// # Ok::<(), raaf_trace_core::sink::ExportError>(())
    /// ```
    pub fn with_limit(limit: usize) -> Self {
        Self { kept: Arc::new(Kept { limit: Some(limit), ..Kept::default() }) }
    }

    /// Returns the stored spans, in the order they ended.
    pub fn spans(&self) -> Vec<FinishedSpan> {
        self.lock().iter().cloned().collect()
    }

    /// Returns the spans of one trace.
    pub fn trace(&self, id: TraceId) -> Vec<FinishedSpan> {
        self.lock().iter().filter(|span| span.trace_id() == id).cloned().collect()
    }

    /// Returns the spans that the filter selects, in the order they ended; see [`SpanFilter`].
    pub fn select(&self, select: &SpanFilter) -> Vec<FinishedSpan> {
        // Matched without the lock: a filter may run user code.
        self.spans().into_iter().filter(|span| select.matches(span)).collect()
    }

    /// Removes and returns all spans.
    pub fn take(&self) -> Vec<FinishedSpan> {
        self.lock().drain(..).collect()
    }

    /// Returns the number of stored spans.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Returns whether no spans are stored.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Returns the number of spans discarded because of the limit.
    pub fn forgotten(&self) -> u64 {
        self.kept.forgotten.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<FinishedSpan>> {
        self.kept.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanExporter for MemoryExporter {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        let mut spans = self.lock();
        spans.extend(batch.iter().cloned());
        let excess = spans.len().saturating_sub(self.kept.limit.unwrap_or(usize::MAX));
        let forgotten: Vec<_> = spans.drain(..excess).collect();
        drop(spans);
        self.kept.forgotten.fetch_add(forgotten.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn overflow(&self) -> Overflow {
        Overflow::Wait
    }
}
