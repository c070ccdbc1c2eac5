//! Sinks that tests can look into, hold up and break.

#![allow(dead_code, reason = "each test crate uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "only tests run this")]

use std::{
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use raaf_trace_core::{
    FinishedSpan, MemoryExporter, SpanExporter, SpanProcessor, TracerProvider,
    sink::{ExportError, ProcessorError, SimpleProcessor},
    span::StartedSpan,
};

/// Longer than anything here takes; only a broken test ever waits for so long.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A timeout that is meant to run out.
pub(crate) const SHORT: Duration = Duration::from_millis(5);

/// A provider whose spans are in the exporter as soon as they end.
pub(crate) fn in_line() -> (TracerProvider, MemoryExporter) {
    let memory = MemoryExporter::new();
    let simple = SimpleProcessor::new(memory.clone());
    (TracerProvider::builder().with(simple).build(), memory)
}

/// The span that was delivered, of which there is one.
pub(crate) fn only(memory: &MemoryExporter) -> FinishedSpan {
    let spans = memory.spans();
    assert_eq!(spans.len(), 1, "{spans:#?}");
    spans[0].clone()
}

/// The component names of the delivered spans, in the order in which they ended.
pub(crate) fn components(memory: &MemoryExporter) -> Vec<String> {
    memory.spans().iter().map(|span| span.component_name().to_owned()).collect()
}

/// The delivered span of a component, of which there is one.
pub(crate) fn span_of(memory: &MemoryExporter, component: &str) -> FinishedSpan {
    let spans: Vec<_> =
        memory.spans().into_iter().filter(|span| span.component_name() == component).collect();
    assert_eq!(spans.len(), 1, "spans of {component}: {spans:#?}");
    spans[0].clone()
}

/// Waits for what other threads do.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < deadline, "still waiting until {what}");
        std::thread::yield_now();
    }
}

/// Calls that several processors received, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|heard| *heard == line).count()
    }
}

/// A processor that writes down everything it hears.
pub(crate) struct Listener {
    pub(crate) name: &'static str,
    pub(crate) log: Log,
}

impl Listener {
    pub(crate) fn new(name: &'static str, log: &Log) -> Self {
        Self { name, log: log.clone() }
    }
}

impl SpanProcessor for Listener {
    fn name(&self) -> &str {
        self.name
    }

    fn on_start(&self, span: &mut StartedSpan) {
        self.log.add(format!("{} start {}", self.name, span.component_name()));
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.log.add(format!("{} end {}", self.name, span.component_name()));
    }

    fn force_flush(&self, _: Duration) -> Result<(), ProcessorError> {
        self.log.add(format!("{} flush", self.name));
        Ok(())
    }

    fn shutdown(&self, _: Duration) -> Result<(), ProcessorError> {
        self.log.add(format!("{} shutdown", self.name));
        Ok(())
    }
}

/// An exporter that hangs in its first call until it is released; clones are the same exporter.
#[derive(Clone, Default)]
pub(crate) struct Stalled {
    shared: Arc<(Mutex<StallState>, Condvar)>,
}

#[derive(Default)]
struct StallState {
    entered: bool,
    released: bool,
    batches: Vec<Vec<FinishedSpan>>,
}

impl Stalled {
    /// Waits until the exporter hangs.
    pub(crate) fn until_it_hangs(&self) {
        self.wait(|state| state.entered);
    }

    /// Lets it go on, for good.
    pub(crate) fn release(&self) {
        self.shared.0.lock().unwrap().released = true;
        self.shared.1.notify_all();
    }

    pub(crate) fn delivered(&self) -> Vec<FinishedSpan> {
        self.shared.0.lock().unwrap().batches.concat()
    }

    pub(crate) fn batch_sizes(&self) -> Vec<usize> {
        self.shared.0.lock().unwrap().batches.iter().map(Vec::len).collect()
    }

    fn wait(&self, done: impl Fn(&StallState) -> bool) {
        let (state, changed) = &*self.shared;
        let state = state.lock().unwrap();
        let (_state, timeout) =
            changed.wait_timeout_while(state, LONG, |state| !done(state)).unwrap();
        assert!(!timeout.timed_out(), "waited in vain");
    }
}

impl SpanExporter for Stalled {
    fn name(&self) -> &'static str {
        "stalled"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        self.shared.0.lock().unwrap().entered = true;
        self.shared.1.notify_all();
        self.wait(|state| state.released);
        self.shared.0.lock().unwrap().batches.push(batch.to_vec());
        Ok(())
    }
}

/// An exporter that never succeeds.
pub(crate) struct Failing(pub(crate) ExportError);

impl SpanExporter for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
        Err(self.0.clone())
    }
}
