//! The thread that draws and writes.
//!
//! One queue in the order of the ends, unlike a batching processor's buffers: only so is a tree
//! complete when its root comes, whatever threads its spans ran in.

use std::{
    any::Any,
    collections::VecDeque,
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use raaf_trace_core::{
    FinishedSpan, ProcessorError, Span,
    diagnostics::{self, Category, Repeated},
};

use super::{assemble::Assembly, describe::Describe, tree::Tree};

/// How long a thread waits at most for room.
const HELP: Duration = Duration::from_millis(5);
/// How long nobody waits after somebody waited in vain.
const PAUSE: Duration = Duration::from_secs(1);

/// What there is to show.
pub(super) enum Heard {
    Start(Span),
    End(FinishedSpan),
}

/// What the threads that end spans and the worker share.
pub(super) struct Shared {
    state: Mutex<State>,
    work: Condvar,
    /// A flush is answered, or there is room again.
    progress: Condvar,
    max_spans: usize,
}

#[derive(Default)]
struct State {
    heard: VecDeque<Heard>,
    /// Ended spans that are neither written nor given up.
    held: usize,
    /// Something is due, for a reason other than a flush or a lack of room.
    due: bool,
    /// Room is needed.
    pressed: bool,
    no_help_until: Option<Instant>,
    worker: Option<thread::ThreadId>,
    started: bool,
    stopping: bool,
    stopped: bool,
    /// Flushes asked for, and answered.
    flushes: u64,
    flushed: u64,
    delivered: u64,
    dropped: u64,
    dropped_at_flush: u64,
    last_error: Option<String>,
}

/// Numbers for statistics.
pub(super) struct Counts {
    pub(super) held: u64,
    pub(super) delivered: u64,
    pub(super) dropped: u64,
    pub(super) last_error: Option<String>,
}

impl Shared {
    pub(super) fn new(max_spans: usize) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
            max_spans: max_spans.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the worker is to be started by the caller, who is the first to come.
    pub(super) fn claim_start(&self) -> bool {
        !std::mem::replace(&mut self.lock().started, true)
    }

    /// There will be no worker.
    pub(super) fn start_failed(&self, error: &io::Error) {
        let mut state = self.lock();
        state.last_error = Some(format!("the console's thread could not be started: {error}"));
        state.stopping = true;
        state.stopped = true;
    }

    /// Takes a span's start; left out when there is no room.
    pub(super) fn start(&self, span: Span) {
        let mut state = self.lock();
        if !state.stopping && state.heard.len() < self.max_spans {
            state.heard.push_back(Heard::Start(span));
            self.wake(state);
        }
    }

    /// Takes a finished span, or counts it as dropped; `due` asks for it to be shown now.
    pub(super) fn end(&self, span: FinishedSpan, due: bool) {
        let mut state = self.lock();
        if state.held >= self.max_spans {
            state = self.wait_for_room(state);
        }
        if state.stopping || state.held >= self.max_spans {
            state.dropped += 1;
            return;
        }
        state.held += 1;
        state.heard.push_back(Heard::End(span));
        if due {
            self.wake(state);
        }
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        state.due = true;
        drop(state);
        self.work.notify_one();
    }

    fn wait_for_room<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.pressed = true;
        self.work.notify_one();
        let inside = state.worker == Some(thread::current().id());
        let now = Instant::now();
        if inside || state.no_help_until.is_some_and(|until| now < until) {
            return state;
        }
        let is_full = |state: &mut State| state.held >= self.max_spans && !state.stopping;
        let (mut state, timeout) = self
            .progress
            .wait_timeout_while(state, HELP, is_full)
            .unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            state.no_help_until = Some(now + PAUSE);
        }
        state
    }

    /// Has everything shown, what is incomplete too.
    pub(super) fn flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        let mut state = self.lock();
        if state.started && !state.stopped {
            state.flushes += 1;
            let mine = state.flushes;
            self.work.notify_one();
            if state.worker == Some(thread::current().id()) {
                return Err(failed("the console cannot wait for itself", 0));
            }
            let waits = |state: &mut State| state.flushed < mine && !state.stopped;
            let waited = self.progress.wait_timeout_while(state, timeout, waits);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.flushed < mine && !state.stopped {
                return Err(ProcessorError::Timeout { pending: state.held as u64 });
            }
        }
        let lost = state.dropped - state.dropped_at_flush;
        state.dropped_at_flush = state.dropped;
        match (&state.last_error, lost) {
            (Some(error), 1..) => Err(failed(error, lost)),
            (None, 1..) => Err(failed("there was no room", lost)),
            (_, 0) => Ok(()),
        }
    }

    /// Refuses further spans, has the rest shown and ends the worker.
    pub(super) fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.lock().stopping = true;
        self.work.notify_one();
        self.flush(timeout)
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.lock();
        Counts {
            held: state.held as u64,
            delivered: state.delivered,
            dropped: state.dropped,
            last_error: state.last_error.clone(),
        }
    }
}

