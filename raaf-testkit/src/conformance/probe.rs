//! A sink under test, which records the current call and reads back what was delivered.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use raaf_trace_core::{
    FinishedSpan, SpanExporter, SpanProcessor,
    sink::{ExportError, ProcessorError},
    span::StartedSpan,
    stats::ProcessorStats,
};

use super::samples::described;

/// Result of a rule; an error describes how it was broken.
pub(super) type Verdict = Result<(), String>;

pub(super) type ReadBack<S> = Arc<dyn Fn(&S) -> Vec<FinishedSpan> + Send + Sync>;

/// Longer than any sink should take for what the suites give it.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// The last call that was begun.
#[derive(Clone, Default)]
pub(super) struct Doing(Arc<Mutex<Option<String>>>);

impl Doing {
    pub(super) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, what: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }
}

pub(super) struct Probe<S> {
    sink: Arc<S>,
    doing: Doing,
    read_back: Option<ReadBack<S>>,
}

impl<S> Clone for Probe<S> {
    fn clone(&self) -> Self {
        let (sink, doing) = (Arc::clone(&self.sink), self.doing.clone());
        Self { sink, doing, read_back: self.read_back.clone() }
    }
}

impl<S> Probe<S> {
    pub(super) fn new(sink: S, read_back: Option<ReadBack<S>>) -> Self {
        Self { sink: Arc::new(sink), doing: Doing::default(), read_back }
    }

    pub(super) fn doing(&self) -> Doing {
        self.doing.clone()
    }

    /// Drops the sink, unless something else still holds it.
    pub(super) fn discard(self) {
        self.doing.set("dropping it".to_owned());
        drop(self.sink);
    }

    /// The sink, for something that is to hold it.
    pub(super) fn shared(&self) -> Arc<S> {
        Arc::clone(&self.sink)
    }

    /// Calls the sink, and notes what is called.
    pub(super) fn call<R>(&self, what: impl Into<String>, call: impl FnOnce(&S) -> R) -> R {
        self.doing.set(what.into());
        call(&self.sink)
    }

    /// Returns the delivered spans, if they can be read back.
    pub(super) fn delivered(&self) -> Option<Vec<FinishedSpan>> {
        let read = self.read_back.as_ref()?;
        self.doing.set("reading back what it delivered".to_owned());
        Some(read(&self.sink))
    }

    /// Checks that all of these were delivered, if deliveries can be read back.
    pub(super) fn has_all(&self, given: &[FinishedSpan]) -> Verdict {
        let Some(delivered) = self.delivered() else { return Ok(()) };
        let there: HashSet<_> = delivered.iter().map(FinishedSpan::span_id).collect();
        let missing: Vec<_> =
            given.iter().filter(|span| !there.contains(&span.span_id())).collect();
        match missing.first() {
            None => Ok(()),
            Some(first) => Err(format!(
                "{} of {} spans are not among what it delivered; the first is {}",
                missing.len(),
                given.len(),
                described(first)
            )),
        }
    }

    /// Checks that no span was delivered twice.
    pub(super) fn has_each_once(&self) -> Verdict {
        let mut times: HashMap<_, usize> = HashMap::new();
        for span in self.delivered().unwrap_or_default() {
            let count = times.entry((span.trace_id(), span.span_id())).or_default();
            *count += 1;
            if *count > 1 {
                return Err(format!("it delivered this span twice: {}", described(&span)));
            }
        }
        Ok(())
    }

    /// Checks that these were delivered in this order.
    pub(super) fn has_order(&self, given: &[FinishedSpan]) -> Verdict {
        let mut delivered = self.delivered().unwrap_or_default();
        // What is there twice breaks another rule.
        let mut seen = HashSet::new();
        delivered.retain(|span| seen.insert(span.span_id()));
        for (place, (found, expected)) in delivered.iter().zip(given).enumerate() {
            if found.span_id() != expected.span_id() {
                return Err(format!(
                    "span number {} that it delivered is {}; the one that ended then is {}",
                    place + 1,
                    described(found),
                    described(expected)
                ));
            }
        }
        Ok(())
    }

    /// Checks that the delivered spans equal the given ones.
    pub(super) fn has_same(&self, given: &[FinishedSpan]) -> Verdict {
        self.has_all(given)?;
        let delivered = self.delivered().unwrap_or_default();
        let by_id: HashMap<_, _> = delivered.iter().map(|span| (span.span_id(), span)).collect();
        for span in given {
            let found = by_id.get(&span.span_id()).map(|span| described(span));
            let expected = described(span);
            if found.as_ref().is_some_and(|found| *found != expected) {
                let found = found.unwrap_or_default();
                return Err(format!("it was given {expected}, and delivered {found}"));
            }
        }
        Ok(())
    }
}

impl<P: SpanProcessor> Probe<P> {
    pub(super) fn start(&self, span: &StartedSpan) {
        self.call("on_start", |sink| sink.on_start(&mut span.clone()));
    }

    /// Hands spans over: lent and to keep, in turn.
    pub(super) fn end(&self, spans: &[FinishedSpan]) {
        for (number, span) in spans.iter().enumerate() {
            if number % 2 == 0 {
                self.call("on_end", |sink| sink.on_end(span));
            } else {
                self.call("on_end_owned", |sink| sink.on_end_owned(span.clone()));
            }
        }
    }

    pub(super) fn flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.call(format!("force_flush({timeout:?})"), |sink| sink.force_flush(timeout))
    }

    pub(super) fn shut_down(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.call(format!("shutdown({timeout:?})"), |sink| sink.shutdown(timeout))
    }

    /// Returns the processor's own statistics, unless it leaves them to the provider.
    pub(super) fn counted(&self) -> Option<ProcessorStats> {
        Some(self.call("stats", SpanProcessor::stats)).filter(|stats| stats.received > 0)
    }
}

impl<E: SpanExporter> Probe<E> {
    pub(super) fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        self.call(format!("export of {} spans", batch.len()), |sink| sink.export(batch))
    }

    pub(super) fn flush_exporter(&self) -> Result<(), ExportError> {
        self.call("force_flush", SpanExporter::force_flush)
    }

    pub(super) fn shut_down_exporter(&self) -> Result<(), ExportError> {
        self.call("shutdown", SpanExporter::shutdown)
    }
}

/// Turns an error into the way in which a rule is broken.
pub(super) fn succeeds<E: std::fmt::Display>(what: &str, result: Result<(), E>) -> Verdict {
    result.map_err(|error| format!("{what} failed: {error}"))
}
