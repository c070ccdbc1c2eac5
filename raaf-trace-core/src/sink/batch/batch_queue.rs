//! The queue as its users see it.

use std::{sync::Arc, time::Duration};

use super::{
    BatchConfig, BatchSink, Recycle,
    flush::FlushFuture,
    flush_request::{FlushRequest, Outcome},
    shared::Shared,
    sync::deadline,
};
use crate::base::process::PerProcess;
use raaf_trace_model::sink::stats::ProcessorStats;

/// How long dropping the queue waits for the worker to deliver the rest.
const DROP_TIMEOUT: Duration = Duration::from_secs(2);

/// A bounded queue in front of one exporter; see the [module](super) for who holds what.
///
/// Dropped without [`shutdown`](Self::shutdown), it asks the worker to deliver what is left and
/// waits up to 2 seconds for that.
pub(crate) struct BatchQueue<T: Recycle> {
    shared: PerProcess<Arc<Shared<T>>>,
}

impl<T: Recycle> BatchQueue<T> {
    /// Starts nothing yet: the worker begins with the first item.
    pub(crate) fn new(exporter: Box<dyn BatchSink<T>>, config: BatchConfig) -> Self {
        Self { shared: PerProcess::new(Shared::new(exporter, config)) }
    }

    pub(crate) fn name(&self) -> &str {
        self.shared().exporter().name()
    }

    /// Takes an item, or gives it back, counted as dropped: no room, or after a shutdown.
    pub(crate) fn push(&self, item: T) -> Result<(), T> {
        self.shared().push_with(|| item, |_| ())
    }

    /// As [`push`](Self::push) of the item that `make` makes. What `complete` does to it happens
    /// where the item stays, since what was written a moment ago is slow to move; an item that is
    /// given back was not completed.
    #[inline]
    pub(crate) fn push_with(
        &self,
        make: impl FnOnce() -> T,
        complete: impl FnOnce(&mut T),
    ) -> Result<(), T> {
        self.shared().push_with(make, complete)
    }

    /// Returns once everything pushed before, by any thread, is delivered and flushed, or reports
    /// what was not.
    pub(crate) fn force_flush(&self, timeout: Duration) -> Outcome {
        let deadline = deadline(timeout);
        self.shared().wait_for(&self.shared().begin_flush(), deadline)
    }

    /// As [`force_flush`](Self::force_flush), without blocking the thread.
    pub(crate) fn force_flush_async(&self, timeout: Duration) -> FlushFuture<T> {
        FlushFuture::new(Arc::clone(self.shared()), timeout)
    }

    /// Refuses further items, delivers the rest and ends the worker. Further calls wait for, and
    /// return, the same outcome.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Outcome {
        let deadline = deadline(timeout);
        let request = self.shared().begin_shutdown(deadline);
        if self.shared().exporter().is_inside() {
            return Err(FlushRequest::from_inside());
        }
        self.shared().wait_for(&request, deadline)
    }

    pub(crate) fn stats(&self) -> ProcessorStats {
        self.shared().stats()
    }

    /// Returns the queue of this process. A forked child has one of its own, with a worker of its
    /// own: what waited at the fork is the parent's to deliver.
    #[inline]
    pub(super) fn shared(&self) -> &Arc<Shared<T>> {
        self.shared.get(|parent| parent.of_child())
    }
}

impl<T: Recycle> Drop for BatchQueue<T> {
    fn drop(&mut self) {
        if self.shared().is_started() && !self.shared().queue().is_stopping() {
            let _ = self.shutdown(DROP_TIMEOUT);
        }
    }
}
