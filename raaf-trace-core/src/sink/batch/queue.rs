//! What was handed over: chunks that wait, batches in flight, and the counts.
//!
//! Every item gets a position when it is handed over. Items leave at the head only, so what is not
//! settled yet is the batches in flight and everything from the head on; a flush is a position to
//! be reached.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    pool::Pool,
    sync::{Condvar, Instant, Mutex, MutexGuard, lock},
    ticket::Ticket,
};

pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    /// The worker waits here.
    pub(super) work: Condvar,
    /// Producers that help wait here for a place.
    pub(super) room: Condvar,
}

pub(super) struct State<T> {
    chunks: VecDeque<Vec<T>>,
    /// Positions of the first waiting item and of the next to be handed over.
    head: u64,
    tail: u64,
    flights: Vec<Flight>,
    /// Batches that a helping producer could not deliver.
    pub(super) returned: VecDeque<Batch<T>>,
    pub(super) pool: Pool<T>,
    pub(super) counts: Counts,
    /// Up to here items are delivered even in batches that are not full.
    pub(super) deliver_upto: u64,
    pub(super) tickets: Vec<Arc<Ticket>>,
    /// Counts what asks for waiting retries to be tried now.
    pub(super) nudges: u64,
    pub(super) stop: Option<Stop>,
    /// The worker waits for work.
    pub(super) parked: bool,
    /// It does so for a moment only: full batches need not wake it.
    pub(super) napping: bool,
    pub(super) waiting_for_room: usize,
}

/// Items on their way; they keep their places until they are settled.
pub(super) struct Batch<T> {
    pub(super) items: Vec<T>,
    start: u64,
}

/// What the queue remembers of a batch in flight.
struct Flight {
    start: u64,
    len: usize,
    /// When the call that is running began.
    since: Option<Instant>,
    /// It was counted as dropped because its call took too long.
    overdue: bool,
}

/// What the worker was told about its end.
pub(super) struct Stop {
    pub(super) ticket: Arc<Ticket>,
    /// From then on nothing is waited for.
    pub(super) deadline: Instant,
    /// The worker answers no more flushes.
    pub(super) done: bool,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) delivered: u64,
    /// Given up after they were handed over.
    pub(super) dropped: u64,
    /// What a flush has reported.
    pub(super) reported: Lost,
    pub(super) retried: u64,
    pub(super) panics: u64,
    pub(super) last_error: Option<String>,
}

/// Items that will never be delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// No room, or too late.
    pub(super) refused: u64,
    /// Not deliverable.
    pub(super) given_up: u64,
}

impl<T> Queue<T> {
    pub(super) fn new(max_spans: usize, batch_size: usize, chunk_size: usize) -> Self {
        Self {
            state: Mutex::new(State {
                chunks: VecDeque::new(),
                head: 0,
                tail: 0,
                flights: Vec::new(),
                returned: VecDeque::new(),
                pool: Pool::new(max_spans.div_ceil(batch_size), chunk_size),
                counts: Counts::default(),
                deliver_upto: 0,
                tickets: Vec::new(),
                nudges: 0,
                stop: None,
                parked: false,
                napping: false,
                waiting_for_room: 0,
            }),
            work: Condvar::new(),
            room: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }
}

impl<T> State<T> {
    pub(super) fn append(&mut self, chunk: Vec<T>) {
        self.tail += chunk.len() as u64;
        self.chunks.push_back(chunk);
    }

    pub(super) fn waiting(&self) -> usize {
        (self.tail - self.head) as usize
    }

    /// How many items wait, and how many there is room for where they do.
    #[cfg(all(test, not(shuttle)))]
    pub(super) fn held(&self) -> (usize, usize) {
        (self.waiting(), self.chunks.iter().map(Vec::capacity).sum())
    }

    /// The position that the next item will have: a flush waits for everything before it.
    pub(super) fn tail(&self) -> u64 {
        self.tail
    }

    /// Whether the first waiting item was asked for, full batch or not.
    pub(super) fn rest_is_due(&self) -> bool {
        self.head < self.deliver_upto
    }

    /// Takes the first `size` waiting items, or as many as there are; none: `None`. Its call
    /// counts as running from now on.
    pub(super) fn take_batch(&mut self, size: usize) -> Option<Batch<T>> {
        let first = self.chunks.pop_front()?;
        let mut items = first;
        if items.len() > size {
            let rest = items.split_off(size);
            self.chunks.push_front(rest);
        }
        while items.len() < size
            && let Some(mut next) = self.chunks.pop_front()
        {
            let missing = (size - items.len()).min(next.len());
            items.extend(next.drain(..missing));
            if next.is_empty() {
                drop(self.pool.put(next));
            } else {
                self.chunks.push_front(next);
            }
        }
        let start = self.head;
        self.head += items.len() as u64;
        let since = Some(Instant::now());
        self.flights.push(Flight { start, len: items.len(), since, overdue: false });
        Some(Batch { items, start })
    }

