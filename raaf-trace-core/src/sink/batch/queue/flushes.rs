//! Flushes and shutdowns: their requests, and the answers.

use std::sync::Arc;

use super::{Queue, Stop};
use crate::sink::batch::{
    Chunk,
    flush_request::{FlushRequest, Outcome, both},
    sync::Instant,
};
use raaf_trace_model::sink::ProcessorError;

impl<C: Chunk> Queue<C> {
    /// Requests delivery of everything handed over so far, and immediate retries. `worker` is whether
    /// the worker could be started, if that was attempted; `inside` whether the caller is the exporter,
    /// which cannot wait.
    pub(in crate::sink::batch) fn begin_flush(
        &self,
        refused: u64,
        worker: Option<bool>,
        inside: bool,
    ) -> Arc<FlushRequest> {
        let mut state = self.lock();
        let request = state.new_request();
        let lost = state.lost(refused);
        let done = state.stop.as_ref().is_some_and(|stop| stop.done);
        let outcome = match worker {
            // Nothing was pushed, or nothing can be pushed any more.
            None => Some(Ok(())),
            Some(true) if !done => None,
            Some(_) => Some(request.outcome(lost, state.backlog.last_error(), self.max_spans)),
        };
        if let Some(outcome) = outcome {
            state.reported = lost;
            request.complete(outcome);
            return request;
        }
        state.backlog.all_is_due();
        if inside {
            request.complete(Err(FlushRequest::from_inside()));
        } else {
            state.asked = request.asked();
            state.requests.push(Arc::clone(&request));
        }
        self.wake();
        request
    }

    /// Requests the worker to deliver the rest and to end; once. Without a worker, the request is
    /// complete.
    pub(in crate::sink::batch) fn begin_shutdown(&self, worker: bool) -> Arc<FlushRequest> {
        let mut state = self.lock();
        if let Some(stop) = &state.stop {
            return Arc::clone(&stop.request);
        }
        let request = state.new_request();
        if !worker {
            let message = state.backlog.last_error().unwrap_or_default().to_owned();
            request.complete(Err(ProcessorError::Failed { message, dropped: 0 }));
        }
        state.asked = request.asked();
        state.stop = Some(Stop { request: Arc::clone(&request), done: !worker });
        state.backlog.all_is_due();
        self.wake();
        self.room.notify_all();
        request
    }

    pub(in crate::sink::batch) fn is_stopping(&self) -> bool {
        self.lock().stop.is_some()
    }

    /// Completes a flush whose deadline passed.
    pub(in crate::sink::batch) fn expire(
        &self,
        request: &Arc<FlushRequest>,
        refused: u64,
    ) -> Outcome {
        let mut state = self.lock();
        state.backlog.check_deadlines(self.export_timeout);
        state.requests.retain(|waiting| !Arc::ptr_eq(waiting, request));
        let pending = state.backlog.pending(request.target());
        let lost = state.lost(refused);
        let outcome = if pending == 0 && !request.has_seen(lost) {
            state.reported = lost;
            request.outcome(lost, state.backlog.last_error(), self.max_spans)
        } else {
            Err(ProcessorError::Timeout { pending })
        };
        drop(state);
        request.complete(outcome.clone());
        // The worker may have completed it first.
        request.wait_until(Instant::now()).unwrap_or(outcome)
    }

    /// Records that no caller waits for a flush any more. It continues, but of many such flushes
    /// only the oldest and the newest do: while an exporter is stuck, each end of a root span may
    /// request one.
    pub(in crate::sink::batch) fn abandon(&self, request: &FlushRequest) {
        request.abandon();
        let mut state = self.lock();
        let abandoned = state.requests.iter().enumerate();
        let abandoned: Vec<_> =
            abandoned.filter_map(|(at, waiting)| waiting.is_abandoned().then_some(at)).collect();
        if let [_, superseded @ .., _] = &abandoned[..] {
            superseded.iter().rev().for_each(|at| drop(state.requests.remove(*at)));
        }
    }

    /// Completes flushes whose items are settled or tried; `flushed` is the exporter's own outcome.
    pub(in crate::sink::batch) fn answer(
        &self,
        requests: &[Arc<FlushRequest>],
        flushed: &Outcome,
        refused: u64,
    ) {
        let mut state = self.lock();
        let lost = state.lost(refused);
        let pending: Vec<_> =
            requests.iter().map(|request| state.backlog.pending(request.target())).collect();
        let with_pending = || requests.iter().zip(pending.iter().copied());
        // First, so that a flush that begins after this one does not report the same losses. Losses
        // for which no caller waits are not reported yet.
        if with_pending().any(|(request, pending)| pending == 0 && !request.is_abandoned()) {
            state.reported = lost;
        }
        let last_error = state.backlog.last_error().map(str::to_owned);
        drop(state);
        for (request, pending) in with_pending() {
            let own = match pending {
                0 => request.outcome(lost, last_error.as_deref(), self.max_spans),
                pending => Err(ProcessorError::Undelivered {
                    pending,
                    message: last_error.clone().unwrap_or_default(),
                }),
            };
            request.complete(both(flushed.clone(), own));
        }
    }

    /// Ends the worker's part. Returns the requests that are still incomplete.
    pub(in crate::sink::batch) fn close(&self) -> Vec<Arc<FlushRequest>> {
        let mut state = self.lock();
        let mut requests = std::mem::take(&mut state.requests);
        if let Some(stop) = &mut state.stop {
            stop.done = true;
            requests.push(Arc::clone(&stop.request));
        }
        let pool = state.backlog.pool();
        let chunks = pool.take_all();
        drop(state);
        drop(chunks);
        requests
    }
}
