//! Flush requests: their target position and outcome, for a thread or for a future.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Poll, Waker},
};

use super::sync::{
    Condvar, Instant, Mutex,
    atomic::{AtomicBool, Ordering},
    lock, wait,
};
use raaf_trace_model::sink::ProcessorError;

pub(super) type Outcome = Result<(), ProcessorError>;

/// Counts of items that will never be delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// Rejected: no capacity, or after a shutdown.
    pub(super) refused: u64,
    /// Dropped: not deliverable.
    pub(super) given_up: u64,
}

pub(super) struct FlushRequest {
    /// Position before which every item must be settled.
    target: u64,
    /// Losses reported before the request began.
    reported: Lost,
    /// Number of requests to try everything, with this one.
    asked: u64,
    /// `true` once no caller waits for the outcome.
    abandoned: AtomicBool,
    answer: Mutex<Answer>,
    answered: Condvar,
}

#[derive(Default)]
struct Answer {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

impl FlushRequest {
    pub(super) fn new(target: u64, reported: Lost, asked: u64) -> Self {
        Self {
            target,
            reported,
            asked,
            abandoned: AtomicBool::new(false),
            answer: Mutex::default(),
            answered: Condvar::new(),
        }
    }

    /// Returns the error of an exporter that flushes its own queue.
    pub(super) fn from_inside() -> ProcessorError {
        let message = "an exporter cannot flush its own queue".to_owned();
        ProcessorError::Failed { message, dropped: 0 }
    }

    pub(super) fn target(&self) -> u64 {
        self.target
    }

    pub(super) fn asked(&self) -> u64 {
        self.asked
    }

    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Returns whether there were no losses beyond those reported before the request began.
    pub(super) fn has_seen(&self, lost: Lost) -> bool {
        self.reported == lost
    }

    /// Returns the outcome once all items before the target are settled.
    pub(super) fn outcome(
        &self,
        lost: Lost,
        last_error: Option<&str>,
        max_spans: usize,
    ) -> Outcome {
        let given_up = lost.given_up.saturating_sub(self.reported.given_up);
        let refused = lost.refused.saturating_sub(self.reported.refused);
        let message = match (given_up, refused) {
            (0, 0) => return Ok(()),
            (0, _) => {
                format!("the queue was full (at most {max_spans} spans), or already shut down")
            }
            _ => last_error.unwrap_or("not deliverable").to_owned(),
        };
        Err(ProcessorError::Failed { message, dropped: given_up + refused })
    }

    /// Completes the request, unless it is complete.
    pub(super) fn complete(&self, outcome: Outcome) {
        let waker = {
            let mut answer = lock(&self.answer);
            if answer.outcome.is_none() {
                answer.outcome = Some(outcome);
            }
            answer.waker.take()
        };
        self.answered.notify_all();
        if let Some(waker) = waker {
            // A waker is user code; the worker survives its panics.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }

    /// Waits for the outcome; `None` when the deadline passed.
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

/// Combines the outcomes of an exporter's flush and of earlier losses: the message of the former,
/// and the number of the latter.
pub(super) fn both(flushed: Outcome, lost: Outcome) -> Outcome {
    match (flushed, lost) {
        (
            Err(ProcessorError::Failed { message, .. }),
            Err(ProcessorError::Failed { dropped, .. }),
        ) => Err(ProcessorError::Failed { message, dropped }),
        (flushed, lost) => flushed.and(lost),
    }
}
