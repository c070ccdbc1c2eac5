//! Bounded queue between traced threads and the console's worker.
//!
//! It is one queue in the order of the ends, unlike a batching processor's buffers: a tree is then
//! complete when its root arrives, whatever threads its spans ran in.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use raaf_trace_core::clock::Ticks;
use raaf_trace_model::{
    id::SpanId,
    sink::{ProcessorError, stats::ProcessorStats},
    span::{FinishedSpan, StartedSpan},
};

/// Largest number of starts that wait for a paced worker, if fewer spans are allowed.
const STARTS: usize = 10_000;

/// Event to be shown.
pub(super) enum Heard {
    Start(Box<StartedSpan>, Ticks),
    End(Box<FinishedSpan>),
    /// A span has ended, and the queue was full.
    Lost(SpanId),
}

/// Job of the worker.
pub(super) struct Job {
    pub(super) heard: VecDeque<Heard>,
    /// Show incomplete trees as well.
    pub(super) everything: bool,
    /// A thread is waiting for space.
    pub(super) pressed: bool,
    /// Last job before the worker ends.
    pub(super) last: bool,
    /// Flushes that complete with this job.
    flushes: u64,
}

/// Outcome of spans.
pub(super) enum Fate {
    Delivered,
    /// Discarded for a reason that is not a failure.
    Unwanted,
    Failed(String),
}

/// Queue between the threads that end spans and the worker.
pub(super) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    /// Notified when a flush is complete, or space is free again.
    progress: Condvar,
    max_spans: usize,
    /// Longest time that a thread waits for space.
    max_wait: Duration,
    /// True if the worker polls while spans run, and need not be woken for each event.
    paced: bool,
}

#[derive(Default)]
struct State {
    phase: Phase,
    worker: Option<thread::ThreadId>,
    heard: VecDeque<Heard>,
    /// Number of ended spans that are neither written nor dropped.
    held: usize,
    /// Pending output is due now.
    due: bool,
    /// The worker sleeps until it is woken.
    resting: bool,
    pressed: bool,
    /// Number of times that spans were released.
    settled: u64,
    /// That number when a thread last waited in vain. While it stays, no thread waits.
    stalled_at: Option<u64>,
    longest_wait: Duration,
    /// Numbers of flushes requested and completed.
    flushes: u64,
    flushed: u64,
    delivered: u64,
    dropped: u64,
    /// Dropped spans that flushes need not report.
    mentioned: u64,
    last_error: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// The worker has not started.
    #[default]
    Idle,
    Running,
    Stopping,
    Stopped,
}

