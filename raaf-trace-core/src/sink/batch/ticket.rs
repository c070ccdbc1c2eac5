//! One flush: what it waits for, and its answer, for a thread or for a future.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Poll, Waker},
};

use super::{
    queue::Lost,
    sync::{
        Condvar, Instant, Mutex,
        atomic::{AtomicBool, Ordering},
        lock, wait,
    },
};
use raaf_trace_model::sink::ProcessorError;

pub(super) type Outcome = Result<(), ProcessorError>;

pub(super) struct Ticket {
    /// Every item before this position must be settled.
    pub(super) target: u64,
    /// Drops that were reported before it began.
    pub(super) reported: Lost,
    /// Nobody waits for the answer any more.
    pub(super) unattended: AtomicBool,
    answer: Mutex<Answer>,
    answered: Condvar,
}

#[derive(Default)]
struct Answer {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

impl Ticket {
    pub(super) fn new(target: u64, reported: Lost) -> Self {
        Self {
            target,
            reported,
            unattended: AtomicBool::new(false),
            answer: Mutex::default(),
            answered: Condvar::new(),
        }
    }

    pub(super) fn is_unattended(&self) -> bool {
        self.unattended.load(Ordering::Relaxed)
    }

    /// Answers, unless that was done before.
    pub(super) fn answer(&self, outcome: Outcome) {
        let waker = {
            let mut answer = lock(&self.answer);
            if answer.outcome.is_none() {
                answer.outcome = Some(outcome);
            }
            answer.waker.take()
        };
        self.answered.notify_all();
        if let Some(waker) = waker {
            // A waker is foreign code; the worker outlives its panics.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }

    /// Waits for the answer; `None` when the time ran out.
    pub(super) fn wait_until(&self, deadline: Instant) -> Option<Outcome> {
        let mut answer = lock(&self.answer);
        loop {
            if let Some(outcome) = &answer.outcome {
                return Some(outcome.clone());
            }
            if Instant::now() >= deadline {
                return None;
            }
            answer = wait(&self.answered, answer, deadline);
        }
    }

    pub(super) fn poll(&self, waker: &Waker) -> Poll<Outcome> {
        let mut answer = lock(&self.answer);
        if let Some(outcome) = &answer.outcome {
            return Poll::Ready(outcome.clone());
        }
        answer.waker = Some(waker.clone());
        Poll::Pending
    }
}
