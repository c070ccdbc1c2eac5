//! What producers, the worker and flushes share: the way of an item from a shard to a batch.

use std::sync::Arc;

use super::{
    BatchConfig, BatchSink, Recycle,
    backlog::Batch,
    caller_runs::CallerRuns,
    exporter::Exporter,
    flush_request::{FlushRequest, Outcome},
    permits::Permits,
    queue::Queue,
    shards::{Shard, Shards},
    sync::{Instant, MutexGuard, OnceLock, thread},
    worker,
};
use crate::diagnostics::{self, Category, Repeated};
use raaf_trace_model::sink::{ExportError, stats::ProcessorStats};

/// A chunk is handed over at this size even where batches are larger.
const MAX_CHUNK: usize = 512;

pub(super) struct Shared<T> {
    config: BatchConfig,
    chunk_size: usize,
    exporter: Arc<Exporter<T>>,
    shards: Shards<T>,
    permits: Permits,
    queue: Queue<T>,
    caller_runs: CallerRuns,
    /// Whether the worker could be started; empty before anything was pushed.
    started: OnceLock<bool>,
    refusals: Repeated,
}

impl<T: Recycle> Shared<T> {
    pub(super) fn new(sink: Box<dyn BatchSink<T>>, config: BatchConfig) -> Arc<Self> {
        Self::around(Arc::new(Exporter::new(sink)), config.clamped())
    }

    /// Creates what a forked child uses in place of this, of which another thread may have held
    /// any lock.
    pub(super) fn of_child(&self) -> Arc<Self> {
        Self::around(Arc::clone(&self.exporter), self.config.clone())
    }

    fn around(exporter: Arc<Exporter<T>>, config: BatchConfig) -> Arc<Self> {
        let chunk_size = config.batch_size.min(MAX_CHUNK);
        Arc::new(Self {
            chunk_size,
            shards: Shards::new(chunk_size),
            permits: Permits::new(config.max_spans, config.batch_size),
            queue: Queue::new(&config, chunk_size),
            caller_runs: CallerRuns::new(exporter.overflow(), config.help_limit),
            exporter,
            started: OnceLock::new(),
            refusals: Repeated::new(),
            config,
        })
    }

    pub(super) fn config(&self) -> &BatchConfig {
        &self.config
    }

    pub(super) fn exporter(&self) -> &Exporter<T> {
        &self.exporter
    }

    pub(super) fn queue(&self) -> &Queue<T> {
        &self.queue
    }

    /// Takes the item that `make` makes and `complete` completes where it stays, or returns it,
    /// counted as dropped: no room, or after a shutdown.
    #[inline]
    pub(super) fn push_with(
        self: &Arc<Self>,
        make: impl FnOnce() -> T,
        complete: impl FnOnce(&mut T),
    ) -> Result<(), T> {
        let mut shard = self.shards.current();
        if !shard.is_ready() {
            match self.make_ready(shard) {
                Some(ready) => shard = ready,
                None => return Err(make()),
            }
        }
        if shard.push(make, complete) {
            self.hand_over(shard);
        }
        Ok(())
    }

