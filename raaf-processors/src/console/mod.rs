//! Traces on the terminal.

mod assemble;
mod builder;
mod describe;
mod paint;
mod queue;
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
    FinishedSpan, ProcessorError, Span, SpanProcessor,
    registry::{Sink, SinkRegistration},
    stats::ProcessorStats,
};

pub use builder::{ConsoleBuilder, ConsoleMode};
use queue::Queue;
use worker::Worker;

/// How long dropping the sink waits for the rest to be written.
const DROP_TIMEOUT: Duration = Duration::from_secs(2);

raaf_trace_core::submit! {
    SinkRegistration::new("console", |config| {
        let mut sink = ConsoleSink::builder().max_spans(config.settings().max_spans);
        if config.environment().get_os("NO_COLOR").is_some() {
            sink = sink.color(false);
        }
        Ok(Sink::processor(sink.build()))
    })
}

/// Shows traces on a terminal: a tree when the root of a trace ends, or a line whenever a span
/// starts or ends.
///
/// ```text
/// Pipeline:Report  1.2 s  ✓ ok  1520 tokens in, 310 out
/// ├── Agent:Planner  400 ms  ✓ ok  500 tokens in, 110 out
/// │   └── Tool:Search.lookup  3.1 ms  ✗ error  Timeout: no answer
/// └── Agent:Writer  790 ms  ✓ ok  1020 tokens in, 200 out
/// ```
///
/// It writes to standard output, for what it shows is what was asked for; the library's own
/// diagnostics never go there. [`ConsoleBuilder::stderr`] and [`ConsoleBuilder::writer`] choose
/// something else. Colours are used on a terminal alone, and not when `NO_COLOR` is set. What
/// could drive a terminal in names and values, such as escape sequences in a model's answer, is
/// shown escaped, and long texts are cut.
///
/// # Guarantees
///
/// A tree is written in one piece, so that traces that run at once do not mix, and it is complete:
/// it has every span that ended before its root, whatever thread that ran in. What ends after its
/// root, and traces that are not over at a flush or at the shutdown, come as partial trees that
/// say so.
///
/// # Costs
///
/// It is a processor with a queue of its own, not an exporter behind a
/// [`BatchProcessor`](raaf_trace_core::BatchProcessor): batches keep the order of one thread only,
/// and a tree must not be drawn before a span of another thread that ended earlier has come.
///
/// A short lock for each span in its own thread; a worker, started by the first span, draws and
/// writes. At most [`max_spans`](ConsoleBuilder::max_spans) finished spans are held, those of
/// unfinished traces included. When that many are, what is there of the traces that have waited
/// longest is shown as partial trees; a thread waits up to 4 ms for room, then its span is dropped
/// and counted; while the output hangs, spans are dropped at once.
///
/// # When things go wrong
///
/// A closed pipe (`program | head`) ends the output without a word; spans count as dropped from
/// then on. Any other failure to write is counted, said by the next flush, and reported.
///
/// # Examples
///
/// ```
/// use raaf_processors::{ConsoleMode, ConsoleSink};
/// use raaf_trace_core::TracerProvider;
///
/// let console = ConsoleSink::builder().mode(ConsoleMode::Lines).detailed(true).stderr().build();
/// let provider = TracerProvider::builder().processor(console).build();
/// # let _ = provider;
/// ```
pub struct ConsoleSink {
    queue: Arc<Queue>,
    lines: bool,
    /// Waits for the first span to start it.
    worker: Mutex<Option<Worker>>,
}

impl ConsoleSink {
    /// Trees, on standard output.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Something else than [`new`](Self::new) makes.
    pub fn builder() -> ConsoleBuilder {
        ConsoleBuilder::default()
    }

    fn start_worker(&self) {
        if !self.queue.claim_start() {
            return;
        }
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(worker) = worker else { return };
        let thread = thread::Builder::new().name("raaf-console".to_owned());
        if let Err(error) = thread.spawn(move || worker.run()) {
            let reason = format!("the console's thread could not be started: {error}");
            self.queue.refuse_all(reason);
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
        self.lines
    }

    fn on_start(&self, span: &Span) {
        if self.lines {
            self.start_worker();
            self.queue.push_start(span.clone());
        }
    }

    fn on_end(&self, span: &FinishedSpan) {
        self.on_end_owned(span.clone());
    }

    fn on_end_owned(&self, span: FinishedSpan) {
        self.start_worker();
        let due = self.lines || span.is_local_root();
        self.queue.push_end(span, due);
    }

    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.queue.flush(timeout)
    }

    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.queue.shutdown(timeout)
    }

    fn stats(&self) -> ProcessorStats {
        self.queue.stats()
    }
}

impl Drop for ConsoleSink {
    fn drop(&mut self) {
        let _ = self.queue.shutdown(DROP_TIMEOUT);
    }
}

impl fmt::Debug for ConsoleSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleSink").field("lines", &self.lines).finish_non_exhaustive()
    }
}
