//! Records the start of spans before they end.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use raaf_trace_core::{
    diagnostics::{self, Category, Repeated},
    sink::{BatchProcessor, Offload},
};
use raaf_trace_model::{
    sink::{BatchConfig, ProcessorError, SpanProcessor, stats::ProcessorStats},
    span::{FinishedSpan, StartedSpan, append_line},
};

use super::{FileSink, claim::RecordKey};

/// Longest delay before a start or an end is written. Those within it can be lost when the program
/// is killed.
const INTERVAL: Duration = Duration::from_millis(100);

/// A [`FileSink`] that also records the start of each span, so that the file of a crashed program
/// shows what was running.
///
/// Built by [`FileSinkBuilder::build_with_starts`](super::FileSinkBuilder::build_with_starts), or
/// by name with `RAAF_TRACE_FILE_STARTS=1`.
///
/// # Guarantees
///
/// Finished spans have the guarantees of [`FileSink`]. Starts and ends are written within 100 ms,
/// whatever the flush interval, and by a flush; a start can follow the end of its span in the file. A start that cannot be written, or that
/// finds the queue full, is counted in [`dropped_starts`](Self::dropped_starts) and reported at
/// intervals on standard error. The span's end is not affected.
///
/// # Cost
///
/// The traced thread queues a handle of the span, and a second worker writes. The file grows by
/// about 300 bytes per span.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use raaf_processors::FileSink;
/// use raaf_trace_core::{BatchConfig, TracerProvider};
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("traces.jsonl");
/// let sink = FileSink::builder(&path).build_with_starts(BatchConfig::default());
/// let provider = TracerProvider::builder().with(sink).build();
///
/// let running = provider.tracer().start_span("work");
/// provider.force_flush(Duration::from_secs(5))?;
///
/// assert!(std::fs::read_to_string(&path)?.contains(r#""type":"span_start""#));
/// # drop(running);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FileSinkWithStarts {
    ends: BatchProcessor,
    starts: Offload,
    failed: Arc<AtomicU64>,
    reported: Repeated,
}

/// Exporter of starts, run by a worker.
struct StartWriter {
    sink: Arc<FileSink>,
    failed: Arc<AtomicU64>,
}

impl SpanProcessor for StartWriter {
    fn name(&self) -> &'static str {
        "file"
    }

    fn on_start(&self, span: &mut StartedSpan) {
        let start = std::iter::once(RecordKey::start(span.trace_id(), span.span_id()));
        if self.sink.write_new(start, |_, line| append_line(span, line)).is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl FileSinkWithStarts {
    pub(super) fn new(sink: FileSink, config: BatchConfig) -> Self {
        let (sink, failed) = (Arc::new(sink), Arc::<AtomicU64>::default());
        // Together: what finished must not look as if it ran.
        let interval = config.flush_interval.min(INTERVAL);
        let config = config.with_flush_interval(interval);
        let writer = StartWriter { sink: Arc::clone(&sink), failed: Arc::clone(&failed) };
        Self {
            starts: Offload::with_config(writer, config.clone()),
            ends: BatchProcessor::with_config(sink, config),
            failed,
            reported: Repeated::new(),
        }
    }

    /// Returns the number of starts that were not written, because the queue was full or the
    /// file failed.
    pub fn dropped_starts(&self) -> u64 {
        self.starts.stats().dropped + self.failed.load(Ordering::Relaxed)
    }

    /// Reports missing starts without reporting spans as lost.
    fn after_starts(&self, flushed: Result<(), ProcessorError>) -> Result<(), ProcessorError> {
        match flushed {
            Err(ProcessorError::Failed { message, dropped }) => {
                if let Some(count) = self.reported.happened() {
                    let text = format_args!(
                        "the file sink lost {dropped} records of starts: {message} (report {count})"
                    );
                    diagnostics::warn(Category::Export, text);
                }
                Ok(())
            }
            other => other,
        }
    }
}

impl SpanProcessor for FileSinkWithStarts {
    fn name(&self) -> &'static str {
        "file"
    }

    fn on_start(&self, span: &mut StartedSpan) {
        self.starts.on_start(span);
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.ends.on_end(span);
    }

    fn on_end_owned(&self, span: FinishedSpan) {
        self.ends.on_end_owned(span);
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        let begin = Instant::now();
        let starts = self.after_starts(self.starts.force_flush(timeout));
        let ends = self.ends.force_flush(timeout.saturating_sub(begin.elapsed()));
        ends.and(starts)
    }

    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        let begin = Instant::now();
        let starts = self.after_starts(self.starts.shutdown(timeout));
        let ends = self.ends.shutdown(timeout.saturating_sub(begin.elapsed()));
        ends.and(starts)
    }

    fn stats(&self) -> ProcessorStats {
        self.ends.stats()
    }
}

impl fmt::Debug for FileSinkWithStarts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSinkWithStarts").finish_non_exhaustive()
    }
}
