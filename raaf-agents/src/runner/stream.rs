//! Streamed runs.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures::{Stream, StreamExt as _, channel::mpsc::UnboundedReceiver, future::BoxFuture};

use super::RunError;
use crate::run::{RunEvent, RunResult};

/// Stream of a run's events; see [`Runner::stream`](crate::Runner::stream).
///
/// The run makes progress only while the stream is polled. [`RunEvent::Done`] or an error is the last
/// item. Dropping the stream stops the run, and open spans end as cancelled. The [session](crate::Session)
/// keeps the work of tools. To keep the text so far, too, [cancel the run](crate::RunConfig::cancellation)
/// and poll the stream to its end: the text is in the error's [progress](crate::RunError::progress).
#[must_use = "a run does nothing unless it is polled"]
pub struct RunStream {
    work: Option<BoxFuture<'static, Result<RunResult, RunError>>>,
    events: UnboundedReceiver<RunEvent>,
    outcome: Option<Result<RunResult, RunError>>,
}

impl RunStream {
    pub(super) fn new(
        work: BoxFuture<'static, Result<RunResult, RunError>>,
        events: UnboundedReceiver<RunEvent>,
    ) -> Self {
        Self { work: Some(work), events, outcome: None }
    }

    /// Completes the run and skips its remaining events. Returns `None` if the stream has yielded
    /// its last item already.
    ///
    /// # Errors
    ///
    /// See [`Runner::run`](crate::Runner::run).
    pub async fn finish(mut self) -> Option<Result<RunResult, RunError>> {
        while let Some(event) = self.next().await {
            match event {
                Ok(RunEvent::Done(result)) => return Some(Ok(*result)),
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}

impl Stream for RunStream {
    type Item = Result<RunEvent, RunError>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        // Queued events come before the end of the run.
        if let Poll::Ready(Some(event)) = this.events.poll_next_unpin(task) {
            return Poll::Ready(Some(Ok(event)));
        }
        if let Some(work) = &mut this.work
            && let Poll::Ready(outcome) = work.as_mut().poll(task)
        {
            this.work = None;
            this.outcome = Some(outcome);
        }
        if let Poll::Ready(Some(event)) = this.events.poll_next_unpin(task) {
            return Poll::Ready(Some(Ok(event)));
        }
        if this.work.is_some() {
            return Poll::Pending;
        }
        let end = this.outcome.take();
        Poll::Ready(end.map(|end| end.map(|result| RunEvent::Done(Box::new(result)))))
    }
}

impl fmt::Debug for RunStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunStream").field("is_over", &self.work.is_none()).finish_non_exhaustive()
    }
}