fn failed(message: &str, dropped: u64) -> ProcessorError {
    ProcessorError::Failed { message: message.to_owned(), dropped }
}

/// The worker's own things.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) describe: Describe,
    /// Lines as spans start and end, instead of trees.
    pub(super) lines: bool,
    pub(super) out: Box<dyn Write + Send>,
    pub(super) closed: bool,
    pub(super) failures: Repeated,
    pub(super) assembly: Assembly,
}

/// What the worker was woken for.
struct Job {
    heard: VecDeque<Heard>,
    /// Flushes that are answered when this is done.
    flushes: u64,
    flush: bool,
    pressed: bool,
    stop: bool,
}

impl Worker {
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        shared.lock().worker = Some(thread::current().id());
        loop {
            let job = Self::next_job(&shared);
            self.show(job.heard);
            while (job.flush || job.pressed)
                && let Some(spans) = self.assembly.take_oldest()
            {
                self.show_tree(&spans);
                if !job.flush && shared.lock().held <= shared.max_spans / 2 {
                    break;
                }
            }
            let mut state = shared.lock();
            state.flushed = state.flushed.max(job.flushes);
            state.stopped = job.stop;
            drop(state);
            shared.progress.notify_all();
            if job.stop {
                return;
            }
        }
    }

    fn next_job(shared: &Shared) -> Job {
        let idle = |state: &mut State| {
            !(state.due || state.pressed || state.stopping || state.flushed < state.flushes)
        };
        let waited = shared.work.wait_while(shared.lock(), idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.due = false;
        Job {
            heard: std::mem::take(&mut state.heard),
            flushes: state.flushes,
            flush: state.flushed < state.flushes || state.stopping,
            pressed: std::mem::take(&mut state.pressed),
            stop: state.stopping,
        }
    }

    fn show(&mut self, heard: VecDeque<Heard>) {
        let mut text = String::new();
        let mut ended = 0;
        for heard in heard {
            match heard {
                Heard::Start(span) => self.describe.start_line(&mut text, &span),
                Heard::End(span) if self.lines => {
                    self.describe.end_line(&mut text, &span);
                    ended += 1;
                }
                Heard::End(span) => {
                    if let Some(spans) = self.assembly.add(span) {
                        self.show_tree(&spans);
                    }
                }
            }
        }
        self.deliver(&text, ended);
    }

    fn show_tree(&mut self, spans: &[FinishedSpan]) {
        let mut text = String::new();
        Tree::new(spans).draw(self.describe, &mut text);
        self.deliver(&text, spans.len());
    }

    /// Writes what says all about so many spans, in one piece.
    fn deliver(&mut self, text: &str, spans: usize) {
        if text.is_empty() {
            return;
        }
        let result = if self.closed { Err(Refused::Quietly) } else { self.write(text.as_bytes()) };
        let mut state = self.shared.lock();
        state.held -= spans;
        match result {
            Ok(()) => state.delivered += spans as u64,
            Err(refused) => {
                state.dropped += spans as u64;
                match refused {
                    // Whoever closed the pipe has seen enough; that is no failure.
                    Refused::Quietly => {
                        state.dropped_at_flush += spans as u64;
                        self.closed = true;
                    }
                    Refused::Saying(message) => {
                        state.last_error = Some(message.clone());
                        drop(state);
                        if let Some(count) = self.failures.happened() {
                            let text = format_args!("{message} (failure {count})");
                            diagnostics::warn(Category::Tracing, text);
                        }
                    }
                }
            }
        }
        self.shared.progress.notify_all();
    }

    fn write(&mut self, text: &[u8]) -> Result<(), Refused> {
        let out = &mut self.out;
        let write = || out.write_all(text).and_then(|()| out.flush());
        match catch_unwind(AssertUnwindSafe(write)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Err(Refused::Quietly),
            Ok(Err(error)) => {
                Err(Refused::Saying(format!("the console cannot be written: {error}")))
            }
            Err(panic) => Err(Refused::Saying(panic_text(&*panic))),
        }
    }
}

/// Why something was not written.
enum Refused {
    Quietly,
    Saying(String),
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the console's writer panicked: {}", text.unwrap_or("with a value that is no text"))
}
