//! Flush and shutdown, from the side that asks for them.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use super::{
    Recycle,
    hub::Hub,
    queue::{Lost, Stop},
    sync::{Instant, atomic::Ordering, deadline, thread},
    ticket::{Outcome, Ticket},
};
use raaf_trace_model::sink::ProcessorError;

impl<T: Recycle> Hub<T> {
    pub(super) fn flush(&self, timeout: Duration) -> Outcome {
        let deadline = deadline(timeout);
        let ticket = self.begin_flush();
        ticket.wait_until(deadline).unwrap_or_else(|| self.expire(&ticket))
    }

    /// Asks for everything pushed so far, and for waiting retries to be tried now.
    fn begin_flush(&self) -> Arc<Ticket> {
        let refused = self.refused();
        self.drain();
        let mut state = self.queue.lock();
        let ticket = Arc::new(Ticket::new(state.tail(), state.counts.reported));
        let lost = Lost { refused, given_up: state.counts.dropped };
        let unable = match self.started.get() {
            // Nothing was ever pushed, or nothing can come any more.
            None => Some(Ok(())),
            Some(false) => Some(self.verdict(&ticket, lost, state.counts.last_error.clone())),
            Some(true) if state.stop.as_ref().is_some_and(|stop| stop.done) => {
                Some(self.verdict(&ticket, lost, state.counts.last_error.clone()))
            }
            Some(true) => None,
        };
        if let Some(outcome) = unable {
            state.counts.reported = lost;
            ticket.answer(outcome);
            return ticket;
        }
        state.deliver_upto = state.tail();
        state.nudges += 1;
        if self.is_inside() {
            ticket.answer(Err(from_inside()));
        } else {
            state.tickets.push(Arc::clone(&ticket));
        }
        self.queue.work.notify_one();
        ticket
    }

    /// The answer to a flush whose items are settled.
    pub(super) fn verdict(
        &self,
        ticket: &Ticket,
        lost: Lost,
        last_error: Option<String>,
    ) -> Outcome {
        let given_up = lost.given_up.saturating_sub(ticket.reported.given_up);
        let refused = lost.refused.saturating_sub(ticket.reported.refused);
        let message = match (given_up, refused) {
            (0, 0) => return Ok(()),
            (0, _) => format!(
                "no room: at most {} spans may wait, and none come after the shutdown",
                self.config.max_spans
            ),
            _ => last_error.unwrap_or_else(|| "not deliverable".to_owned()),
        };
        Err(ProcessorError::Failed { message, dropped: given_up + refused })
    }

    /// Answers a flush whose time ran out.
    fn expire(&self, ticket: &Arc<Ticket>) -> Outcome {
        let refused = self.refused();
        let mut state = self.queue.lock();
        state.check_deadlines(self.config.export_timeout);
        state.tickets.retain(|waiting| !Arc::ptr_eq(waiting, ticket));
        let pending = state.pending(ticket.target);
        let lost = Lost { refused, given_up: state.counts.dropped };
        let outcome = if pending == 0 && lost != ticket.reported {
            let last_error = state.counts.last_error.clone();
            state.counts.reported = lost;
            self.verdict(ticket, lost, last_error)
        } else {
            Err(ProcessorError::Timeout { pending })
        };
        drop(state);
        ticket.answer(outcome.clone());
        // The worker may have been faster.
        ticket.wait_until(Instant::now()).unwrap_or(outcome)
    }

    /// Nobody waits for this flush any more. It goes on, but of many such only the oldest and the
    /// newest do: while an exporter is stuck, the ends of roots may ask for one after the other.
    fn leave(&self, ticket: &Arc<Ticket>) {
        ticket.unattended.store(true, Ordering::Relaxed);
        let mut state = self.queue.lock();
        let left = |(at, waiting): (usize, &Arc<Ticket>)| waiting.is_unattended().then_some(at);
        let left: Vec<_> = state.tickets.iter().enumerate().filter_map(left).collect();
        if let [_, superseded, _] = left[..] {
            state.tickets.remove(superseded);
        }
    }

    pub(super) fn shutdown(self: &Arc<Self>, timeout: Duration) -> Outcome {
        let deadline = deadline(timeout);
        let ticket = self.begin_shutdown(deadline);
        if self.is_inside() {
            return Err(from_inside());
        }
        ticket.wait_until(deadline).unwrap_or_else(|| self.expire(&ticket))
    }

    /// Closes the shards and tells the worker to end; once.
    fn begin_shutdown(self: &Arc<Self>, deadline: Instant) -> Arc<Ticket> {
        let started = self.start_worker();
        for mut shard in self.shards.each() {
            shard.closed = true;
            self.budget.release(std::mem::take(&mut shard.reserved));
            if !shard.items.is_empty() {
                let chunk = std::mem::take(&mut shard.items);
                self.queue.lock().append(chunk);
            }
        }
        let mut state = self.queue.lock();
        if let Some(stop) = &state.stop {
            return Arc::clone(&stop.ticket);
        }
        let ticket = Arc::new(Ticket::new(state.tail(), state.counts.reported));
        if !started {
            let message = state.counts.last_error.clone().unwrap_or_default();
            ticket.answer(Err(ProcessorError::Failed { message, dropped: 0 }));
        }
        state.stop = Some(Stop { ticket: Arc::clone(&ticket), deadline, done: !started });
        state.deliver_upto = state.tail();
        state.nudges += 1;
        self.queue.work.notify_one();
        ticket
    }
}

fn from_inside() -> ProcessorError {
    ProcessorError::Failed { message: "an exporter cannot wait for itself".to_owned(), dropped: 0 }
}

/// A flush that began when this was made. Dropping it takes nothing back.
pub(crate) struct FlushFuture<T: Recycle> {
    hub: Arc<Hub<T>>,
    ticket: Arc<Ticket>,
    deadline: Instant,
    /// A thread watches the clock.
    watched: bool,
}

impl<T: Recycle> FlushFuture<T> {
    pub(super) fn new(hub: Arc<Hub<T>>, timeout: Duration) -> Self {
        let deadline = deadline(timeout);
        let ticket = hub.begin_flush();
        Self { hub, ticket, deadline, watched: false }
    }

    /// Without a runtime's timer, somebody has to wait; says whether somebody does.
    fn watch(&self) -> bool {
        let (hub, ticket, deadline) =
            (Arc::clone(&self.hub), Arc::clone(&self.ticket), self.deadline);
        let watch = move || {
            if ticket.wait_until(deadline).is_none() {
                let _ = hub.expire(&ticket);
            }
        };
        thread::Builder::new().name("raaf-flush".to_owned()).spawn(watch).is_ok()
    }
}

impl<T: Recycle> Drop for FlushFuture<T> {
    fn drop(&mut self) {
        self.hub.leave(&self.ticket);
    }
}

impl<T: Recycle> Future for FlushFuture<T> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        if let Poll::Ready(outcome) = self.ticket.poll(context.waker()) {
            return Poll::Ready(outcome);
        }
        if Instant::now() >= self.deadline || !(self.watched || self.watch()) {
            return Poll::Ready(self.hub.expire(&self.ticket));
        }
        self.watched = true;
        Poll::Pending
    }
}
