//! The thread that exports.

use std::{sync::Arc, time::Duration};

use super::{
    BatchSink, Recycle,
    hub::Hub,
    queue::Batch,
    retry::Retries,
    sync::{Instant, atomic::Ordering, deadline, thread, wait},
    ticket::{Outcome, Ticket},
};
use crate::diagnostics::{self, Category};
use raaf_trace_model::sink::{ExportError, ProcessorError};

/// After a batch the worker looks for the next one by itself so many times, so long apart: waking
/// a thread costs the one that does it more than a hundred spans.
const NAPS: u32 = 8;
const NAP: Duration = Duration::from_millis(1);

/// What the worker does next.
enum Step<T> {
    Deliver(Batch<T>),
    /// These flushes have everything they wait for.
    Answer(Vec<Arc<Ticket>>),
    /// The flush interval is over.
    Tick,
    /// Places are scarce.
    Relieve,
    Stop,
}

/// Why a wait between two tries ended.
enum Wake {
    Due,
    /// A flush wants a try out of turn.
    Nudged,
    GiveUp,
}

impl<T: Recycle> Hub<T> {
    /// Starts the worker unless that was done before; says whether there is one.
    pub(super) fn start_worker(self: &Arc<Self>) -> bool {
        *self.started.get_or_init(|| {
            let hub = Arc::clone(self);
            let spawned = thread::Builder::new()
                .name(format!("raaf-{}", self.name))
                .spawn(move || hub.as_itself(|| hub.run()));
            if let Err(error) = &spawned {
                let message = format!("the exporter's thread could not be started: {error}");
                diagnostics::error(Category::Tracing, format_args!("`{}`: {message}", self.name));
                self.queue.lock().counts.last_error = Some(message);
            }
            spawned.is_ok()
        })
    }

    fn run(&self) {
        let mut tick = deadline(self.config.flush_interval);
        let mut naps = 0;
        loop {
            match self.next_step(tick, &mut naps) {
                Step::Deliver(batch) => self.deliver(batch),
                Step::Answer(tickets) => {
                    let flushed = self.call(BatchSink::force_flush);
                    self.answer(&tickets, &flushed);
                }
                Step::Tick => {
                    self.collect();
                    tick = deadline(self.config.flush_interval);
                }
                Step::Relieve => {
                    self.budget.sweep(|| self.shards.take_reserved());
                    self.drain();
                }
                Step::Stop => return self.stop(),
            }
        }
    }

    fn next_step(&self, tick: Instant, naps: &mut u32) -> Step<T> {
        let mut state = self.queue.lock();
        loop {
            if Instant::now() >= tick {
                return Step::Tick;
            }
            // Before further batches, or a flush would starve while spans keep coming.
            let ready = state.take_ready_tickets();
            if !ready.is_empty() {
                return Step::Answer(ready);
            }
            if let Some(batch) = state.returned.pop_front() {
                state.call_begins(&batch);
                state.counts.retried += 1;
                return Step::Deliver(batch);
            }
            let size = self.config.batch_size;
            if (state.waiting() >= size || state.rest_is_due())
                && let Some(batch) = state.take_batch(size)
            {
                *naps = NAPS;
                return Step::Deliver(batch);
            }
            if self.pressed.swap(false, Ordering::AcqRel) {
                return Step::Relieve;
            }
            if state.stop.is_some() && state.in_flight() == 0 {
                return Step::Stop;
            }
            let nap = *naps > 0;
            *naps = naps.saturating_sub(1);
            let until = if nap { tick.min(deadline(NAP)) } else { tick };
            (state.parked, state.napping) = (true, nap);
            state = wait(&self.queue.work, state, until);
            (state.parked, state.napping) = (false, false);
        }
    }

    /// Everything that waits is due now.
    pub(super) fn collect(&self) {
        self.drain();
        let mut state = self.queue.lock();
        state.deliver_upto = state.tail();
        let idle = state.pool.take_if_idle();
        drop(state);
        drop(idle);
    }

    /// Delivers a batch, however long that takes, or gives it up.
    fn deliver(&self, mut batch: Batch<T>) {
        self.prepare(&mut batch);
        let mut retries = None;
        // The next try's time, kept while flushes try out of turn.
        let mut scheduled = None;
        loop {
            let nudges = self.queue.lock().nudges;
            let Err(error) = self.attempt(&batch) else {
                return self.settle(batch, 0);
            };
            let next = self.next_try(&mut retries, scheduled, &error);
            match next.map_or(Wake::GiveUp, |at| self.wait_for_retry(at, nudges)) {
                Wake::GiveUp => {
                    let dropped = error.rejected_of(batch.items.len());
                    return self.settle(batch, dropped);
                }
                Wake::Due => scheduled = None,
                Wake::Nudged => scheduled = next,
            }
            let mut state = self.queue.lock();
            state.counts.retried += 1;
            state.call_begins(&batch);
        }
    }

    fn next_try(
        &self,
        retries: &mut Option<Retries>,
        scheduled: Option<Instant>,
        error: &ExportError,
    ) -> Option<Instant> {
        let retries = retries.get_or_insert_with(|| Retries::new(&self.config));
        match scheduled {
            Some(at) if error.is_retryable() => retries.not_before(at, error),
            _ => retries.next(error),
        }
    }

    /// Waits until `at`; `nudges` is how many there had been when the last try began.
    fn wait_for_retry(&self, at: Instant, nudges: u64) -> Wake {
        let mut state = self.queue.lock();
        loop {
            if state.nudges != nudges {
                return Wake::Nudged;
            }
            let now = Instant::now();
            let mut until = at;
            if let Some(stop) = &state.stop {
                if now >= stop.deadline {
                    return Wake::GiveUp;
                }
                until = at.min(stop.deadline);
            }
            if now >= at {
                return Wake::Due;
            }
            state = wait(&self.queue.work, state, until);
        }
    }

    fn answer(&self, tickets: &[Arc<Ticket>], flushed: &Outcome) {
        let lost = self.lost();
        let mut state = self.queue.lock();
        // First, so that a flush that begins after an answer does not report the same again. What
        // nobody hears is not reported yet.
        if !tickets.iter().all(|ticket| ticket.is_unattended()) {
            state.counts.reported = lost;
        }
        let last_error = state.counts.last_error.clone();
        drop(state);
        for ticket in tickets {
            let verdict = self.verdict(ticket, lost, last_error.clone());
            ticket.answer(match (flushed.clone(), verdict) {
                (
                    Err(ProcessorError::Failed { message, .. }),
                    Err(ProcessorError::Failed { dropped, .. }),
                ) => Err(ProcessorError::Failed { message, dropped }),
                (flushed, verdict) => flushed.and(verdict),
            });
        }
    }

    fn stop(&self) {
        let flushed = self.call(BatchSink::force_flush);
        let ended = self.call(BatchSink::shutdown);
        let mut state = self.queue.lock();
        let mut tickets = std::mem::take(&mut state.tickets);
        if let Some(stop) = &mut state.stop {
            stop.done = true;
            tickets.push(Arc::clone(&stop.ticket));
        }
        let idle = [state.pool.take_if_idle(), state.pool.take_if_idle()];
        drop(state);
        drop(idle);
        self.answer(&tickets, &flushed.and(ended));
    }
}
