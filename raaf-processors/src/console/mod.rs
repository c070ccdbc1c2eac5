//! Console sink: traces on the terminal.

mod assemble;
mod builder;
mod describe;
mod draw;
mod events;
mod live;
mod paint;
mod queue;
mod settings;
mod text;
mod tree;
mod units;
mod worker;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use raaf_trace_core::{
    clock::Clock,
    diagnostics::{self, Category},
    sink::PerProcess,
};
use raaf_trace_model::{
    sink::{
        ProcessorError, SpanProcessor,
        registry::{Sink, SinkRegistration},
        stats::ProcessorStats,
    },
    span::{FinishedSpan, StartedSpan},
};

use assemble::Assembly;
pub use builder::{ConsoleBuilder, ConsoleMode};
pub use draw::Drawing;
use live::Screen;
use queue::Queue;
pub use units::HumanDuration;
use worker::Worker;

/// Longest time that dropping the sink waits for pending output.
const DROP_TIMEOUT: Duration = Duration::from_secs(2);

raaf_trace_model::submit! {
    SinkRegistration::new("console", |config| {
        let sink = settings::read(config.environment())?;
        let batch = config.batch();
        let sink = sink.max_spans(batch.max_spans).max_wait(batch.max_wait);
        Ok(Sink::processor(sink.build()))
    })
    .check_with(|environment| settings::read(environment).map(drop))
    .enabled_by_flag("RAAF_TRACE_CONSOLE")
    .variables(&[
        "RAAF_TRACE_CONSOLE_MODE",
        "RAAF_TRACE_CONSOLE_DETAILED",
        "RAAF_TRACE_CONSOLE_COLOR",
        "RAAF_TRACE_CONSOLE_STREAM",
    ])
}

/// Shows traces on a terminal: a tree when the root of a trace ends, a line when a span starts or
/// ends, or the running spans.
///
/// ```text
/// Pipeline:Report  1.2 s  self 10 ms  ✓ ok  1520 tokens in, 310 out  $0.0050
/// ├── Agent:Planner  +0 ns  400 ms  self 7 ms  ✓ ok  500 tokens in, 110 out  $0.0017
/// │   ├── Llm:gpt-5  +2 ms  390 ms  ✓ ok  1 retry  500 tokens in, 110 out  $0.0017
/// │   └── Tool:Search.lookup  +394 ms  3.1 ms  ✗ error  Timeout: no answer: connection refused
/// └── Agent:Writer  +405 ms  790 ms  ✓ ok  1020 tokens in, 200 out  $0.0033
/// ```
///
/// A line of a tree shows when the span started, counted from the start of the tree (`+394 ms`), how long it
/// lasted, for how long none of its children ran (`self`), its status, how often the call was tried
/// again, tokens and cost, and the error with its causes. Lines are cut to 100 columns; the rest of an
/// error follows on separate lines, and only names deep in a tree make lines wider.
///
/// Writes to standard output, unless [`ConsoleBuilder::stderr`] or [`ConsoleBuilder::writer`]
/// choose another one; the library's own diagnostics never go there. Colours are used only on a
/// terminal, and not if `NO_COLOR` is set. Control characters in names and values, such as escape
/// sequences in a model's answer, are escaped. Long output is cut: names, messages and values to a
/// number of columns, sources of an error to five, attributes to 128.
///
/// # Settings
///
/// | builder | variable | values | default |
/// | --- | --- | --- | --- |
/// | | `RAAF_TRACE_CONSOLE` | a boolean: whether to add the sink | `false` |
/// | [`mode`](ConsoleBuilder::mode) | `RAAF_TRACE_CONSOLE_MODE` | `tree`, `lines`, `live` | `tree` |
/// | [`detailed`](ConsoleBuilder::detailed) | `RAAF_TRACE_CONSOLE_DETAILED` | a boolean | `false` |
/// | [`color`](ConsoleBuilder::color) | `RAAF_TRACE_CONSOLE_COLOR` | `auto`, `always`, `never` | `auto` |
/// | [`stderr`](ConsoleBuilder::stderr) | `RAAF_TRACE_CONSOLE_STREAM` | `stdout`, `stderr` | `stdout` |
/// | [`max_spans`](ConsoleBuilder::max_spans) | `RAAF_TRACE_MAX_SPANS` | a number | 10000 |
///
/// `auto` means on a terminal, unless `NO_COLOR` is set. The variables apply to a sink that is
/// chosen by name; a sink made in code uses the builder's settings alone.
///
/// # The live view
///
/// The mode `live` (feature `live`) draws trees like `tree`, and until then the running spans:
///
/// ```text
/// ⠹ Pipeline:Report  1.2 s  3 done
/// ├── ⠸ Agent:Planner  0.8 s  1 done, 1 failed
/// │   └── ⠋ Llm:gpt-5  0.4 s
/// └── ⠦ Agent:Writer  0.6 s
/// + 12 more
/// ```
///
/// The view is redrawn ten times a second at the bottom of the terminal, with as many lines as fit
/// and at most 20: the newest spans with their ancestors. Finished trees are printed above it. The
/// view is drawn on standard error, so that trees can go to a file. If standard error is not a
/// terminal, nothing is drawn, and `live` behaves like `tree`.
///
/// The view may draw over lines that the program prints to the same terminal: print inside
/// [`suspend`](Self::suspend), or choose another mode. A killed process leaves the last view on the
/// screen; a shutdown, a dropped guard and a panic do not. (The `^C` that a terminal echoes can
/// leave one line.)
///
/// # Guarantees
///
/// A tree is written at once, so concurrent traces do not mix. It is complete: it has every span
/// that ended before its root, in any thread. Spans that end after their root, and traces that are
/// unfinished at a flush or at the shutdown, are shown as trees marked `partial`.
///
/// # Cost
///
/// The sink is a processor with a queue of its own, not an exporter behind a
/// [`BatchProcessor`](raaf_trace_core::sink::BatchProcessor): batches keep the order within one thread
/// only, and a tree must not be drawn before an earlier span of another thread has arrived.
///
/// Each span takes a short lock in its own thread. A worker, started by the first span, draws and
/// writes. At most [`max_spans`](ConsoleBuilder::max_spans) finished spans are held, including
/// those of unfinished traces. When the limit is reached, the traces that have waited longest are
/// shown as partial trees, and threads wait for space, at most
/// [`max_wait`](ConsoleBuilder::max_wait); then their spans are dropped and counted. If the output
/// hangs, each thread waits once: no thread waits again before there is progress.
///
/// Lines and the live view also need each span's start, which takes the lock a second time. The
/// cost of drawing hardly depends on the number of running spans: the worker only checks each for
/// its end. Starts that arrive faster than the worker can take them are left out of the view.
///
/// # Failures
///
/// A closed pipe (`program | head`) ends the output quietly; later spans count as dropped. Any
/// other write error is counted, returned by the next flush, and reported.
///
/// # Examples
///
/// ```
/// use raaf_processors::{ConsoleMode, ConsoleSink};
/// use raaf_trace_core::TracerProvider;
///
/// let console = ConsoleSink::builder().mode(ConsoleMode::Lines).detailed(true).stderr().build();
/// let provider = TracerProvider::builder().with(console).build();
/// # let _ = provider;
/// ```
pub struct ConsoleSink {
    queue: PerProcess<Arc<Queue>>,
    lines: bool,
    whole_traces: bool,
    /// Screen of the live view, if there is one.
    screen: Option<Screen>,
    clock: Clock,
    /// Worker that the first span starts.
    worker: Mutex<Option<Worker>>,
}

