//! The batch processor.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use super::{BatchQueue, batch_sink::Exporting, flush::FlushFuture};
use crate::sink::Finishing;
use raaf_trace_model::{
    sink::{
        BatchConfig, Overflow, ProcessorError, SpanExporter, SpanProcessor, stats::ProcessorStats,
    },
    span::{FinishedSpan, PackedSpans, SpanBody, SpanFacts},
};

/// Processor that collects finished spans and passes them to a [`SpanExporter`] in batches, on a
/// thread of its own that starts with the first span.
///
/// Ending a span costs a push into a buffer, without waiting for the exporter. At most
/// [`max_spans`](BatchConfig::max_spans) are held in memory, including the batch in flight. Further
/// spans are dropped and counted, or exported by the thread that ended the span, depending on
/// [`overflow`](SpanExporter::overflow).
///
/// Failed batches are retried with exponential backoff and jitter.
///
/// ```
/// use std::time::Duration;
/// use raaf_trace_core::{
///     FinishedSpan, SpanExporter, SpanProcessor,
///     sink::{BatchConfig, BatchProcessor, ExportError},
/// };
///
/// struct Count;
///
/// impl SpanExporter for Count {
///     fn name(&self) -> &str {
///         "count"
///     }
///
///     fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
///         assert!(batch.len() <= 50);
///         Ok(())
///     }
/// }
///
/// let processor = BatchProcessor::with_config(
///     Count,
///     BatchConfig::default().with_flush_interval(Duration::from_secs(1)),
/// );
/// processor.shutdown(Duration::from_secs(5))?;
/// # Ok::<(), raaf_trace_core::sink::ProcessorError>(())
/// ```
pub struct BatchProcessor {
    queue: BatchQueue<Box<PackedSpans>>,
    finishing: Arc<OnceLock<Finishing>>,
}

impl BatchProcessor {
    /// Creates a processor in front of `exporter`, with the [default](BatchConfig::default)
    /// configuration.
    pub fn new(exporter: impl SpanExporter) -> Self {
        Self::with_config(exporter, BatchConfig::default())
    }

    /// Creates a processor in front of `exporter`, which may be in an `Arc` or a `Box`.
    pub fn with_config(exporter: impl SpanExporter, config: BatchConfig) -> Self {
        let finishing = Arc::default();
        let exporting = Exporting::new(Arc::new(exporter), Arc::clone(&finishing));
        Self { queue: BatchQueue::new(Box::new(exporting), config), finishing }
    }

    /// Returns the handling of spans that end while the queue is full.
    pub(crate) fn overflow(&self) -> Overflow {
        self.queue.shared().exporter().overflow()
    }

    /// Finishes spans in the worker from now on, so that they may be queued with their secrets.
    pub(crate) fn finish_with(&self, finishing: &Finishing) {
        let _ = self.finishing.set(finishing.clone());
    }

    /// Adds a span, and empties its body. Returns whether there was capacity; otherwise it is counted
    /// as dropped.
    pub(crate) fn push_parts(&self, span: &SpanFacts<'_>, body: &mut SpanBody) -> bool {
        let is_leaf = !span.local_root && !span.has_children;
        self.queue.push_with(|spans| spans.push(span, body), is_leaf).is_ok()
    }

    /// Adds a span like [`push_parts`](Self::push_parts) if that takes neither a wait nor memory.
    #[inline]
    pub(crate) fn try_push_parts(&self, span: &SpanFacts<'_>, body: &mut SpanBody) -> bool {
        self.queue.try_push_with(|spans| spans.push(span, body)).is_ok()
    }

    /// Flushes like [`force_flush`](SpanProcessor::force_flush) without blocking the thread. The
    /// flush begins with this call; dropping the future does not cancel it.
    pub fn force_flush_async(&self, timeout: Duration) -> Flush {
        Flush { inner: self.queue.force_flush_async(timeout) }
    }
}

impl SpanProcessor for BatchProcessor {
    fn name(&self) -> &str {
        self.queue.name()
    }

    fn wants_start(&self) -> bool {
        false
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.on_end_owned(span.clone());
    }

    fn on_end_owned(&self, span: FinishedSpan) {
        // Rejected spans are counted.
        let is_leaf = span.is_leaf();
        let _ = self.queue.push(span, is_leaf);
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.queue.force_flush(timeout)
    }

    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.queue.shutdown(timeout)
    }

    fn stats(&self) -> ProcessorStats {
        self.queue.stats()
    }
}

impl fmt::Debug for BatchProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchProcessor").field("name", &self.queue.name()).finish_non_exhaustive()
    }
}

/// A flush in progress: the future of [`BatchProcessor::force_flush_async`]. Needs no runtime.
#[must_use = "a future says what happened only when awaited"]
pub struct Flush {
    inner: FlushFuture<Box<PackedSpans>>,
}

impl Future for Flush {
    type Output = Result<(), ProcessorError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.inner).poll(context)
    }
}

impl fmt::Debug for Flush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flush").finish_non_exhaustive()
    }
}