impl Queue {
    pub(super) fn new(max_spans: usize, max_wait: Duration, paced: bool) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
            max_spans,
            max_wait,
            paced,
        }
    }

    /// Creates a queue that rejects all spans.
    pub(super) fn refusing(reason: String) -> Self {
        let queue = Self::new(1, Duration::ZERO, false);
        queue.refuse_all(reason);
        queue
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true for the first caller, which must start the worker.
    pub(super) fn claim_start(&self) -> bool {
        let mut state = self.lock();
        let is_first = state.phase == Phase::Idle;
        if is_first {
            state.phase = Phase::Running;
        }
        is_first
    }

    /// Rejects all spans, because the worker could not be started.
    pub(super) fn refuse_all(&self, reason: String) {
        let mut state = self.lock();
        state.phase = Phase::Stopped;
        state.last_error = Some(reason);
    }

    /// Queues the start of a span; drops it if the queue is full.
    pub(super) fn push_start(&self, span: StartedSpan, at: Ticks) {
        let mut state = self.lock();
        let room = self.room();
        if state.phase == Phase::Running && state.heard.len() < room {
            state.heard.push_back(Heard::Start(Box::new(span), at));
            if !self.paced || state.resting || state.heard.len() == room / 2 {
                self.wake(state);
            }
        }
    }

    /// Takes a finished span, or counts it as dropped; `due` asks for it to be shown now, or when
    /// a paced worker polls next.
    pub(super) fn push_end(&self, span: FinishedSpan, due: bool) {
        let mut state = self.lock();
        if state.phase == Phase::Running && state.held >= self.max_spans {
            state = self.wait_for_room(state);
        }
        if state.phase != Phase::Running || state.held >= self.max_spans {
            state.dropped += 1;
            // A live view would keep spans whose ends it does not receive, so ends have a limit of
            // their own.
            if self.paced && state.heard.len() < 2 * self.room() {
                state.heard.push_back(Heard::Lost(span.span_id()));
            }
            return;
        }
        state.held += 1;
        state.heard.push_back(Heard::End(Box::new(span)));
        let half_full = state.held == self.max_spans.div_ceil(2);
        let is_urgent = if self.paced { state.resting || half_full } else { due };
        if is_urgent {
            self.wake(state);
        }
    }

    /// Returns the largest number of starts that may wait; with ends, twice as many may.
    fn room(&self) -> usize {
        if self.paced { self.max_spans.max(STARTS) } else { self.max_spans }
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        state.due = true;
        drop(state);
        self.work.notify_one();
    }

    fn wait_for_room<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.pressed = true;
        self.work.notify_one();
        let is_worker = state.worker == Some(thread::current().id());
        if is_worker || state.stalled_at == Some(state.settled) {
            return state;
        }
        let began = Instant::now();
        let is_full =
            |state: &mut State| state.phase == Phase::Running && state.held >= self.max_spans;
        let (mut state, waited) = self
            .progress
            .wait_timeout_while(state, self.max_wait, is_full)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            state.stalled_at = Some(state.settled);
        }
        state.longest_wait = state.longest_wait.max(began.elapsed());
        state
    }

    /// Waits until all spans that ended before are shown, if necessary in partial trees.
    pub(super) fn flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Running | Phase::Stopping) {
            state.flushes += 1;
            let mine = state.flushes;
            self.work.notify_one();
            if state.worker == Some(thread::current().id()) {
                let message = "the console cannot be flushed from its own thread".to_owned();
                return Err(ProcessorError::Failed { message, dropped: 0 });
            }
            let is_pending =
                |state: &mut State| state.flushed < mine && state.phase != Phase::Stopped;
            let waited = self.progress.wait_timeout_while(state, timeout, is_pending);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if is_pending(&mut state) {
                return Err(ProcessorError::Timeout { pending: state.held as u64 });
            }
        }
        state.verdict()
    }

    /// Rejects further spans, shows the rest and stops the worker.
    pub(super) fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        let mut state = self.lock();
        state.phase = match state.phase {
            Phase::Idle | Phase::Stopped => Phase::Stopped,
            Phase::Running | Phase::Stopping => Phase::Stopping,
        };
        drop(state);
        self.flush(timeout)
    }

    /// Returns true after the first shutdown, also if that has timed out.
    pub(super) fn has_shut_down(&self) -> bool {
        matches!(self.lock().phase, Phase::Stopping | Phase::Stopped)
    }

    #[cfg(test)]
    pub(super) fn flushes_requested(&self) -> u64 {
        self.lock().flushes
    }

    pub(super) fn stats(&self) -> ProcessorStats {
        let state = self.lock();
        ProcessorStats {
            received: state.delivered + state.dropped + state.held as u64,
            delivered: state.delivered,
            dropped: state.dropped,
            queued: state.held as u64,
            longest_wait: state.longest_wait,
            last_error: state.last_error.clone(),
            ..ProcessorStats::default()
        }
    }
}

/// The worker's side.
impl Queue {
    pub(super) fn enter(&self) {
        self.lock().worker = Some(thread::current().id());
    }

    /// Waits for the next job, at most `patience`.
    pub(super) fn next_job(&self, patience: Option<Duration>) -> Job {
        let is_idle = |state: &mut State| {
            let asked = state.flushed < state.flushes || state.phase == Phase::Stopping;
            !(asked || state.due || state.pressed)
        };
        let mut state = self.lock();
        state.resting = patience.is_none();
        let mut state = match patience {
            None => self.work.wait_while(state, is_idle).unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                let waited = self.work.wait_timeout_while(state, patience, is_idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.resting = false;
        state.due = false;
        let last = state.phase == Phase::Stopping;
        Job {
            heard: std::mem::take(&mut state.heard),
            everything: last || state.flushed < state.flushes,
            pressed: std::mem::take(&mut state.pressed),
            last,
            flushes: state.flushes,
        }
    }

    /// Releases `spans` from the queue with this outcome.
    pub(super) fn settle(&self, spans: usize, fate: Fate) {
        let mut state = self.lock();
        state.held = state.held.saturating_sub(spans);
        state.settled += 1;
        let spans = spans as u64;
        match fate {
            Fate::Delivered => state.delivered += spans,
            Fate::Unwanted => {
                state.dropped += spans;
                state.mentioned += spans;
            }
            Fate::Failed(error) => {
                state.dropped += spans;
                state.last_error = Some(error);
            }
        }
        drop(state);
        self.progress.notify_all();
    }

    /// Returns true once enough space is free for threads to continue.
    pub(super) fn has_room(&self) -> bool {
        self.lock().held <= self.max_spans / 2
    }

    /// Completes the flushes that waited for this.
    pub(super) fn done(&self, job: &Job) {
        let mut state = self.lock();
        state.flushed = state.flushed.max(job.flushes);
        if job.last {
            state.phase = Phase::Stopped;
        }
        drop(state);
        self.progress.notify_all();
    }
}

impl State {
    /// Returns the result of a flush, and resets the counts that it reports.
    fn verdict(&mut self) -> Result<(), ProcessorError> {
        let dropped = self.dropped - self.mentioned;
        self.mentioned = self.dropped;
        if dropped == 0 {
            return Ok(());
        }
        let message = self.last_error.clone().unwrap_or_else(|| "the queue was full".to_owned());
        Err(ProcessorError::Failed { message, dropped })
    }
}
