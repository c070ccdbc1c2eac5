//! Filters spans.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use raaf_trace_model::{
    filter::SpanFilter,
    sink::{
        ProcessorError, SpanProcessor,
        stats::{ProcessorStats, StatsReader},
    },
    span::{FinishedSpan, StartedSpan},
};

use super::counted;

/// Wrapper that passes on matching spans; see
/// [`WrapProcessor::filter`](super::WrapProcessor::filter).
#[derive(Debug)]
pub struct Filter<P> {
    processor: P,
    select: SpanFilter,
    passed: AtomicU64,
    filtered: AtomicU64,
}

impl<P> Filter<P> {
    pub(super) fn new(processor: P, select: SpanFilter) -> Self {
        Self { processor, select, passed: AtomicU64::new(0), filtered: AtomicU64::new(0) }
    }

    fn lets_through(&self, span: &FinishedSpan) -> bool {
        let through = self.select.matches(span);
        if !through {
            self.filtered.fetch_add(1, Ordering::Relaxed);
        }
        through
    }

    /// Counts a span that was passed on; after the call, which may have panicked.
    fn passed_on(&self) {
        self.passed.fetch_add(1, Ordering::Relaxed);
    }
}

impl<P: SpanProcessor> SpanProcessor for Filter<P> {
    fn name(&self) -> &str {
        self.processor.name()
    }

    fn wants_start(&self) -> bool {
        false
    }

    fn on_start(&self, _: &mut StartedSpan) {}

    fn on_end(&self, span: &FinishedSpan) {
        if self.lets_through(span) {
            self.processor.on_end(span);
            self.passed_on();
        }
    }

    fn on_end_owned(&self, span: FinishedSpan) {
        if self.lets_through(&span) {
            self.processor.on_end_owned(span);
            self.passed_on();
        }
    }

    fn on_added(&self, stats: &StatsReader) {
        self.processor.on_added(stats);
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.processor.force_flush(timeout)
    }

    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.processor.shutdown(timeout)
    }

    fn stats(&self) -> ProcessorStats {
        let mut stats = counted(self.processor.stats(), &self.passed);
        let filtered = self.filtered.load(Ordering::Relaxed);
        stats.received += filtered;
        stats.filtered += filtered;
        stats
    }
}
