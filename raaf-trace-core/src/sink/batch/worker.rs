//! The worker thread.

use super::{
    Recycle,
    backlog::Batch,
    queue::{Step, Wake},
    retry::Retries,
    shared::Shared,
    sync::{Instant, deadline},
};

/// Delivers items until a shutdown.
pub(super) fn run<T: Recycle>(shared: &Shared<T>) {
    let (queue, exporter) = (shared.queue(), shared.exporter());
    let interval = shared.config().flush_interval;
    let mut tick = deadline(interval);
    loop {
        match queue.next_step(tick) {
            Step::Deliver(batch) => deliver(shared, batch),
            Step::Answer(requests) => {
                let flushed = exporter.force_flush();
                queue.answer(&requests, &flushed, shared.refused());
            }
            Step::Tick => {
                collect(shared);
                tick = deadline(interval);
            }
            Step::Relieve => {
                shared.reclaim_permits();
                shared.drain();
            }
            Step::Stop => {
                let flushed = exporter.force_flush();
                let ended = exporter.shutdown();
                queue.answer(&queue.close(), &flushed.and(ended), shared.refused());
                return;
            }
        }
    }
}

/// Collects the items of the shards and marks all waiting items as due.
pub(super) fn collect<T: Recycle>(shared: &Shared<T>) {
    shared.drain();
    shared.queue().all_is_due();
}

/// Delivers a batch with retries, or drops it.
fn deliver<T: Recycle>(shared: &Shared<T>, mut batch: Batch<T>) {
    shared.exporter().prepare(batch.items_mut());
    let queue = shared.queue();
    let mut retries = None;
    // Time of the next scheduled attempt, kept during extra attempts for flushes.
    let mut scheduled: Option<Instant> = None;
    loop {
        let nudges = queue.nudges();
        let Err(error) = shared.attempt(&batch) else {
            return shared.settle(batch, 0);
        };
        let retries = retries.get_or_insert_with(|| Retries::new(shared.config()));
        let next = match scheduled {
            Some(at) if error.is_retryable() => retries.not_before(at, &error),
            _ => retries.next(&error),
        };
        match next.map_or(Wake::GiveUp, |at| queue.wait_for_retry(at, nudges)) {
            Wake::GiveUp => {
                let dropped = error.rejected_of(batch.items().len());
                return shared.settle(batch, dropped);
            }
            Wake::Due => scheduled = None,
            Wake::Nudged => scheduled = next,
        }
        queue.try_again(&batch);
    }
}
