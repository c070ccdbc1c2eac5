//! The queue between producers and the worker: a lock around the backlog, and all waits.

mod flushes;

use std::{sync::Arc, time::Duration};

use super::{
    BatchConfig, Chunk,
    backlog::{Backlog, Batch},
    flush_request::{FlushRequest, Lost},
    parking::Parking,
    retry::Delivery,
    room::Room,
    step::Step,
    sync::{
        Condvar, Instant, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
        lock, wait,
    },
};
use raaf_trace_model::sink::{ExportError, stats::ProcessorStats};

pub(super) struct Queue<C: Chunk> {
    state: Mutex<State<C>>,
    /// Signal for which the worker waits.
    work: Condvar,
    /// Signal for which producers wait to get a permit.
    room: Condvar,
    /// `true` if permits are scarce: the worker should collect the items of the shards.
    relief_wanted: AtomicBool,
    batch_size: usize,
    max_batch_size: usize,
    max_spans: usize,
    export_timeout: Duration,
}

struct State<C: Chunk> {
    backlog: Backlog<C>,
    /// Batches that are set aside until their next attempts.
    aside: Vec<Delivery<C>>,
    requests: Vec<Arc<FlushRequest>>,
    /// Losses that a flush has reported.
    reported: Lost,
    retried: u64,
    /// Number of requests to try everything once, now.
    asked: u64,
    stop: Option<Stop>,
    parking: Parking,
    room: Room,
}

/// State of the worker's end.
struct Stop {
    request: Arc<FlushRequest>,
    /// `true` once the worker completes no more flushes.
    done: bool,
}

impl<C: Chunk> Queue<C> {
    pub(super) fn new(config: &BatchConfig, chunk_size: usize) -> Self {
        Self {
            state: Mutex::new(State {
                backlog: Backlog::new(config.max_spans, config.batch_size, chunk_size),
                aside: Vec::new(),
                requests: Vec::new(),
                reported: Lost::default(),
                retried: 0,
                asked: 0,
                stop: None,
                parking: Parking::default(),
                room: Room::default(),
            }),
            work: Condvar::new(),
            room: Condvar::new(),
            relief_wanted: AtomicBool::new(false),
            batch_size: config.batch_size,
            max_batch_size: config.max_batch_size,
            max_spans: config.max_spans,
            export_timeout: config.export_timeout,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        lock(&self.state)
    }

    // For producers.
    /// Appends items without waking the worker.
    pub(super) fn append(&self, chunk: C) {
        self.lock().backlog.append(chunk);
    }

    /// Appends a full chunk. Returns whether the caller should call [`wake`](Self::wake) after
    /// releasing its locks.
    pub(super) fn hand_over(&self, chunk: C) -> bool {
        let mut state = self.lock();
        state.backlog.append(chunk);
        let waiting = state.backlog.waiting();
        // The worker's wait is short, but a burst can be shorter.
        let half_full = waiting >= self.max_spans / 2;
        let worth_it = if half_full { state.parking.is_parked() } else { state.parking.is_long() };
        waiting >= self.batch_size && worth_it && state.parking.end()
    }

    pub(super) fn wake(&self) {
        self.work.notify_one();
    }

    /// Takes an empty chunk, if any.
    pub(super) fn take_chunk(&self) -> Option<C> {
        self.lock().backlog.pool().take()
    }

    /// Requests the worker to collect the items of the shards.
    pub(super) fn ask_for_relief(&self) {
        let wanted = &self.relief_wanted;
        if wanted.load(Ordering::Relaxed) || wanted.swap(true, Ordering::AcqRel) {
            return;
        }
        if self.lock().parking.end() {
            self.wake();
        }
    }

    /// Waits until `take` returns `true`, and calls it whenever a batch is settled.
    pub(super) fn wait_for_room(&self, until: Instant, mut take: impl FnMut() -> bool) -> bool {
        let began = Instant::now();
        let mut state = self.lock();
        state.room.wait_begins();
        let mut taken = take();
        while !taken && !state.room.is_stalled() && state.stop.is_none() {
            if Instant::now() >= until {
                state.room.waited_in_vain();
                break;
            }
            state = wait(&self.room, state, until);
            taken = take();
        }
        state.room.wait_ends(began.elapsed());
        taken
    }

    /// Drops a leaf among the last items that wait, and adds the item that `write` writes. Returns
    /// `write` if there is none.
    #[cold]
    pub(super) fn replace_leaf<W: FnOnce(&mut C)>(&self, write: W) -> Result<(), W> {
        let mut state = self.lock();
        if state.stop.is_some() { Err(write) } else { state.backlog.replace_leaf(write) }
    }

    /// Returns whether the last search for a leaf found none, and nothing was added since.
    pub(super) fn has_no_leaf(&self) -> bool {
        self.lock().backlog.has_no_leaf()
    }

    // For deliveries.

    /// Records that the call for `batch` failed. Returns whether the batch was counted as dropped
    /// before.
    pub(super) fn call_failed(&self, batch: &Batch<C>, error: &ExportError) -> bool {
        self.lock().backlog.call_failed(batch, error.to_string())
    }

    /// Keeps a batch until its next attempt.
    pub(super) fn set_aside(&self, delivery: Delivery<C>) {
        self.lock().aside.push(delivery);
    }

    /// Settles a batch as delivered, except for `dropped` items, and returns the items. `release`
    /// frees its permits.
    pub(super) fn settle(
        &self,
        batch: Batch<C>,
        dropped: usize,
        release: impl FnOnce(),
    ) -> Vec<C::Item> {
        let mut state = self.lock();
        let items = state.backlog.settle(batch, dropped);
        release();
        if state.room.batch_settled() {
            self.room.notify_all();
        }
        items
    }

    /// Keeps empty chunks for producers.
    pub(super) fn reuse(&self, chunks: Vec<C>) {
        let mut state = self.lock();
        let pool = state.backlog.pool();
        let surplus: Vec<_> = chunks.into_iter().filter_map(|chunk| pool.put(chunk)).collect();
        drop(state);
        drop(surplus);
    }

    // For the worker.

    /// Waits for the next step, until `tick` at the latest.
    pub(super) fn next_step(&self, tick: Instant) -> Step<C> {
        let mut state = self.lock();
        loop {
            if Instant::now() >= tick {
                return Step::Tick;
            }
            // Before further batches, or a flush would starve while spans keep arriving.
            let ready = state.take_ready_requests();
            if !ready.is_empty() {
                return Step::Answer(ready);
            }
            if let Some(delivery) = state.take_retry() {
                return Step::Retry(delivery);
            }
            if let Some(batch) = state.take_batch(self.batch_size, self.max_batch_size) {
                state.parking.expect_more();
                return Step::Deliver(Delivery::new(batch, state.asked));
            }
            if self.relief_wanted.swap(false, Ordering::AcqRel) {
                return Step::Relieve;
            }
            if state.stop.is_some() {
                return Step::Stop(std::mem::take(&mut state.aside));
            }
            let retry = state.aside.iter().filter_map(Delivery::at).min();
            let until = state.parking.begin(retry.map_or(tick, |at| tick.min(at)));
            state = wait(&self.work, state, until);
            state.parking.end();
        }
    }

    /// Marks all waiting items as due, and frees the memory of chunks if no producer
    /// needed any since the last call.
    pub(super) fn all_is_due(&self) {
        let mut state = self.lock();
        state.backlog.all_is_due();
        let unused = state.backlog.pool().take_unused();
        drop(state);
        drop(unused);
    }

    pub(super) fn set_last_error(&self, error: String) {
        self.lock().backlog.set_last_error(error);
    }

    /// Adds the counts of items that were handed over.
    pub(super) fn add_stats(&self, total: &mut ProcessorStats) {
        let mut state = self.lock();
        let state = &mut *state;
        let backlog = &mut state.backlog;
        backlog.check_deadlines(self.export_timeout);
        total.delivered += backlog.delivered();
        total.dropped += backlog.dropped();
        total.retried += state.retried;
        total.longest_wait = state.room.longest_wait();
        total.queued += backlog.waiting() as u64 + backlog.in_flight();
        total.last_error = backlog.last_error().map(str::to_owned);
    }

    /// Returns the number of items in flight and of waiting flushes, and whether the worker waits.
    #[cfg(all(test, not(shuttle)))]
    pub(super) fn inspect(&self) -> (u64, usize, bool) {
        let State { backlog, requests, parking, .. } = &*self.lock();
        (backlog.in_flight(), requests.len(), parking.is_parked())
    }

    /// Returns the number of waiting items, and the capacity of their chunks.
    #[cfg(all(test, not(shuttle)))]
    pub(super) fn held(&self) -> (usize, usize) {
        self.lock().backlog.held()
    }
}

impl<C: Chunk> State<C> {
    fn new_request(&self) -> Arc<FlushRequest> {
        Arc::new(FlushRequest::new(self.backlog.tail(), self.reported, self.asked + 1))
    }