impl ConsoleSink {
    /// Creates a sink that draws trees on standard output.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder.
    pub fn builder() -> ConsoleBuilder {
        ConsoleBuilder::default()
    }

    /// Runs `print` with the live view cleared, so that its output stays on the screen. In other
    /// modes, just runs it. Put the sink into an [`Arc`], and give a clone of that to the provider.
    ///
    /// The view is not redrawn meanwhile, so a flush inside `print` would time out.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use raaf_processors::ConsoleSink;
    /// # use raaf_trace_core::TracerProvider;
    /// let console = Arc::new(ConsoleSink::builder().stderr().build());
    /// let provider = TracerProvider::builder().with(Arc::clone(&console)).build();
    /// console.suspend(|| println!("halfway there"));
    /// # drop(provider);
    /// ```
    pub fn suspend<R>(&self, print: impl FnOnce() -> R) -> R {
        match &self.screen {
            Some(screen) => screen.suspend(print),
            None => print(),
        }
    }

    /// Returns the queue. In a forked child, it rejects all spans, because the drawing thread and
    /// the screen belong to the parent.
    fn queue(&self) -> &Queue {
        self.queue.get(|_| {
            let reason = "the console shows no spans in a forked child, which has no thread to draw \
                          them; initialise tracing after the fork";
            diagnostics::warn(Category::Export, format_args!("{reason}"));
            Arc::new(Queue::refusing(reason.to_owned()))
        })
    }

    fn start_worker(&self) {
        if !self.queue().claim_start() {
            return;
        }
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(worker) = worker else { return };
        let thread = thread::Builder::new().name("raaf-console".to_owned());
        if let Err(error) = thread.spawn(move || worker.run()) {
            let reason = format!("the console's thread could not be started: {error}");
            self.queue().refuse_all(reason);
        }
    }
}

impl Default for ConsoleSink {
    fn default() -> Self {
        Self::new()
    }
}

impl SpanProcessor for ConsoleSink {
    fn name(&self) -> &'static str {
        "console"
    }

    fn wants_start(&self) -> bool {
        self.lines || self.screen.is_some()
    }

    fn on_start(&self, span: &mut StartedSpan) {
        if self.wants_start() {
            self.start_worker();
            self.queue().push_start(span.clone(), self.clock.now());
        }
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.on_end_owned(span.clone());
    }

    fn on_end_owned(&self, span: FinishedSpan) {
        self.start_worker();
        let due = self.lines || Assembly::ends_tree(self.whole_traces, &span);
        self.queue().push_end(span, due);
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.queue().flush(timeout)
    }

    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.queue().shutdown(timeout)
    }

    fn stats(&self) -> ProcessorStats {
        self.queue().stats()
    }
}

impl Drop for ConsoleSink {
    fn drop(&mut self) {
        if !self.queue().has_shut_down() {
            let _ = self.queue().shutdown(DROP_TIMEOUT);
        }
    }
}

impl fmt::Debug for ConsoleSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleSink").field("lines", &self.lines).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use raaf_trace_model::sink::SpanProcessor as _;

    use super::ConsoleSink;

    #[test]
    fn dropping_a_sink_that_has_shut_down_waits_no_second_time() {
        let console = ConsoleSink::builder().stderr().build();
        let queue = Arc::clone(console.queue.get(Arc::clone));
        assert!(queue.claim_start(), "so that no worker answers");
        assert!(console.shutdown(Duration::ZERO).is_err());
        drop(console);
        assert_eq!(queue.flushes_requested(), 1);
    }
}