    pub(super) fn call_begins(&mut self, batch: &Batch<T>) {
        if let Some(flight) = self.flights.iter_mut().find(|flight| flight.start == batch.start) {
            flight.since = Some(Instant::now());
        }
    }

    /// The call ended; says whether that was too late, and the batch was counted as dropped.
    pub(super) fn call_ended(&mut self, batch: &Batch<T>) -> bool {
        self.flights.iter_mut().find(|flight| flight.start == batch.start).is_some_and(|flight| {
            flight.since = None;
            flight.overdue
        })
    }

    /// Counts a batch as delivered but for so many of its items, and forgets it. Its places are the caller's to
    /// release, as is the chunk if the pool is full.
    pub(super) fn settle(&mut self, batch: Batch<T>, dropped: usize) -> Option<Vec<T>> {
        let Batch { items, start } = batch;
        let len = items.len();
        let overdue = self
            .flights
            .iter()
            .position(|flight| flight.start == start)
            .is_some_and(|at| self.flights.swap_remove(at).overdue);
        if !overdue {
            self.counts.delivered += len.saturating_sub(dropped) as u64;
            self.counts.dropped += dropped as u64;
        }
        self.pool.put(items)
    }

    /// Counts batches whose call has taken longer than `timeout` as dropped, once each.
    pub(super) fn check_deadlines(&mut self, timeout: Duration) {
        for flight in &mut self.flights {
            if !flight.overdue && flight.since.is_some_and(|since| since.elapsed() >= timeout) {
                flight.overdue = true;
                self.counts.dropped += flight.len as u64;
                self.counts.last_error =
                    Some(format!("an export call did not return within {timeout:?}"));
            }
        }
    }

    /// Items in flight that were not counted as dropped.
    pub(super) fn in_flight(&self) -> u64 {
        self.flights.iter().filter(|flight| !flight.overdue).map(|flight| flight.len as u64).sum()
    }

    /// Items before `target` that are neither delivered nor dropped.
    pub(super) fn pending(&self, target: u64) -> u64 {
        let in_flight: u64 = self
            .flights
            .iter()
            .filter(|flight| !flight.overdue)
            .map(|flight| target.saturating_sub(flight.start).min(flight.len as u64))
            .sum();
        in_flight + target.saturating_sub(self.head)
    }

    /// Takes the flushes that have everything they wait for.
    pub(super) fn take_ready_tickets(&mut self) -> Vec<Arc<Ticket>> {
        if self.tickets.is_empty() {
            return Vec::new();
        }
        let tickets = std::mem::take(&mut self.tickets);
        let (ready, waiting) =
            tickets.into_iter().partition(|ticket| self.pending(ticket.target) == 0);
        self.tickets = waiting;
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g59_chunks_are_combined_and_split_into_exact_batches() {
        let queue = Queue::new(100, 4, 4);
        let mut state = queue.lock();
        state.append(vec![1, 2, 3]);
        state.append(vec![4, 5]);
        state.append(vec![6, 7, 8, 9, 10, 11]);
        let mut batches = Vec::new();
        while let Some(batch) = state.take_batch(4) {
            batches.push(batch.items.clone());
            state.settle(batch, 0);
        }
        assert_eq!(batches, [vec![1, 2, 3, 4], vec![5, 6, 7, 8], vec![9, 10, 11]]);
        assert_eq!((state.counts.delivered, state.waiting()), (11, 0));
    }

    #[test]
    fn g72_pending_counts_what_is_before_the_target_only() {
        let queue = Queue::new(100, 4, 4);
        let mut state = queue.lock();
        state.append(vec![0; 10]);
        let target = 6;
        let first = state.take_batch(4).unwrap();
        let second = state.take_batch(4).unwrap();
        assert_eq!(state.pending(target), 6);
        state.settle(second, 0);
        assert_eq!(state.pending(target), 4);
        state.settle(first, 4);
        assert_eq!(state.pending(target), 0);
    }

    #[test]
    fn d1_an_overdue_batch_is_counted_once_and_waited_for_no_longer() {
        let queue = Queue::new(100, 4, 4);
        let mut state = queue.lock();
        state.append(vec![0; 4]);
        let batch = state.take_batch(4).unwrap();
        state.check_deadlines(Duration::ZERO);
        state.check_deadlines(Duration::ZERO);
        assert_eq!((state.counts.dropped, state.pending(4), state.in_flight()), (4, 0, 0));
        assert!(state.call_ended(&batch));
        state.settle(batch, 0);
        assert_eq!((state.counts.dropped, state.counts.delivered), (4, 0));
    }
}
