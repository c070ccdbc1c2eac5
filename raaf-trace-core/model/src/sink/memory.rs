//! Finished spans, kept.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{ExportError, Overflow, SpanExporter};
use crate::{filter::SpanFilter, id::TraceId, span::FinishedSpan};

/// Keeps finished spans in memory, for tests and queries. Clones share what is kept.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{MemoryExporter, SimpleProcessor, TracerProvider, trace};
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
    /// Keeps every span.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the last `limit` spans, and counts those it forgets.
    pub fn with_limit(limit: usize) -> Self {
        Self { kept: Arc::new(Kept { limit: Some(limit), ..Kept::default() }) }
    }

    /// The spans that are kept, in the order in which they ended.
    pub fn spans(&self) -> Vec<FinishedSpan> {
        self.lock().iter().cloned().collect()
    }

    /// Those of one trace.
    pub fn trace(&self, id: TraceId) -> Vec<FinishedSpan> {
        self.lock().iter().filter(|span| span.trace_id() == id).cloned().collect()
    }

    /// Those that are meant, in the order in which they ended; see [`SpanFilter`].
    pub fn select(&self, select: &SpanFilter) -> Vec<FinishedSpan> {
        // Matched outside of the lock: a selection may run code of the caller's.
        self.spans().into_iter().filter(|span| select.matches(span)).collect()
    }

    /// Takes the spans out.
    pub fn take(&self) -> Vec<FinishedSpan> {
        self.lock().drain(..).collect()
    }

    /// How many spans are kept.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// How many spans were forgotten because of the limit.
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
        Overflow::Help
    }
}
