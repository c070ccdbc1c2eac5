//! Processors behind a worker thread.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    base::{panics, process::PerProcess},
    sink::batch::{BatchQueue, BatchSink},
};
use raaf_trace_model::{
    sink::{
        BatchConfig, ExportError, ProcessorError, SpanProcessor,
        stats::{ProcessorStats, StatsReader},
    },
    span::{FinishedSpan, StartedSpan},
};

/// Maximum time that a start or end waits for its batch to fill.
const INTERVAL: Duration = Duration::from_millis(200);

/// Timeout of the processor's own flush, as part of a flush with its own timeout.
const INNER_FLUSH: Duration = Duration::from_secs(30);

/// A processor behind a worker thread, so that it may block: the traced program only queues starts
/// and ends.
///
/// The processor receives them in order within one thread, slightly later than they happen. At most
/// [`BatchConfig::max_spans`] of them are queued; further ones are dropped and counted. Its
/// statistics count starts and ends, so a processor that receives starts counts a span twice.
///
/// The span has moved on when the processor receives its start: what [`SpanProcessor::on_start`] adds
/// to it is lost.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{FinishedSpan, SpanProcessor, TracerProvider, sink::Offload};
///
/// struct SlowMetrics;
///
/// impl SpanProcessor for SlowMetrics {
///     fn on_end(&self, span: &FinishedSpan) {
///         // … something slow …
///         let _ = span.duration();
///     }
/// }
///
/// let provider = TracerProvider::builder().with(Offload::new(SlowMetrics)).build();
/// # let _ = provider;
/// ```
pub struct Offload {
    queue: BatchQueue<Vec<Notice>>,
    processor: Arc<dyn SpanProcessor>,
    wants_start: bool,
    panics: Arc<Panics>,
}

impl Offload {
    /// Puts `processor` behind a worker thread, with the default settings and a flush interval of
    /// 200 milliseconds.
    pub fn new(processor: impl SpanProcessor) -> Self {
        Self::with_config(processor, BatchConfig::default().with_flush_interval(INTERVAL))
    }

    /// Puts `processor` behind a worker thread with this configuration.
    pub fn with_config(processor: impl SpanProcessor, config: BatchConfig) -> Self {
        let wants_start = panics::caught(|| processor.wants_start()).unwrap_or(false);
        let panics = Arc::<Panics>::default();
        let processor: Arc<dyn SpanProcessor> = Arc::new(processor);
        let behind = Behind { processor: Arc::clone(&processor), panics: Arc::clone(&panics) };
        let queue = BatchQueue::new(Box::new(behind), config);
        Self { queue, processor, wants_start, panics }
    }
}

/// Number of panics behind the queue.
type Panics = PerProcess<AtomicU64>;

/// A queued start or end for the processor.
enum Notice {
    Start(Box<StartedSpan>),
    End(Box<FinishedSpan>),
}

struct Behind {
    processor: Arc<dyn SpanProcessor>,
    panics: Arc<Panics>,
}

impl BatchSink<Notice> for Behind {
    fn name(&self) -> &str {
        self.processor.name()
    }

    fn export(&self, batch: &[Notice]) -> Result<(), ExportError> {
        let mut panicked = None;
        for heard in batch {
            // One by one: a panic for one span must not affect the others.
            let told = panics::caught(|| match heard {
                Notice::Start(span) => self.processor.on_start(&mut span.clone()),
                Notice::End(span) => self.processor.on_end(span),
            });
            if let Err(message) = told {
                self.panics.get(|_| AtomicU64::default()).fetch_add(1, Ordering::Relaxed);
                let (times, _) = panicked.take().unwrap_or_default();
                panicked = Some((times + 1, message));
            }
        }
        panicked.map_or(Ok(()), |(times, message)| {
            Err(ExportError::partial(times, format!("panicked: {message}")))
        })
    }

    fn force_flush(&self) -> Result<(), ExportError> {
        self.processor.force_flush(INNER_FLUSH).map_err(|error| failed(&error))
    }

    fn shutdown(&self) -> Result<(), ExportError> {
        self.processor.shutdown(INNER_FLUSH).map_err(|error| failed(&error))
    }
}

fn failed(error: &ProcessorError) -> ExportError {
    ExportError::permanent(error.to_string())
}

impl SpanProcessor for Offload {
    fn name(&self) -> &str {
        self.queue.name()
    }

    fn wants_start(&self) -> bool {
        self.wants_start
    }

    fn on_added(&self, stats: &StatsReader) {
        self.processor.on_added(stats);
    }

    fn on_start(&self, span: &mut StartedSpan) {
        // Rejected notices are counted.
        let _ = self.queue.push(Notice::Start(Box::new(span.clone())), false);
    }

    fn on_end(&self, span: &FinishedSpan) {
        let _ = self.queue.push(Notice::End(Box::new(span.clone())), false);
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.queue.force_flush(timeout)
    }

    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.queue.shutdown(timeout)
    }

    fn stats(&self) -> ProcessorStats {
        // The queue counts a batch only after the calls for it, so read it first.
        let queue = self.queue.stats();
        let inner = self.queue.guarded(|| panics::caught(|| self.processor.stats()));
        let inner = inner.and_then(Result::ok).unwrap_or_default();
        let panicked = self.panics.get(|_| AtomicU64::default()).load(Ordering::Relaxed);
        let failed = inner.dropped.min(queue.delivered);
        ProcessorStats {
            delivered: queue.delivered - failed,
            dropped: queue.dropped + failed,
            retried: queue.retried + inner.retried,
            panics: queue.panics + panicked,
            last_error: queue.last_error.or(inner.last_error),
            ..queue
        }
    }
}

impl fmt::Debug for Offload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offload").field("name", &self.queue.name()).finish_non_exhaustive()
    }
}
