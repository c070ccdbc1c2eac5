//! The worker thread: the only one that calls the exporter, which may hang.

use super::{Recycle, retry::Delivery, shared::Shared, step::Step, sync::deadline};

/// Delivers items until a shutdown.
pub(super) fn run<T: Recycle>(shared: &Shared<T>) {
    let (queue, exporter) = (shared.queue(), shared.exporter());
    let interval = shared.config().flush_interval;
    let mut tick = deadline(interval);
    loop {
        match queue.next_step(tick) {
            Step::Deliver(mut delivery) => {
                exporter.prepare(delivery.batch.items_mut());
                deliver(shared, delivery);
            }
            Step::Retry(delivery) => deliver(shared, delivery),
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
            Step::Stop(undelivered) => {
                for delivery in undelivered {
                    let all = delivery.batch.items().len();
                    shared.settle(delivery.batch, all);
                }
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

/// Exports a batch once. If that fails, it is set aside for a retry, or dropped.
fn deliver<T: Recycle>(shared: &Shared<T>, mut delivery: Delivery<T>) {
    match shared.attempt(&delivery.batch) {
        Ok(()) => shared.settle(delivery.batch, 0),
        Err(error) if delivery.failed(&error, shared.config()) => {
            shared.queue().set_aside(delivery);
        }
        Err(error) => {
            let dropped = error.rejected_of(delivery.batch.items().len());
            shared.settle(delivery.batch, dropped);
        }
    }
}