    /// Takes the flushes whose items are settled, or were tried since the flush began.
    fn take_ready_requests(&mut self) -> Vec<Arc<FlushRequest>> {
        if self.requests.is_empty() {
            return Vec::new();
        }
        let requests = std::mem::take(&mut self.requests);
        let is_ready = |request: &Arc<FlushRequest>| {
            let all_taken = request.target() <= self.backlog.head();
            all_taken && self.aside.iter().all(|one| one.was_tried_after(request.asked()))
        };
        let (ready, waiting) = requests.into_iter().partition(is_ready);
        self.requests = waiting;
        ready
    }

    /// Takes a batch whose next attempt is due or requested.
    fn take_retry(&mut self) -> Option<Delivery<C>> {
        let (now, asked) = (Instant::now(), self.asked);
        let stop = self.stop.as_ref().map(|stop| stop.request.asked());
        let waiting = self.requests.iter().filter(|request| !request.is_abandoned());
        let wanted = stop.max(waiting.map(|request| request.asked()).max());
        let is_due = |one: &Delivery<C>| {
            let is_time = one.at().is_none_or(|at| at <= now);
            (is_time && stop.is_none()) || wanted.is_some_and(|asked| !one.was_tried_after(asked))
        };
        let at = self.aside.iter().position(is_due)?;
        let mut delivery = self.aside.remove(at);
        delivery.try_again(asked);
        self.retried += 1;
        self.backlog.call_began(&delivery.batch);
        Some(delivery)
    }

    /// Takes a batch that was not tried before. While others wait for a retry, only for a flush.
    fn take_batch(&mut self, size: usize, max_size: usize) -> Option<Batch<C>> {
        let head = self.backlog.head();
        let is_wanted = self.aside.is_empty()
            || self.stop.is_some()
            || self.requests.iter().any(|one| head < one.target() && !one.is_abandoned());
        if is_wanted { self.backlog.take_due_batch(size, max_size) } else { None }
    }

    fn lost(&self, refused: u64) -> Lost {
        Lost { refused, given_up: self.backlog.dropped() }
    }
}
