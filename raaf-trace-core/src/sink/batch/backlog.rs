//! Queued items: waiting chunks, batches in flight, and counts of settled items.
//!
//! Every item gets a position when it is handed over. Items leave at the head only, so the
//! unsettled items are the batches in flight and everything from the head on; a flush waits until a
//! position is reached.

use std::{collections::VecDeque, time::Duration};

use super::{Recycle, pool::Pool, sync::Instant};

/// Number of items that are searched for a leaf.
const SEARCHED: usize = 1_000;

pub(super) struct Backlog<T> {
    chunks: VecDeque<Vec<T>>,
    /// Positions of the first waiting item and of the next one.
    head: u64,
    tail: u64,
    /// Position before which a search found no leaf.
    no_leaf_before: Option<u64>,
    /// Items before this position are due even in batches that are not full.
    due_before: u64,
    in_flight: Vec<InFlight>,
    pool: Pool<T>,
    delivered: u64,
    /// Number of items dropped after they were handed over.
    dropped: u64,
    last_error: Option<String>,
}

/// Items being exported. They keep their permits until they are settled.
pub(super) struct Batch<T> {
    items: Vec<T>,
    start: u64,
}

/// State of a batch in flight.
struct InFlight {
    start: u64,
    len: usize,
    /// Start of the running call.
    since: Option<Instant>,
    /// Counted as dropped because its call took too long.
    overdue: bool,
}

impl<T> Batch<T> {
    pub(super) fn items(&self) -> &[T] {
        &self.items
    }

    pub(super) fn items_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

impl<T> Backlog<T> {
    pub(super) fn new(max_spans: usize, batch_size: usize, chunk_size: usize) -> Self {
        Self {
            chunks: VecDeque::new(),
            head: 0,
            tail: 0,
            no_leaf_before: None,
            due_before: 0,
            in_flight: Vec::new(),
            pool: Pool::new(max_spans.div_ceil(batch_size), chunk_size),
            delivered: 0,
            dropped: 0,
            last_error: None,
        }
    }

    pub(super) fn append(&mut self, chunk: Vec<T>) {
        self.tail += chunk.len() as u64;
        self.chunks.push_back(chunk);
    }

    pub(super) fn waiting(&self) -> usize {
        (self.tail - self.head) as usize
    }

    /// Returns the number of waiting items, and the capacity of their chunks.
    #[cfg(all(test, not(shuttle)))]
    pub(super) fn held(&self) -> (usize, usize) {
        (self.waiting(), self.chunks.iter().map(Vec::capacity).sum())
    }

    /// Returns the last leaf among the items that wait, if it is one of the last.
    pub(super) fn last_leaf(&mut self) -> Option<&mut T>
    where
        T: Recycle,
    {
        let waiting = self.chunks.iter_mut().rev().flat_map(|chunk| chunk.iter_mut().rev());
        let leaf = waiting.take(SEARCHED).find(|item| item.is_leaf());
        if leaf.is_none() {
            self.no_leaf_before = Some(self.tail);
        }
        leaf
    }

    /// Returns whether the last search for a leaf found none, and nothing was added since.
    pub(super) fn has_no_leaf(&self) -> bool {
        self.no_leaf_before == Some(self.tail)
    }

    /// Returns the position of the first item that waits.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// Returns the position of the next item: a flush waits for everything before it.
    pub(super) fn tail(&self) -> u64 {
        self.tail
    }

    /// Marks all waiting items as due.
    pub(super) fn all_is_due(&mut self) {
        self.due_before = self.tail;
    }

    /// Takes a full batch, or items that are due. If more than one batch waits, takes up to
    /// `max_size` items.
    pub(super) fn take_due_batch(&mut self, size: usize, max_size: usize) -> Option<Batch<T>> {
        let waiting = self.waiting();
        let due = waiting >= size || self.head < self.due_before;
        let size = if waiting >= 2 * size { max_size } else { size };
        if due { self.take_batch(size) } else { None }
    }

    /// Takes the first `size` waiting items, or all if there are fewer; `None` without any. Its
    /// call counts as running from now on.
    fn take_batch(&mut self, size: usize) -> Option<Batch<T>> {
        let mut items = self.chunks.pop_front()?;
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
        self.in_flight.push(InFlight { start, len: items.len(), since, overdue: false });
        Some(Batch { items, start })
    }

