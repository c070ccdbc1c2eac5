//! Filters spans.

mod around;

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use raaf_trace_model::{
    filter::SpanFilter,
    sink::{
        ProcessorError, SpanProcessor,
        stats::{ProcessorStats, StatsReader},
        wrapper::{counted, pass_on},
    },
    span::{FinishedSpan, StartedSpan},
};

use around::Around;

/// Wrapper that passes on matching spans; see
/// [`WrapProcessor::filter`](super::WrapProcessor::filter).
#[derive(Debug)]
pub struct Filter<P> {
    processor: P,
    select: SpanFilter,
    around: Mutex<Around>,
    passed: AtomicU64,
    filtered: AtomicU64,
    dropped: AtomicU64,
}

impl<P> Filter<P> {
    pub(super) fn new(processor: P, select: SpanFilter) -> Self {
        let [passed, filtered, dropped] = [(); 3].map(|()| AtomicU64::new(0));
        Self { processor, select, around: Mutex::default(), passed, filtered, dropped }
    }

    fn around(&self) -> MutexGuard<'_, Around> {
        self.around.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: SpanProcessor> Filter<P> {
    /// Called with the lock released, because the processor may run foreign code.
    fn pass_on(&self, spans: Vec<FinishedSpan>) {
        pass_on(&self.processor, spans, (&self.passed, &self.dropped));
    }
}

impl<P: SpanProcessor> SpanProcessor for Filter<P> {
    fn name(&self) -> &str {
        self.processor.name()
    }

    fn on_start(&self, span: &mut StartedSpan) {
        let kept = self.select.matches_start(span);
        self.around().started(span, kept);
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.on_end_owned(span.clone());
    }

    fn on_end_owned(&self, span: FinishedSpan) {
        // If it panics, the span is left out, and those that wait for it go on.
        let matched = catch_unwind(AssertUnwindSafe(|| self.select.matches(&span)));
        if matches!(matched, Ok(false)) {
            self.filtered.fetch_add(1, Ordering::Relaxed);
        }
        let ready = self.around().ended(span, matches!(matched, Ok(true)));
        self.pass_on(ready);
        if let Err(panic) = matched {
            resume_unwind(panic);
        }
    }

    fn on_added(&self, stats: &StatsReader) {
        self.processor.on_added(stats);
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.processor.force_flush(timeout)
    }

    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        let rest = self.around().rest();
        self.pass_on(rest);
        self.processor.shutdown(timeout)
    }

    fn stats(&self) -> ProcessorStats {
        let mut stats = counted(self.processor.stats(), &self.passed);
        let filtered = self.filtered.load(Ordering::Relaxed);
        let dropped = self.dropped.load(Ordering::Relaxed);
        let waiting = self.around().waiting();
        stats.received += filtered + dropped + waiting;
        stats.filtered += filtered;
        stats.dropped += dropped;
        stats.queued += waiting;
        stats
    }
}
