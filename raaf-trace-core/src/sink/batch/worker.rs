//! The worker thread: the only one that calls the exporter, which may hang.

use std::mem;

use super::{Chunk, retry::Delivery, shared::Shared, step::Step, sync::deadline};

/// Delivers items until a shutdown.
pub(super) fn run<C: Chunk>(shared: &Shared<C>) {
    let (queue, exporter) = (shared.queue(), shared.exporter());
    let interval = shared.config().flush_interval;
    let mut tick = deadline(interval);
    let mut spare = Spare::<C>::default();
    loop {
        match queue.next_step(tick) {
            Step::Deliver(mut delivery) => {
                queue.reuse(delivery.batch.unpack(spare.take()));
                exporter.prepare(delivery.batch.items_mut());
                spare.keep(deliver(shared, delivery));
            }
            Step::Retry(delivery) => spare.keep(deliver(shared, delivery)),
            Step::Answer(requests) => {
                let flushed = exporter.force_flush();
                queue.answer(&requests, &flushed, shared.refused());
            }
            Step::Tick => {
                spare.free_if_idle();
                collect(shared);
                tick = deadline(interval);
            }
            Step::Relieve => {
                shared.reclaim_permits();
                shared.drain();
            }
            Step::Stop(undelivered) => {
                for delivery in undelivered {
                    let dropped = delivery.undelivered();
                    shared.settle(delivery.batch, dropped);
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
pub(super) fn collect<C: Chunk>(shared: &Shared<C>) {
    shared.drain();
    shared.queue().all_is_due();
}

/// Exports a batch once. If that fails, it is set aside for a retry, or dropped. Returns the items if
/// they are settled.
fn deliver<C: Chunk>(shared: &Shared<C>, mut delivery: Delivery<C>) -> Vec<C::Item> {
    match shared.attempt(&delivery.batch) {
        Ok(()) => shared.settle(delivery.batch, 0),
        Err(error) if delivery.failed(&error, shared.config()) => {
            shared.queue().set_aside(delivery);
            Vec::new()
        }
        Err(_) => {
            let dropped = delivery.undelivered();
            shared.settle(delivery.batch, dropped)
        }
    }
}

/// Memory for the items of the next batch: delivered items, cleared in the thread that made them.
struct Spare<C: Chunk> {
    items: Vec<C::Item>,
    /// `true` if it was used since the last check.
    used: bool,
}

impl<C: Chunk> Default for Spare<C> {
    fn default() -> Self {
        Self { items: Vec::new(), used: false }
    }
}

impl<C: Chunk> Spare<C> {
    fn take(&mut self) -> Vec<C::Item> {
        self.used = true;
        mem::take(&mut self.items)
    }

    fn keep(&mut self, mut items: Vec<C::Item>) {
        C::clear(&mut items);
        if items.capacity() > self.items.capacity() {
            self.items = items;
        }
    }

    fn free_if_idle(&mut self) {
        if !mem::take(&mut self.used) {
            self.items = Vec::new();
        }
    }
}