    pub(super) fn call_began(&mut self, batch: &Batch<T>) {
        if let Some(known) = self.in_flight.iter_mut().find(|known| known.start == batch.start) {
            known.since = Some(Instant::now());
        }
    }

    /// Records that the call failed. Returns whether the batch was counted as dropped before.
    pub(super) fn call_failed(&mut self, batch: &Batch<T>, error: String) -> bool {
        self.last_error = Some(error);
        self.in_flight.iter_mut().find(|known| known.start == batch.start).is_some_and(|known| {
            known.since = None;
            known.overdue
        })
    }

    /// Counts a batch as delivered, except for `dropped` items, and removes it. The caller releases
    /// its permits, and its chunk if the pool is full.
    pub(super) fn settle(&mut self, batch: Batch<T>, dropped: usize) -> Option<Vec<T>> {
        let Batch { items, start } = batch;
        let overdue = self
            .in_flight
            .iter()
            .position(|known| known.start == start)
            .is_some_and(|at| self.in_flight.swap_remove(at).overdue);
        if !overdue {
            self.delivered += items.len().saturating_sub(dropped) as u64;
            self.dropped += dropped as u64;
        }
        self.pool.put_batch(items)
    }

    /// Counts batches whose call has taken longer than `timeout` as dropped, once each.
    pub(super) fn check_deadlines(&mut self, timeout: Duration) {
        for batch in &mut self.in_flight {
            if !batch.overdue && batch.since.is_some_and(|since| since.elapsed() >= timeout) {
                batch.overdue = true;
                self.dropped += batch.len as u64;
                self.last_error = Some(format!("an export call did not return within {timeout:?}"));
            }
        }
    }

    /// Returns the number of items in flight that were not counted as dropped.
    pub(super) fn in_flight(&self) -> u64 {
        self.pending(self.head)
    }

    /// Returns the number of items before `target` that are neither delivered nor dropped.
    pub(super) fn pending(&self, target: u64) -> u64 {
        let in_flight: u64 = self
            .in_flight
            .iter()
            .filter(|batch| !batch.overdue)
            .map(|batch| target.saturating_sub(batch.start).min(batch.len as u64))
            .sum();
        in_flight + target.saturating_sub(self.head)
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(super) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    pub(super) fn set_last_error(&mut self, error: String) {
        self.last_error = Some(error);
    }

    /// Returns the pool of delivered chunks.
    pub(super) fn pool(&mut self) -> &mut Pool<T> {
        &mut self.pool
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g59_chunks_are_combined_and_split_into_exact_batches() {
        let mut backlog = Backlog::new(100, 4, 4);
        backlog.append(vec![1, 2, 3]);
        backlog.append(vec![4, 5]);
        backlog.append(vec![6, 7, 8, 9, 10, 11]);
        let mut batches = Vec::new();
        while let Some(batch) = backlog.take_batch(4) {
            batches.push(batch.items.clone());
            backlog.settle(batch, 0);
        }
        assert_eq!(batches, [vec![1, 2, 3, 4], vec![5, 6, 7, 8], vec![9, 10, 11]]);
        assert_eq!((backlog.delivered(), backlog.waiting()), (11, 0));
    }

    #[test]
    fn g72_pending_counts_what_is_before_the_target_only() {
        let mut backlog = Backlog::new(100, 4, 4);
        backlog.append(vec![0; 10]);
        let target = 6;
        let first = backlog.take_batch(4).unwrap();
        let second = backlog.take_batch(4).unwrap();
        assert_eq!(backlog.pending(target), 6);
        backlog.settle(second, 0);
        assert_eq!(backlog.pending(target), 4);
        backlog.settle(first, 4);
        assert_eq!(backlog.pending(target), 0);
    }

    #[test]
    fn d1_an_overdue_batch_is_counted_once_and_waited_for_no_longer() {
        let mut backlog = Backlog::new(100, 4, 4);
        backlog.append(vec![0; 4]);
        let batch = backlog.take_batch(4).unwrap();
        backlog.check_deadlines(Duration::ZERO);
        backlog.check_deadlines(Duration::ZERO);
        assert_eq!((backlog.dropped(), backlog.pending(4), backlog.in_flight()), (4, 0, 0));
        assert!(backlog.call_failed(&batch, "too late".to_owned()));
        backlog.settle(batch, 0);
        assert_eq!((backlog.dropped(), backlog.delivered()), (4, 0));
    }
}
