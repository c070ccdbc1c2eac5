//! Records open and finished spans of a capture.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use raaf_trace_core::{FinishedSpan, SpanId, SpanProcessor, StartedSpan};

use crate::tree::label;

/// Largest number of open spans named in a message.
const MOST_NAMED: usize = 20;

/// Keeps the spans of one capture.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    seen: Mutex<Seen>,
    quiet: Condvar,
}

/// Spans are numbered as they start: a clock may give several the same time.
#[derive(Debug, Default)]
struct Seen {
    next: u64,
    open: HashMap<SpanId, (u64, StartedSpan)>,
    finished: Vec<(u64, FinishedSpan)>,
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no span is open; whether that came to be.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        // A limit beyond what the clock can tell is no limit.
        let until = Instant::now().checked_add(limit);
        let mut seen = self.lock();
        while !seen.open.is_empty() {
            let left = until
                .map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            seen = match self.quiet.wait_timeout(seen, left) {
                Ok((seen, _)) => seen,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        true
    }

    /// The spans that have ended, in the order in which they started.
    pub(super) fn finished(&self) -> Vec<FinishedSpan> {
        let mut finished = self.lock().finished.clone();
        finished.sort_by_key(|(number, _)| *number);
        finished.into_iter().map(|(_, span)| span).collect()
    }

    pub(super) fn forget(&self) {
        let seen = std::mem::take(&mut *self.lock());
        drop(seen);
    }

    /// Returns the number of finished spans.
    pub(super) fn finished_count(&self) -> usize {
        self.lock().finished.len()
    }

    /// Returns the number of open spans, and descriptions of the first of them in the order in
    /// which they started.
    pub(super) fn open(&self) -> (usize, Vec<String>) {
        let mut open: Vec<_> = self.lock().open.values().cloned().collect();
        open.sort_by_key(|(number, _)| *number);
        let named = open
            .iter()
            .take(MOST_NAMED)
            .map(|(_, span)| label(span.kind().as_str(), span.component_name(), span.method()));
        (open.len(), named.collect())
    }
}

/// A recorder, and its place as a processor.
pub(super) fn pair() -> (Arc<Kept>, Handle) {
    let recorder = Arc::new(Recorder::default());
    (Arc::new(Kept(Arc::clone(&recorder))), Handle(recorder))
}

/// Lets go of the spans with the last capture: they refer to the provider, which refers to the
/// recorder.
#[derive(Debug)]
pub(super) struct Kept(Arc<Recorder>);

impl Kept {
    pub(super) fn recorder(&self) -> &Arc<Recorder> {
        &self.0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.forget();
    }
}

/// The recorder in its place as a processor.
#[derive(Debug)]
pub(super) struct Handle(Arc<Recorder>);

impl SpanProcessor for Handle {
    fn name(&self) -> &'static str {
        "capture"
    }

    fn on_start(&self, span: &mut StartedSpan) {
        let mut seen = self.0.lock();
        let number = seen.next;
        seen.next += 1;
        seen.open.insert(span.span_id(), (number, span.clone()));
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.on_end_owned(span.clone());
    }

    fn on_end_owned(&self, span: FinishedSpan) {
        let mut seen = self.0.lock();
        let opened = seen.open.remove(&span.span_id());
        let number = opened.map_or(seen.next, |(number, _)| number);
        seen.finished.push((number, span));
        let quiet = seen.open.is_empty();
        drop(seen);
        if quiet {
            self.0.quiet.notify_all();
        }
    }
}
