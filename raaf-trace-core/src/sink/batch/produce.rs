//! The producers' side: accepting items and handing chunks over.

use std::{sync::Arc, time::Duration};

use super::{
    BatchConfig, BatchSink, Recycle,
    flush::FlushFuture,
    hub::Hub,
    shards::{Shard, Shards},
    sync::{MutexGuard, atomic::Ordering, lock},
    ticket::Outcome,
};
use raaf_trace_model::sink::stats::ProcessorStats;

/// How long dropping the queue waits for the worker to deliver the rest.
const DROP_TIMEOUT: Duration = Duration::from_secs(2);

/// A bounded queue in front of one exporter; see the [module](super) for who holds what.
///
/// Dropped without [`shutdown`](Self::shutdown), it asks the worker to deliver what is left and
/// waits up to 2 seconds for that.
pub(crate) struct BatchQueue<T: Recycle> {
    hub: Arc<Hub<T>>,
}

impl<T: Recycle> BatchQueue<T> {
    /// Starts nothing yet: the worker begins with the first item.
    pub(crate) fn new(exporter: Box<dyn BatchSink<T>>, config: BatchConfig) -> Self {
        Self { hub: Hub::new(exporter, config) }
    }

    /// Where items wait for a chunk to be full.
    pub(crate) fn shards(&self) -> &Arc<Shards<T>> {
        &self.hub.shards
    }

    pub(crate) fn name(&self) -> &str {
        &self.hub.name
    }

    /// Takes an item, or gives it back, counted as dropped: no room, or after a shutdown.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        self.hub.push(item)
    }

    /// Returns once everything pushed before, by any thread, is delivered and flushed, or says
    /// what was not.
    pub(crate) fn force_flush(&self, timeout: Duration) -> Outcome {
        self.hub.flush(timeout)
    }

    /// As [`force_flush`](Self::force_flush), without blocking the thread.
    pub(crate) fn force_flush_async(&self, timeout: Duration) -> FlushFuture<T> {
        FlushFuture::new(Arc::clone(&self.hub), timeout)
    }

    /// Refuses further items, delivers the rest and ends the worker. Further calls wait for, and
    /// answer, the same.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Outcome {
        self.hub.shutdown(timeout)
    }

    pub(crate) fn stats(&self) -> ProcessorStats {
        self.hub.stats()
    }

    #[cfg(test)]
    pub(super) fn hub(&self) -> &Arc<Hub<T>> {
        &self.hub
    }
}

impl<T: Recycle> Drop for BatchQueue<T> {
    fn drop(&mut self) {
        let unused = self.hub.started.get().is_none();
        if !unused && self.hub.queue.lock().stop.is_none() {
            let _ = self.hub.shutdown(DROP_TIMEOUT);
        }
    }
}

impl<T: Recycle> Hub<T> {
    fn push(self: &Arc<Self>, item: T) -> Result<(), T> {
        let mut shard = lock(self.shards.mine());
        if shard.items.capacity() == 0 && !shard.closed {
            drop(shard);
            let chunk = self.empty_chunk();
            shard = lock(self.shards.mine());
            if shard.items.capacity() == 0 {
                shard.items = chunk;
            }
        }
        if shard.reserved == 0 {
            if shard.closed || !self.start_worker() {
                shard.received += 1;
                shard.refused += 1;
                drop(shard);
                self.report_refusal();
                return Err(item);
            }
            let grant = self.budget.take();
            shard.reserved = grant.places;
            if grant.pressing {
                self.press();
            }
            if grant.places == 0 {
                drop(shard);
                return self.push_when_full(item);
            }
        }
        shard.reserved -= 1;
        self.put(shard, item);
        Ok(())
    }

    /// A chunk to fill: one that was delivered, if there is any. Its items are let go of here, in
    /// the thread that needs their memory.
    fn empty_chunk(&self) -> Vec<T> {
        let used = self.queue.lock().pool.take();
        let mut chunk = used.unwrap_or_default();
        T::recycle(&mut chunk);
        chunk.clear();
        chunk.reserve_exact(self.chunk_size);
        chunk
    }

    /// Puts an item that has a place.
    fn put(&self, mut shard: MutexGuard<'_, Shard<T>>, item: T) {
        shard.items.push(item);
        shard.received += 1;
        if shard.items.len() >= self.chunk_size {
            self.hand_over(shard);
        }
    }

    #[cold]
    fn push_when_full(&self, item: T) -> Result<(), T> {
        self.budget.sweep(|| self.shards.take_reserved());
        let has_place = self.budget.take_one() || self.help_for_a_place();
        let mut shard = lock(self.shards.mine());
        if has_place && !shard.closed {
            self.put(shard, item);
            return Ok(());
        }
        shard.received += 1;
        shard.refused += 1;
        drop(shard);
        self.report_refusal();
        if has_place {
            self.budget.release(1);
        }
        Err(item)
    }

    /// Moves a shard's items to the queue, under its lock: at no time are they in neither.
    fn hand_over(&self, mut shard: MutexGuard<'_, Shard<T>>) {
        let chunk = std::mem::take(&mut shard.items);
        let mut state = self.queue.lock();
        state.append(chunk);
        let waiting = state.waiting();
        // A nap is short, but a burst can be shorter.
        let much = waiting >= self.config.max_spans / 2;
        let wake = state.parked && waiting >= self.config.batch_size && (much || !state.napping);
        if wake {
            state.parked = false;
        }
        drop(state);
        drop(shard);
        if wake {
            self.queue.work.notify_one();
        }
    }

    /// Asks the worker to collect what the shards hold.
    fn press(&self) {
        if self.pressed.load(Ordering::Relaxed) || self.pressed.swap(true, Ordering::AcqRel) {
            return;
        }
        let parked = std::mem::take(&mut self.queue.lock().parked);
        if parked {
            self.queue.work.notify_one();
        }
    }
}
