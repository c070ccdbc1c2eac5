//! Caller-runs: export of waiting batches by a producer without a permit, where the exporter
//! supports it.

use std::time::Duration;

use super::{
    Recycle,
    shared::Shared,
    sync::{Instant, Mutex, as_caller, deadline, lock},
};
use raaf_trace_model::sink::Overflow;

/// Pause of caller-runs after a failed or stalled export: a stuck disk costs the traced program a
/// tenth of its time at most.
const PAUSE: Duration = Duration::from_millis(50);

/// Multiple of its limit after which an export call counts as stalled rather than preempted.
const STALLED: u32 = 10;

/// State and time limit of caller-runs.
#[derive(Debug)]
pub(super) struct CallerRuns {
    allowed: bool,
    limit: Duration,
    paused_until: Mutex<Option<Instant>>,
}

impl CallerRuns {
    pub(super) fn new(overflow: Overflow, limit: Duration) -> Self {
        Self { allowed: overflow == Overflow::Help, limit, paused_until: Mutex::new(None) }
    }

    /// Exports waiting batches until a permit is free. Returns whether the caller got one.
    pub(super) fn get_permit<T: Recycle>(&self, shared: &Shared<T>) -> bool {
        if !self.allowed || shared.exporter().is_inside() || self.is_paused() {
            return false;
        }
        let deadline = deadline(self.limit);
        loop {
            let began = Instant::now();
            let has_permit = if self.export_one(shared) {
                shared.try_take_permit()
            } else {
                self.wait(shared, deadline)
            };
            let stalled = began.elapsed() >= self.limit * STALLED;
            if stalled {
                self.pause();
            }
            if has_permit {
                return true;
            }
            if stalled || Instant::now() >= deadline || self.is_paused() {
                return false;
            }
        }
    }

    /// Exports one waiting batch, if any.
    fn export_one<T: Recycle>(&self, shared: &Shared<T>) -> bool {
        let queue = shared.queue();
        if !queue.has_full_batch() {
            shared.drain();
        }
        let Some(mut batch) = queue.take_batch() else { return false };
        shared.exporter().prepare(batch.items_mut());
        match as_caller(|| shared.attempt(&batch)) {
            Ok(()) => shared.settle(batch, 0),
            Err(error) => {
                self.pause();
                if error.is_retryable() {
                    queue.give_back(batch);
                } else {
                    let dropped = error.rejected_of(batch.items().len());
                    shared.settle(batch, dropped);
                }
            }
        }
        true
    }

    /// Waits for exports of other threads.
    fn wait<T: Recycle>(&self, shared: &Shared<T>, deadline: Instant) -> bool {
        let has_permit = shared.queue().wait_for_room(deadline, || shared.try_take_permit());
        if !has_permit {
            self.pause();
        }
        has_permit
    }

    fn is_paused(&self) -> bool {
        lock(&self.paused_until).is_some_and(|until| Instant::now() < until)
    }

    fn pause(&self) {
        *lock(&self.paused_until) = Instant::now().checked_add(PAUSE);
    }
}
