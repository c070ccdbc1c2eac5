//! Flush as a future.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use super::{
    Chunk,
    flush_request::{FlushRequest, Outcome},
    shared::Shared,
    sync::{Instant, deadline, thread},
};

/// A flush that began when this was created. Dropping it does not cancel the flush.
pub(crate) struct FlushFuture<C: Chunk> {
    shared: Arc<Shared<C>>,
    request: Arc<FlushRequest>,
    deadline: Instant,
    /// `true` once a thread waits for the deadline.
    watched: bool,
}

impl<C: Chunk> FlushFuture<C> {
    pub(super) fn new(shared: Arc<Shared<C>>, timeout: Duration) -> Self {
        let deadline = deadline(timeout);
        let request = shared.begin_flush();
        Self { shared, request, deadline, watched: false }
    }

    /// Starts a thread that waits until the deadline, since there may be no runtime with timers.
    /// Returns whether it could be started.
    fn watch(&self) -> bool {
        let (shared, request, deadline) =
            (Arc::clone(&self.shared), Arc::clone(&self.request), self.deadline);
        let watch = move || drop(shared.wait_for(&request, deadline));
        thread::Builder::new().name("raaf-flush".to_owned()).spawn(watch).is_ok()
    }
}

impl<C: Chunk> Drop for FlushFuture<C> {
    fn drop(&mut self) {
        self.shared.queue().abandon(&self.request);
    }
}

impl<C: Chunk> Future for FlushFuture<C> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        if let Poll::Ready(outcome) = self.request.poll(context.waker()) {
            return Poll::Ready(outcome);
        }
        if Instant::now() >= self.deadline || !(self.watched || self.watch()) {
            return Poll::Ready(self.shared.expire(&self.request));
        }
        self.watched = true;
        Poll::Pending
    }
}
