//! A producer that finds no room exports waiting batches itself, where the exporter allows that.

use std::time::Duration;

use super::{
    Recycle,
    hub::Hub,
    sync::{Instant, Mutex, deadline, helping, lock, wait},
};
use raaf_trace_model::sink::Overflow;

/// How long nobody helps after help was in vain or an export call stalled: a stuck disk costs the
/// traced program a tenth of its time at most.
const PAUSE: Duration = Duration::from_millis(50);

/// How much longer than it may an export call takes when it is stalled, and not merely preempted.
const STALLED: u32 = 10;

/// Whether helping is worth a try.
#[derive(Debug, Default)]
pub(super) struct Gate {
    closed_until: Mutex<Option<Instant>>,
}

impl Gate {
    fn is_open(&self) -> bool {
        lock(&self.closed_until).is_none_or(|until| Instant::now() >= until)
    }

    fn close(&self) {
        *lock(&self.closed_until) = Instant::now().checked_add(PAUSE);
    }
}

impl<T: Recycle> Hub<T> {
    /// Exports waiting batches until a place is free; says whether the caller has one now.
    pub(super) fn help_for_a_place(&self) -> bool {
        if self.overflow != Overflow::Help || self.is_inside() || !self.gate.is_open() {
            return false;
        }
        let limit = self.config.help_limit;
        let deadline = deadline(limit);
        loop {
            let began = Instant::now();
            let has_place = if self.help_once() {
                self.budget.take_one()
            } else {
                self.wait_for_a_place(deadline)
            };
            let stalled = began.elapsed() >= limit * STALLED;
            if stalled {
                self.gate.close();
            }
            if has_place {
                return true;
            }
            if stalled || Instant::now() >= deadline || !self.gate.is_open() {
                return false;
            }
        }
    }

    /// Exports one waiting batch, if there is one.
    fn help_once(&self) -> bool {
        if self.queue.lock().waiting() < self.config.batch_size {
            self.drain();
        }
        let Some(mut batch) = self.queue.lock().take_batch(self.config.batch_size) else {
            return false;
        };
        self.prepare(&mut batch);
        match helping(|| self.attempt(&batch)) {
            Ok(()) => self.settle(batch, 0),
            Err(error) => {
                self.gate.close();
                if error.is_retryable() {
                    self.queue.lock().returned.push_back(batch);
                    self.queue.work.notify_one();
                } else {
                    let dropped = error.rejected_of(batch.items.len());
                    self.settle(batch, dropped);
                }
            }
        }
        true
    }

    /// Waits for what others are exporting.
    fn wait_for_a_place(&self, deadline: Instant) -> bool {
        let mut state = self.queue.lock();
        state.waiting_for_room += 1;
        let mut has_place = self.budget.take_one();
        while !has_place && Instant::now() < deadline {
            state = wait(&self.queue.room, state, deadline);
            has_place = self.budget.take_one();
        }
        state.waiting_for_room -= 1;
        if !has_place {
            self.gate.close();
        }
        has_place
    }
}
