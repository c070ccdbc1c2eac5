//! Tail sampling of whole traces.

mod held;

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    base::process::PerProcess,
    diagnostics::{self, Category, at_least},
};
use raaf_trace_model::{
    filter::{Sampler, SpanFilter},
    sink::{
        ProcessorError, SpanProcessor,
        stats::{ProcessorStats, StatsReader},
        wrapper::{counted, pass_on},
    },
    span::{FinishedSpan, StartedSpan},
};

use held::{Held, Outcome};

/// Default number of spans that wait for the end of their traces.
const MAX_SPANS: usize = 10_000;

/// Policy of tail sampling, decided when a trace's root ends.
///
/// A trace is kept whole if any of its spans matches, or if its id is in the sampled share of the
/// rest, which is the same in every process.
///
/// ```
/// use std::time::Duration;
///
/// use raaf_trace_core::{Sampler, SpanFilter, sink::KeepTraces};
///
/// let keep = KeepTraces::failed()
///     .or(SpanFilter::kind("agent").and(SpanFilter::slower_than(Duration::from_secs(60))))
///     .and_of_the_rest(Sampler::ratio(0.05));
/// # let _ = keep;
/// ```
#[derive(Clone, Debug)]
pub struct KeepTraces {
    wanted: SpanFilter,
    rest: Sampler,
    max_spans: usize,
}

impl KeepTraces {
    /// Keeps traces with a span that did not [end well](SpanFilter::failed).
    pub fn failed() -> Self {
        Self::with(SpanFilter::failed())
    }

    /// Keeps traces with a span that `select` matches.
    pub fn with(select: SpanFilter) -> Self {
        Self { wanted: select, rest: Sampler::never(), max_spans: MAX_SPANS }
    }

    /// Also keeps traces with a span that `select` matches.
    #[must_use]
    pub fn or(mut self, select: SpanFilter) -> Self {
        self.wanted = self.wanted.or(select);
        self
    }

    /// Also keeps this share of all other traces. A rate outside its bounds is reported and becomes
    /// the nearest one.
    #[must_use]
    pub fn and_of_the_rest(mut self, sampler: Sampler) -> Self {
        if let Err(error) = sampler.check() {
            let text = format_args!("{error}; the nearest value is used");
            diagnostics::warn(Category::Export, text);
        }
        self.rest = sampler;
        self
    }

    /// Sets how many spans may wait for the end of their traces, at least 1; 0 is reported and
    /// becomes 1. If more arrive, the
    /// oldest trace is decided by the spans received so far, and the spans that it loses count as
    /// dropped. Default: 10,000.
    #[must_use]
    pub fn max_spans(mut self, spans: usize) -> Self {
        self.max_spans = at_least("KeepTraces::max_spans", spans, 1);
        self
    }
}

/// Wrapper that passes on whole traces. `keep_traces` of `raaf_processors::wrap` and `RAAF_TRACE_ONLY`
/// create it.
///
/// A trace is decided when the last of its roots in this process ends. Later spans follow that
/// decision as long as it is remembered (for the last 10,000 traces); a late span that matches is
/// passed on in any case. A flush does not force a decision: spans that wait for a root count as
/// `queued`. The shutdown decides all traces.
///
/// A kept trace is passed on at once, so the next queue needs space for all of it; spans that do
/// not fit are dropped and counted. The wrapped processor receives no starts.
#[derive(Debug)]
pub struct TailSampler<P> {
    processor: P,
    keep: KeepTraces,
    held: PerProcess<Mutex<Held>>,
    passed: AtomicU64,
    filtered: AtomicU64,
    dropped: AtomicU64,
}

impl<P: SpanProcessor> TailSampler<P> {
    /// Wraps a processor.
    pub fn new(processor: P, keep: KeepTraces) -> Self {
        let held = PerProcess::new(Mutex::new(Held::new(keep.max_spans)));
        let [passed, filtered, dropped] = [(); 3].map(|()| AtomicU64::new(0));
        Self { processor, keep, held, passed, filtered, dropped }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        let held = self.held.get(|_| Mutex::new(Held::new(self.keep.max_spans)));
        held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called with the lock released, because the processor may run foreign code.
    fn settle(&self, outcome: Outcome) {
        self.filtered.fetch_add(outcome.filtered, Ordering::Relaxed);
        self.dropped.fetch_add(outcome.dropped, Ordering::Relaxed);
        pass_on(&self.processor, outcome.kept, (&self.passed, &self.dropped));
    }
}

impl<P: SpanProcessor> SpanProcessor for TailSampler<P> {
    fn name(&self) -> &str {
        self.processor.name()
    }

    fn on_start(&self, span: &mut StartedSpan) {
        if span.is_local_root() && !self.keep.rest.sample(span.trace_id()) {
            self.held().root_started(span.trace_id());
        }
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.on_end_owned(span.clone());
    }

    fn on_end_owned(&self, span: FinishedSpan) {
        let outcome = if self.keep.rest.sample(span.trace_id()) {
            Outcome::keep(span)
        } else {
            let wanted = self.keep.wanted.matches(&span);
            self.held().ended(span, wanted)
        };
        self.settle(outcome);
    }

    fn on_added(&self, stats: &StatsReader) {
        self.processor.on_added(stats);
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.processor.force_flush(timeout)
    }

    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        let outcome = self.held().decide_all();
        self.settle(outcome);
        self.processor.shutdown(timeout)
    }

    fn stats(&self) -> ProcessorStats {
        let mut stats = counted(self.processor.stats(), &self.passed);
        let filtered = self.filtered.load(Ordering::Relaxed);
        let dropped = self.dropped.load(Ordering::Relaxed);
        let waiting = self.held().waiting();
        stats.received += filtered + dropped + waiting;
        stats.filtered += filtered;
        stats.dropped += dropped;
        stats.queued += waiting;
        stats
    }
}