    /// Gets the shard a chunk and permits. Without, the item is counted as refused.
    #[inline(never)]
    fn make_ready<'a>(
        self: &'a Arc<Self>,
        mut shard: MutexGuard<'a, Shard<T>>,
    ) -> Option<MutexGuard<'a, Shard<T>>> {
        if !shard.has_chunk() && !shard.is_closed() {
            drop(shard);
            let chunk = self.empty_chunk();
            shard = self.shards.current();
            shard.add_chunk(chunk);
        }
        if shard.has_permits() {
            return Some(shard);
        }
        if shard.is_closed() || !self.start_worker() {
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

    /// Gets the shard a permit that other shards do not use, or one of a batch that the caller
    /// exports.
    #[cold]
    fn make_room(&self) -> Option<MutexGuard<'_, Shard<T>>> {
        self.reclaim_permits();
        let has_permit = self.try_take_permit() || self.caller_runs.get_permit(self);
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

    fn refuse<'a>(&self, mut shard: MutexGuard<'a, Shard<T>>) -> Option<MutexGuard<'a, Shard<T>>> {
        shard.count_refusal();
        drop(shard);
        if let Some(times) = self.refusals.happened() {
            diagnostics::warn(
                Category::Tracing,
                format_args!(
                    "`{}` had no room for a span, or was shut down already, {times} times so far",
                    self.exporter.name()
                ),
            );
        }
        None
    }

    /// A chunk to fill: one that was delivered, if there is any. Its items are let go of here, in
    /// the thread that needs their memory.
    fn empty_chunk(&self) -> Vec<T> {
        let mut chunk = self.queue.take_used_chunk().unwrap_or_default();
        T::recycle(&mut chunk);
        chunk.clear();
        chunk.reserve_exact(self.chunk_size);
        chunk
    }

    /// Moves a shard's items to the queue, under its lock: at no time are they in neither.
    fn hand_over(&self, mut shard: MutexGuard<'_, Shard<T>>) {
        let wake = self.queue.hand_over(shard.take_chunk());
        drop(shard);
        if wake {
            self.queue.wake();
        }
    }

    /// Hands over what every shard holds.
    pub(super) fn drain(&self) {
        for mut shard in self.shards.each() {
            if let Some(chunk) = shard.take_items() {
                self.queue.append(chunk);
            }
        }
    }

    pub(super) fn try_take_permit(&self) -> bool {
        self.permits.try_take_one()
    }

    /// Takes back the permits that shards do not use.
    pub(super) fn reclaim_permits(&self) {
        self.permits.reclaim(|| self.shards.take_permits());
    }

    /// How many items were refused.
    pub(super) fn refused(&self) -> u64 {
        self.shards.refused()
    }

    /// Offers a batch to the exporter once. The caller still holds it afterwards.
    pub(super) fn attempt(&self, batch: &Batch<T>) -> Result<(), ExportError> {
        let exported = self.exporter.export(batch.items());
        if let Err(error) = &exported
            && self.queue.call_failed(batch, error)
        {
            return Err(ExportError::permanent(error.to_string()));
        }
        exported
    }

    /// Counts a batch as delivered, except for so many of its items, and frees its permits.
    pub(super) fn settle(&self, batch: Batch<T>, dropped: usize) {
        let permits = batch.items().len();
        self.queue.settle(batch, dropped, || self.permits.release(permits));
    }

    /// Starts the worker unless that was done before. Returns whether there is one.
    fn start_worker(self: &Arc<Self>) -> bool {
        *self.started.get_or_init(|| {
            let shared = Arc::clone(self);
            let name = self.exporter.name();
            let spawned = thread::Builder::new()
                .name(format!("raaf-{name}"))
                .spawn(move || shared.exporter.run(|| worker::run(&shared)));
            if let Err(error) = &spawned {
                let message = format!("the exporter's thread could not be started: {error}");
                diagnostics::error(Category::Tracing, format_args!("`{name}`: {message}"));
                self.queue.set_last_error(message);
            }
            spawned.is_ok()
        })
    }

    pub(super) fn is_started(&self) -> bool {
        self.started.get().is_some()
    }

    /// Asks for everything pushed so far, and for waiting retries to be tried now.
    pub(super) fn begin_flush(&self) -> Arc<FlushRequest> {
        let refused = self.refused();
        self.drain();
        let worker = self.started.get().copied();
        self.queue.begin_flush(refused, worker, self.exporter.is_inside())
    }

    /// Closes the shards and asks the worker to end; once.
    pub(super) fn begin_shutdown(self: &Arc<Self>, deadline: Instant) -> Arc<FlushRequest> {
        let worker = self.start_worker();
        for mut shard in self.shards.each() {
            let (items, permits) = shard.close();
            self.permits.release(permits);
            if !items.is_empty() {
                self.queue.append(items);
            }
        }
        self.queue.begin_shutdown(deadline, worker)
    }

    /// Waits for a flush until `deadline`.
    pub(super) fn wait_for(&self, request: &Arc<FlushRequest>, deadline: Instant) -> Outcome {
        request.wait_until(deadline).unwrap_or_else(|| self.expire(request))
    }

    /// Completes a flush whose time ran out.
    pub(super) fn expire(&self, request: &Arc<FlushRequest>) -> Outcome {
        self.queue.expire(request, self.refused())
    }

    pub(super) fn stats(&self) -> ProcessorStats {
        let (received, refused, held) = self.shards.counts();
        let mut stats = ProcessorStats {
            name: self.exporter.name().to_owned(),
            received,
            dropped: refused,
            queued: held,
            panics: self.exporter.panics(),
            ..ProcessorStats::default()
        };
        self.queue.add_stats(&mut stats);
        stats
    }

    #[cfg(test)]
    pub(super) fn free_permits(&self) -> usize {
        self.permits.free()
    }
}
