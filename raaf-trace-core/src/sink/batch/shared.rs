//! State shared by producers, the worker and flushes: the path of an item from a shard to a batch.

use std::sync::Arc;

use super::{
    BatchConfig, BatchSink, Chunk,
    backlog::Batch,
    exporter::Exporter,
    flush_request::{FlushRequest, Outcome},
    permits::Permits,
    queue::Queue,
    shards::{Shard, Shards},
    sync::{Instant, MutexGuard, OnceLock, deadline, thread},
    worker,
};
use crate::diagnostics::{self, Category, Repeated};
use raaf_trace_model::sink::{ExportError, Overflow, stats::ProcessorStats};

/// Maximum size of a chunk, even where batches are larger.
const MAX_CHUNK: usize = 512;

pub(super) struct Shared<C: Chunk> {
    config: BatchConfig,
    chunk_size: usize,
    exporter: Arc<Exporter<C::Item>>,
    shards: Shards<C>,
    permits: Permits,
    queue: Queue<C>,
    /// Result of starting the worker; empty before the first item.
    started: OnceLock<bool>,
    refusals: Repeated,
}

impl<C: Chunk> Shared<C> {
    pub(super) fn new(sink: Box<dyn BatchSink<C::Item>>, config: BatchConfig) -> Arc<Self> {
        if let Err(error) = config.check() {
            diagnostics::warn_of_value(&error);
        }
        let exporter = Exporter::new(sink);
        let mut config = config.clamped();
        config.flush_interval = config.flush_interval_for(exporter.overflow());
        Self::around(Arc::new(exporter), config)
    }

    /// Creates what a forked child uses in place of this, of which another thread may have held
    /// any lock.
    pub(super) fn of_child(&self) -> Arc<Self> {
        Self::around(Arc::clone(&self.exporter), self.config.clone())
    }

    fn around(exporter: Arc<Exporter<C::Item>>, config: BatchConfig) -> Arc<Self> {
        let chunk_size = config.batch_size.min(MAX_CHUNK);
        Arc::new(Self {
            chunk_size,
            shards: Shards::new(chunk_size),
            permits: Permits::new(config.max_spans, config.batch_size),
            queue: Queue::new(&config, chunk_size),
            exporter,
            started: OnceLock::new(),
            refusals: Repeated::new(),
            config,
        })
    }

    pub(super) fn config(&self) -> &BatchConfig {
        &self.config
    }

    pub(super) fn exporter(&self) -> &Exporter<C::Item> {
        &self.exporter
    }

    pub(super) fn queue(&self) -> &Queue<C> {
        &self.queue
    }

    /// Adds the item that `write` pushes if there is a permit and memory at hand; otherwise returns
    /// `write`.
    #[inline]
    pub(super) fn try_push_with<W: FnOnce(&mut C)>(&self, write: W) -> Result<(), W> {
        let mut shard = self.shards.current();
        if !shard.is_ready() {
            return Err(write);
        }
        if shard.push(write) {
            self.hand_over(shard);
        }
        Ok(())
    }

    /// Adds the item that `write` pushes, or returns `write`, counted as dropped: no capacity, or
    /// after a shutdown. Without capacity, an item that is no leaf takes the place of a leaf, which is
    /// dropped instead.
    pub(super) fn push_with<W: FnOnce(&mut C)>(
        self: &Arc<Self>,
        write: W,
        is_leaf: bool,
    ) -> Result<(), W> {
        self.try_push_with(write).or_else(|write| match self.make_ready() {
            Some(mut shard) => {
                if shard.push(write) {
                    self.hand_over(shard);
                }
                Ok(())
            }
            None if is_leaf => Err(write),
            None => self.replace_leaf(write),
        })
    }

    #[cold]
    fn replace_leaf<W: FnOnce(&mut C)>(&self, write: W) -> Result<(), W> {
        if self.queue.has_no_leaf() {
            return Err(write);
        }
        self.queue.replace_leaf(write).or_else(|write| {
            self.drain();
            self.queue.replace_leaf(write)
        })
    }

