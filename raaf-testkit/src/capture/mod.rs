//! Captures of spans, each with a provider of its own.

mod builder;
mod global;
mod ids;
mod recorder;
mod run;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt, future::Future, sync::Arc, thread, time::Duration};

use futures::channel::oneshot;
use raaf_trace_core::{
    Context, InContext as _, TracerProvider, TracerProviderBuilder, clock::ManualClock,
    context::WithContext,
};

use crate::tree::{AsSpans, Spans};
pub use builder::CaptureBuilder;
pub use global::GlobalCapture;
pub use ids::SeededIds;
use recorder::Kept;
pub use run::{captured, captured_async};

/// Default limit of [`Capture::spans`].
const LIMIT: Duration = Duration::from_secs(5);

/// Captures the spans of one test.
///
/// Each capture has a provider of its own and touches no global state, so tests run in parallel. It
/// receives the spans of code that runs in its context ([`run`](Self::run),
/// [`run_async`](Self::run_async)), of threads and tasks that are given that context, and of
/// components bound to a component whose span is captured.
///
/// Clones share the captured spans.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Capture, assert_span_tree};
/// use raaf_trace_core::{Component, Traceable as _};
///
/// let capture = Capture::new();
/// capture.run(|| {
///     Component::pipeline("Import").in_span("run", || {
///         Component::tool("parse").in_span("run", || ());
///     });
/// });
/// assert_span_tree!(capture, { pipeline "Import" { tool "parse" } });
/// ```
#[derive(Clone)]
pub struct Capture {
    provider: TracerProvider,
    recorder: Arc<Kept>,
    limit: Duration,
    clock: Option<ManualClock>,
}

impl Capture {
    /// Creates an empty capture.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder, for repeatable ids and times, another time limit, or a configured
    /// provider.
    pub fn builder() -> CaptureBuilder {
        CaptureBuilder::new()
    }

    /// Creates a capture with the same ids and times in each run; see
    /// [`CaptureBuilder::deterministic`].
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_testkit::Capture;
    /// use raaf_trace_core::trace;
    ///
    /// let capture = Capture::deterministic();
    /// capture.run(|| trace("nightly").in_span(|| ()));
    /// let spans = capture.spans();
    /// assert_eq!(spans.only("nightly").trace_id().to_u128(), 1);
    /// ```
    pub fn deterministic() -> Self {
        Self::builder().deterministic().build()
    }

    /// Creates a capture with a configured provider: its naming, limits, sampler, clock, ids, or
    /// further processors.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_testkit::Capture;
    /// use raaf_trace_core::{naming::NamePattern, trace};
    ///
    /// let capture = Capture::with(|builder| builder.naming(NamePattern::Compact));
    /// capture.run(|| trace("nightly").in_span(|| ()));
    /// assert_eq!(capture.spans().only("nightly").name(), "trace.nightly");
    /// ```
    pub fn with(configure: impl FnOnce(TracerProviderBuilder) -> TracerProviderBuilder) -> Self {
        Self::builder().build_with(configure)
    }

    /// Captures whatever this process traces without a provider of its own, until the capture is
    /// dropped: code that uses the global provider, and roots in bare threads.
    ///
    /// A process has one global provider, so tests with a global capture wait for each other. Tests
    /// with a [`Capture`] of their own run beside them undisturbed. A test that traces without any
    /// capture at the same time is captured here as well: give each such test a capture, or put
    /// tests with global captures into a test program of their own.
    ///
    /// Drop it in the thread that made it; a `#[tokio::test]` may hold it across an `await`.
    ///
    /// # Panics
    ///
    /// If this thread already holds a global capture.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_testkit::{Capture, assert_span_tree};
    /// use raaf_trace_core::trace;
    ///
    /// let capture = Capture::global();
    /// std::thread::spawn(|| trace("in a bare thread").in_span(|| ())).join().ok();
    /// assert_span_tree!(capture, { trace "in a bare thread" });
    /// ```
    #[track_caller]
    pub fn global() -> GlobalCapture {
        Self::builder().global()
    }

    /// Sets how long to wait for open spans. Default: 5 seconds.
    #[must_use]
    pub fn wait_at_most(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs `work` in the capture's context.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        self.provider.run(work)
    }

    /// Runs a future in the capture's context, wherever it is polled.
    pub fn run_async<F: Future>(&self, work: F) -> WithContext<F> {
        work.in_context(self.context())
    }

    /// Returns the context in which traces are captured. Give it to threads that the test starts
    /// itself.
    pub fn context(&self) -> Context {
        self.provider.context()
    }

    /// Returns the provider behind the capture.
    pub fn provider(&self) -> &TracerProvider {
        &self.provider
    }

    /// Waits for open spans to end, and returns all captured spans.
    ///
    /// Blocks the thread. In a current-thread runtime, where open spans need this thread to end,
    /// use [`spans_async`](Self::spans_async).
    ///
    /// # Panics
    ///
    /// If spans are still open after the limit; the message names them.
    #[track_caller]
    pub fn spans(&self) -> Spans {
        if !self.recorder.recorder().wait(self.limit) {
            self.fail();
        }
        self.spans_now()
    }

    /// Returns the captured spans without blocking the thread; see [`spans`](Self::spans). Needs no
    /// particular runtime.
    ///
    /// # Panics
    ///
    /// If spans are still open after the limit; the message names them.
    pub async fn spans_async(&self) -> Spans {
        if !self.recorder.recorder().wait(Duration::ZERO) {
            let (done, waiting) = oneshot::channel();
            let (recorder, limit) = (Arc::clone(self.recorder.recorder()), self.limit);
            thread::spawn(move || done.send(recorder.wait(limit)));
            if waiting.await != Ok(true) {
                self.fail();
            }
        }
        self.spans_now()
    }

    /// Returns the spans that have ended so far.
    pub fn spans_now(&self) -> Spans {
        Spans::in_order(self.recorder.recorder().finished())
    }

    /// Moves the clock of a deterministic capture.
    ///
    /// # Panics
    ///
    /// If the capture uses the machine's clock.
    #[track_caller]
    #[allow(clippy::panic, reason = "how a test fails")]
    pub fn advance(&self, by: Duration) {
        match &self.clock {
            Some(clock) => clock.advance(by),
            None => panic!("the capture goes by the machine's clock: build it `deterministic()`"),
        }
    }

    #[track_caller]
    #[allow(clippy::panic, reason = "how a test fails")]
    fn fail(&self) -> ! {
        let (count, mut named) = self.recorder.recorder().open();
        let (spans, limit) = (if count == 1 { "span is" } else { "spans are" }, self.limit);
        if count > named.len() {
            named.push(format!("... and {} more", count - named.len()));
        }
        let hint = match tokio::runtime::Handle::try_current() {
            Ok(_) => {
                "\n\nin a runtime, `spans_async` lets its tasks end, which `spans` may hold up"
            }
            Err(_) => "",
        };
        panic!("{count} {spans} still open after {limit:?}:\n    {}{hint}", named.join("\n    "));
    }
}

impl AsSpans for Capture {
    #[track_caller]
    fn as_spans(&self) -> Cow<'_, Spans> {
        Cow::Owned(self.spans())
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
            .field("finished", &self.recorder.recorder().finished_count())
            .field("open", &self.recorder.recorder().open().1)
            .finish_non_exhaustive()
    }
}
