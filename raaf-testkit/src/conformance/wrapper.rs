//! The rule for processors that wrap another one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use raaf_trace_core::{
    Component, FinishedSpan, SpanProcessor, Traceable as _, TracerProvider,
    sink::ProcessorError,
    span::StartedSpan,
    stats::{ProcessorStats, StatsReader},
};

use super::{
    probe::{LONG, Probe, Verdict, succeeds},
    samples,
};

/// Number that the inner processor reports as retried: a wrapper would not report it by chance.
const RETRIED: u64 = 4_711;

/// The processor that a wrapper under test wraps; it counts the calls that reach it.
#[derive(Debug)]
pub struct InnerProcessor {
    calls: Arc<Calls>,
    wants_start: bool,
}

#[derive(Debug, Default)]
struct Calls {
    added: AtomicU64,
    starts: AtomicU64,
    flushes: AtomicU64,
    shutdowns: AtomicU64,
    ends: AtomicU64,
    late_ends: AtomicU64,
}

impl InnerProcessor {
    pub(super) fn new(wants_start: bool) -> Self {
        Self { calls: Arc::default(), wants_start }
    }
}

fn count(calls: &AtomicU64) {
    calls.fetch_add(1, Ordering::Relaxed);
}

impl SpanProcessor for InnerProcessor {
    fn name(&self) -> &'static str {
        "inner"
    }

    fn wants_start(&self) -> bool {
        self.wants_start
    }

    fn on_added(&self, _: &StatsReader) {
        count(&self.calls.added);
    }

    fn on_start(&self, _: &mut StartedSpan) {
        count(&self.calls.starts);
    }

    fn on_end(&self, _: &FinishedSpan) {
        let late = self.calls.shutdowns.load(Ordering::Relaxed) > 0;
        count(if late { &self.calls.late_ends } else { &self.calls.ends });
    }

    fn force_flush(&self, _: Duration) -> Result<(), ProcessorError> {
        count(&self.calls.flushes);
        Ok(())
    }

    fn shutdown(&self, _: Duration) -> Result<(), ProcessorError> {
        count(&self.calls.shutdowns);
        Ok(())
    }

    fn stats(&self) -> ProcessorStats {
        let delivered = self.calls.ends.load(Ordering::Relaxed);
        let dropped = self.calls.late_ends.load(Ordering::Relaxed);
        ProcessorStats {
            received: delivered + dropped,
            delivered,
            dropped,
            retried: RETRIED,
            ..ProcessorStats::default()
        }
    }
}

/// A wrapper around a processor that wants starts, and one around a processor that does not.
pub(super) struct Wrapped<W> {
    wrapper: Arc<W>,
    calls: Arc<Calls>,
    without_starts: (W, Arc<Calls>),
}

impl<W> Wrapped<W> {
    pub(super) fn new(wrap: &impl Fn(InnerProcessor) -> W) -> Self {
        let around = |wants_start| {
            let inner = InnerProcessor::new(wants_start);
            let calls = Arc::clone(&inner.calls);
            (wrap(inner), calls)
        };
        let (wrapper, calls) = around(true);
        Self { wrapper: Arc::new(wrapper), calls, without_starts: around(false) }
    }
}

/// Checks that the calls of a provider reach the inner processor.
pub(super) fn passes_on<W: SpanProcessor>(probe: &Probe<Wrapped<W>>) -> Verdict {
    let unwanted =
        probe.call("on_start", |Wrapped { without_starts: (wrapper, calls), .. }| {
            if wrapper.wants_start() {
                for span in samples::plain(1) {
                    wrapper.on_start(&mut span.started());
                }
            }
            // One with a queue hands them over by then.
            let _ = wrapper.force_flush(LONG);
            calls.starts.load(Ordering::Relaxed) > 0
        });
    if unwanted {
        let text = "`wants_start` is true, and the inner processor receives starts that it does not \
                    want";
        return Err(text.to_owned());
    }
    let wrapper = probe.call("wrapping", |wrapped| Arc::clone(&wrapped.wrapper));
    let provider =
        TracerProvider::builder().with(Arc::clone(&wrapper)).flush_after_root(true).build();
    probe.call("a call under a provider", |_| {
        provider.run(|| Component::tool("parse").in_span("run", || ()));
    });
    let outcome = probe.call("a provider's flush", |_| provider.force_flush(LONG));
    succeeds("the provider's flush", outcome)?;
    // Before the shutdown, whose default flushes.
    let flushes = probe.call("reading", |wrapped| wrapped.calls.flushes.load(Ordering::Relaxed));
    let counted = probe.call("stats", |_| wrapper.stats());
    let ended = probe.call("a provider's shutdown", |_| provider.shutdown(LONG));
    succeeds("the provider's shutdown", ended)?;
    probe.call("reading", |Wrapped { calls, .. }| {
        let reached = |calls: &AtomicU64| calls.load(Ordering::Relaxed) > 0;
        for (method, reached) in [
            ("on_added", reached(&calls.added)),
            ("force_flush", flushes > 0),
            ("stats", counted.retried == RETRIED),
            ("shutdown", reached(&calls.shutdowns)),
        ] {
            if !reached {
                return Err(format!("`{method}` does not reach the inner processor"));
            }
        }
        Ok(())
    })
}
