//! The interface of the batch queue.

use std::{sync::Arc, time::Duration};

use super::{
    BatchConfig, BatchSink, Chunk,
    flush::FlushFuture,
    flush_request::{FlushRequest, Outcome},
    shared::Shared,
    sync::deadline,
};
use crate::base::process::PerProcess;
use raaf_trace_model::sink::stats::ProcessorStats;

/// Maximum time that dropping the queue waits for the worker to deliver the rest.
const DROP_TIMEOUT: Duration = Duration::from_secs(2);

/// A bounded queue in front of one exporter; see the [module](super) for the path of an item.
///
/// If dropped without [`shutdown`](Self::shutdown), it waits up to 2 seconds for the worker to
/// deliver the rest.
pub(crate) struct BatchQueue<C: Chunk> {
    shared: PerProcess<Arc<Shared<C>>>,
}

impl<C: Chunk> BatchQueue<C> {
    /// Creates a queue. The worker starts with the first item.
    pub(crate) fn new(exporter: Box<dyn BatchSink<C::Item>>, config: BatchConfig) -> Self {
        Self { shared: PerProcess::new(Shared::new(exporter, config)) }
    }

    pub(crate) fn name(&self) -> &str {
        self.shared().exporter().name()
    }

    /// Adds an item, or returns it, counted as dropped: no capacity, or after a shutdown.
    pub(crate) fn push(&self, item: C::Item, is_leaf: bool) -> Result<(), C::Item> {
        let mut item = Some(item);
        let write = |chunk: &mut C| {
            if let Some(item) = item.take() {
                chunk.push(item);
            }
        };
        let _ = self.push_with(write, is_leaf);
        item.map_or(Ok(()), Err)
    }

    /// Adds the item that `write` pushes. Returns `write` for a rejected item, which is counted as
    /// dropped.
    pub(crate) fn push_with<W: FnOnce(&mut C)>(&self, write: W, is_leaf: bool) -> Result<(), W> {
        self.shared().push_with(write, is_leaf)
    }

    /// Adds the item that `write` pushes if there is a permit and memory at hand; otherwise returns
    /// `write`.
    #[inline]
    pub(crate) fn try_push_with<W: FnOnce(&mut C)>(&self, write: W) -> Result<(), W> {
        self.shared().try_push_with(write)
    }

    /// Waits until everything pushed before, by any thread, is delivered and flushed, and returns
    /// the losses.
    pub(crate) fn force_flush(&self, timeout: Duration) -> Outcome {
        let deadline = deadline(timeout);
        self.shared().wait_for(&self.shared().begin_flush(), deadline)
    }

    /// Flushes like [`force_flush`](Self::force_flush) without blocking the thread.
    pub(crate) fn force_flush_async(&self, timeout: Duration) -> FlushFuture<C> {
        FlushFuture::new(Arc::clone(self.shared()), timeout)
    }

    /// Rejects further items, delivers the rest and ends the worker. Further calls wait for the
    /// same outcome.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Outcome {
        let deadline = deadline(timeout);
        let request = self.shared().begin_shutdown();
        if self.shared().exporter().is_inside() {
            return Err(FlushRequest::from_inside());
        }
        self.shared().wait_for(&request, deadline)
    }

    /// Calls code that shares locks with the exporter; `None` if a fork has cut that off.
    pub(crate) fn guarded<R>(&self, call: impl FnOnce() -> R) -> Option<R> {
        self.shared().exporter().guarded(call).ok()
    }

    pub(crate) fn stats(&self) -> ProcessorStats {
        self.shared().stats()
    }

    /// Returns the queue of this process. A forked child has one of its own, with a worker of its
    /// own: what waited at the fork is the parent's to deliver.
    #[inline]
    pub(super) fn shared(&self) -> &Arc<Shared<C>> {
        self.shared.get(|parent| parent.of_child())
    }
}

impl<C: Chunk> Drop for BatchQueue<C> {
    fn drop(&mut self) {
        if self.shared().is_started() && !self.shared().queue().is_stopping() {
            let _ = self.shutdown(DROP_TIMEOUT);
        }
    }
}