    /// Provides the shard with a chunk and permits. If that fails, counts the item as rejected.
    #[inline(never)]
    fn make_ready(self: &Arc<Self>) -> Option<MutexGuard<'_, Shard<C>>> {
        let mut shard = self.shards.current();
        if !shard.has_chunk() && !shard.is_closed() {
            // Unlocked: a failure to start is reported to the user's handler.
            drop(shard);
            self.start_worker();
            let chunk = self.empty_chunk();
            shard = self.shards.current();
            shard.add_chunk(chunk);
        }
        if shard.has_permits() {
            return Some(shard);
        }
        if shard.is_closed() || self.started.get() != Some(&true) {
            return self.refuse(shard);
        }
        let block = self.permits.take_block();
        if block.scarce {
            self.queue.ask_for_relief();
        }
        if block.permits == 0 {
            drop(shard);
            return self.make_room();
        }
        shard.add_permits(block.permits);
        Some(shard)
    }

    /// Gets a permit for the shard: one that other shards do not use, or, after a wait, one of a
    /// batch that is settled.
    #[cold]
    fn make_room(&self) -> Option<MutexGuard<'_, Shard<C>>> {
        self.reclaim_permits();
        let has_permit = self.permits.try_take_one() || self.wait_for_permit();
        let mut shard = self.shards.current();
        if has_permit && !shard.is_closed() {
            shard.add_permits(1);
            return Some(shard);
        }
        if has_permit {
            self.permits.release(1);
        }
        self.refuse(shard)
    }

    fn wait_for_permit(&self) -> bool {
        let waits = self.exporter.overflow() == Overflow::Wait && !self.exporter.is_inside();
        let until = || deadline(self.config.max_wait);
        waits && self.queue.wait_for_room(until(), || self.permits.try_take_one())
    }

    fn refuse<'a>(&self, mut shard: MutexGuard<'a, Shard<C>>) -> Option<MutexGuard<'a, Shard<C>>> {
        shard.count_refusal();
        drop(shard);
        if let Some(times) = self.refusals.happened() {
            diagnostics::warn(
                Category::Export,
                format_args!(
                    "`{}` dropped a span because its queue was full or shut down, {times} times \
                     so far",
                    self.exporter.name()
                ),
            );
        }
        None
    }

    /// Returns a chunk to fill.
    fn empty_chunk(&self) -> C {
        let mut chunk = self.queue.take_chunk().unwrap_or_default();
        chunk.prepare(self.chunk_size);
        chunk
    }

    /// Moves the items of a shard to the queue under the shard's lock, so that they are always in
    /// one of the two.
    fn hand_over(&self, mut shard: MutexGuard<'_, Shard<C>>) {
        let wake = shard.take_chunk().is_some_and(|chunk| self.queue.hand_over(chunk));
        drop(shard);
        if wake {
            self.queue.wake();
        }
    }

    /// Moves the items of every shard to the queue.
    pub(super) fn drain(&self) {
        for mut shard in self.shards.each() {
            if let Some(chunk) = shard.take_items() {
                self.queue.append(chunk);
            }
        }
    }

    /// Returns the permits that shards do not use.
    pub(super) fn reclaim_permits(&self) {
        self.permits.reclaim(|| self.shards.take_permits());
    }

    /// Returns the number of rejected items.
    pub(super) fn refused(&self) -> u64 {
        self.shards.refused()
    }

    /// Exports a batch once. The caller still holds it afterwards.
    pub(super) fn attempt(&self, batch: &Batch<C>) -> Result<(), ExportError> {
        let exported = self.exporter.export(batch.items());
        if let Err(error) = &exported
            && self.queue.call_failed(batch, error)
        {
            return Err(ExportError::permanent(error.to_string()));
        }
        exported
    }

    /// Counts a batch as delivered, except for `dropped` items, and frees its permits. Returns the
    /// items.
    pub(super) fn settle(&self, batch: Batch<C>, dropped: usize) -> Vec<C::Item> {
        let permits = batch.len();
        self.queue.settle(batch, dropped, || self.permits.release(permits))
    }

    /// Starts the worker unless it was started before. Returns whether there is one.
    fn start_worker(self: &Arc<Self>) -> bool {
        let mut failure = None;
        let name = self.exporter.name();
        let is_started = *self.started.get_or_init(|| {
            let shared = Arc::clone(self);
            let spawned = thread::Builder::new()
                .name(format!("raaf-{name}"))
                .spawn(move || shared.exporter.run(|| worker::run(&shared)));
            if let Err(error) = &spawned {
                let message = format!("the exporter's thread could not be started: {error}");
                failure = Some(message.clone());
                self.queue.set_last_error(message);
            }
            spawned.is_ok()
        });
        if let Some(message) = failure {
            diagnostics::error(Category::Export, format_args!("`{name}`: {message}"));
        }
        is_started
    }

    pub(super) fn is_started(&self) -> bool {
        self.started.get().is_some()
    }

    /// Requests delivery of everything pushed so far, and immediate retries.
    pub(super) fn begin_flush(&self) -> Arc<FlushRequest> {
        let refused = self.refused();
        self.drain();
        let worker = self.started.get().copied();
        self.queue.begin_flush(refused, worker, self.exporter.is_inside())
    }

    /// Closes the shards and requests the worker to end; once.
    pub(super) fn begin_shutdown(self: &Arc<Self>) -> Arc<FlushRequest> {
        let worker = self.start_worker();
        for mut shard in self.shards.each() {
            let (items, permits) = shard.close();
            self.permits.release(permits);
            if let Some(items) = items.filter(|items| items.len() > 0) {
                self.queue.append(items);
            }
        }
        self.queue.begin_shutdown(worker)
    }

    /// Waits for a flush until `deadline`.
    pub(super) fn wait_for(&self, request: &Arc<FlushRequest>, deadline: Instant) -> Outcome {
        request.wait_until(deadline).unwrap_or_else(|| self.expire(request))
    }

    /// Completes a flush whose deadline passed.
    pub(super) fn expire(&self, request: &Arc<FlushRequest>) -> Outcome {
        self.queue.expire(request, self.refused())
    }

    /// Returns counts of one moment, for which it holds all locks.
    pub(super) fn stats(&self) -> ProcessorStats {
        let mut stats = ProcessorStats {
            name: self.exporter.name().to_owned(),
            panics: self.exporter.panics(),
            ..ProcessorStats::default()
        };
        self.shards.with_counts(|(received, refused, held)| {
            (stats.received, stats.dropped, stats.queued) = (received, refused, held);
            self.queue.add_stats(&mut stats);
        });
        stats
    }

    #[cfg(test)]
    pub(super) fn free_permits(&self) -> usize {
        self.permits.free()
    }
}
