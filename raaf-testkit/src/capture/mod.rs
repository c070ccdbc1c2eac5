//! A provider of one's own for each test, and the spans that went to it.

mod recorder;
#[cfg(test)]
mod tests;

use std::{fmt, future::Future, sync::Arc, thread, time::Duration};

use futures::channel::oneshot;
use raaf_trace_core::{Builder, Context, InContext as _, TracerProvider, WithContext};

use crate::Spans;
use recorder::Recorder;

/// How long [`Capture::spans`] waits unless told otherwise.
const LIMIT: Duration = Duration::from_secs(5);

/// Captures the spans of one test.
///
/// Each capture has a provider of its own and touches nothing global, so that tests run in
/// parallel. Captured is what runs in the capture's context ([`run`](Self::run),
/// [`run_async`](Self::run_async)), what is handed that context in another thread or task, and
/// what is bound to a component whose span is captured.
///
/// Clones share what is captured.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Capture, assert_span_tree};
/// use raaf_trace_core::{Component, TraceableExt as _};
///
/// let capture = Capture::new();
/// capture.run(|| {
///     Component::pipeline("Import").traced("run").run(|| {
///         Component::tool("parse").traced("run").run(|| ());
///     });
/// });
/// assert_span_tree!(capture, { pipeline "Import" { tool "parse" } });
/// ```
#[derive(Clone)]
pub struct Capture {
    provider: TracerProvider,
    recorder: Arc<Owned>,
    limit: Duration,
}

/// Lets go of the spans with the last capture: they refer to the provider, which refers to the
/// recorder.
struct Owned(Arc<Recorder>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.forget();
    }
}

impl Capture {
    /// A capture that has seen nothing yet.
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// A capture whose provider is configured first: its naming, limits, sampler, clock, ids, or
    /// further processors.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_testkit::Capture;
    /// use raaf_trace_core::{NamePattern, trace};
    ///
    /// let capture = Capture::with(|builder| builder.naming(NamePattern::Compact));
    /// capture.run(|| trace("nightly").run(|| ()));
    /// assert_eq!(capture.spans().only("nightly").name(), "trace.nightly");
    /// ```
    pub fn with(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let recorder = Arc::new(Recorder::default());
        let builder = TracerProvider::builder().processor(recorder::Handle(recorder.clone()));
        Self {
            provider: configure(builder).build(),
            recorder: Arc::new(Owned(recorder)),
            limit: LIMIT,
        }
    }

    /// The same, waiting at most so long for spans that are still open; otherwise it is 5 seconds.
    #[must_use]
    pub fn wait_at_most(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs `work` captured.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        self.provider.run(work)
    }

    /// Runs a future captured, wherever it is polled.
    pub fn run_async<F: Future>(&self, work: F) -> WithContext<F> {
        work.in_context(self.context())
    }

    /// The context in which traces are captured; give it to threads that the test starts itself.
    pub fn context(&self) -> Context {
        self.provider.context()
    }

    /// The provider behind the capture.
    pub fn provider(&self) -> &TracerProvider {
        &self.provider
    }

    /// The spans captured so far, once those that are open have ended.
    ///
    /// It blocks the thread for that; where open spans need this very thread to go on, in a
    /// current-thread runtime, use [`spans_async`](Self::spans_async).
    ///
    /// # Panics
    ///
    /// When spans are still open after the limit; the message names them.
    #[track_caller]
    pub fn spans(&self) -> Spans {
        if !self.recorder.0.wait(self.limit) {
            self.fail();
        }
        self.spans_now()
    }

    /// As [`spans`](Self::spans), without blocking the thread; needs no particular runtime.
    ///
    /// # Panics
    ///
    /// When spans are still open after the limit; the message names them.
    pub async fn spans_async(&self) -> Spans {
        if !self.recorder.0.wait(Duration::ZERO) {
            let (done, waiting) = oneshot::channel();
            let (recorder, limit) = (Arc::clone(&self.recorder.0), self.limit);
            thread::spawn(move || done.send(recorder.wait(limit)));
            if waiting.await != Ok(true) {
                self.fail();
            }
        }
        self.spans_now()
    }

    /// The spans that have ended so far.
    pub fn spans_now(&self) -> Spans {
        Spans::in_order(self.recorder.0.finished())
    }

    #[track_caller]
    #[allow(clippy::panic, reason = "how a test fails")]
    fn fail(&self) -> ! {
        let open = self.recorder.0.open();
        let names = open.join("\n    ");
        let are = if open.len() == 1 { "span is" } else { "spans are" };
        panic!("{} {are} still open after {:?}:\n    {names}", open.len(), self.limit);
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("finished", &self.recorder.0.finished().len())
            .field("open", &self.recorder.0.open())
            .finish_non_exhaustive()
    }
}
