//! Queued items: waiting chunks, batches in flight, and counts of settled items.
//!
//! Every item gets a position when it is handed over. Items leave at the head only, so the
//! unsettled items are the batches in flight and everything from the head on; a flush waits until a
//! position is reached.

use std::{collections::VecDeque, mem, time::Duration};

use super::{Chunk, pool::Pool, sync::Instant};

/// Number of items that are searched for a leaf.
const SEARCHED: usize = 1_000;

pub(super) struct Backlog<C> {
    chunks: VecDeque<C>,
    /// Positions of the first waiting item and of the next one.
    head: u64,
    tail: u64,
    /// Position before which a search found no leaf.
    no_leaf_before: Option<u64>,
    /// Items before this position are due even in batches that are not full.
    due_before: u64,
    in_flight: Vec<InFlight>,
    pool: Pool<C>,
    delivered: u64,
    /// Number of items dropped after they were handed over.
    dropped: u64,
    last_error: Option<String>,
}

/// Items being exported. They keep their permits until they are settled.
pub(super) struct Batch<C: Chunk> {
    /// Where the items are until they are unpacked.
    chunks: Vec<C>,
    items: Vec<C::Item>,
    len: usize,
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

impl<C: Chunk> Batch<C> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn items(&self) -> &[C::Item] {
        &self.items
    }

    pub(super) fn items_mut(&mut self) -> &mut [C::Item] {
        &mut self.items
    }

    /// Provides the items, over those in `spare`. Returns the chunks, which are empty.
    pub(super) fn unpack(&mut self, mut spare: Vec<C::Item>) -> Vec<C> {
        let mut chunks = mem::take(&mut self.chunks);
        let end = chunks.iter_mut().fold(0, |at, chunk| chunk.unpack(&mut spare, at));
        spare.truncate(end);
        self.items = spare;
        chunks
    }
}

impl<C: Chunk> Backlog<C> {
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

    pub(super) fn append(&mut self, chunk: C) {
        self.tail += chunk.len() as u64;
        self.chunks.push_back(chunk);
    }

    pub(super) fn waiting(&self) -> usize {
        (self.tail - self.head) as usize
    }

    /// Returns the number of waiting items, and the capacity of their chunks.
    #[cfg(all(test, not(shuttle)))]
    pub(super) fn held(&self) -> (usize, usize) {
        (self.waiting(), self.chunks.iter().map(Chunk::capacity).sum())
    }

    /// Drops the last leaf among the items that wait, if it is one of the last, and adds the item
    /// that `write` writes at the end. Returns `write` if there is none.
    pub(super) fn replace_leaf<W: FnOnce(&mut C)>(&mut self, write: W) -> Result<(), W> {
        let mut searched = SEARCHED;
        let dropped = self.chunks.iter_mut().rev().any(|chunk| {
            let dropped = chunk.drop_leaf(searched);
            searched = searched.saturating_sub(chunk.len());
            dropped
        });
        let Some(last) = self.chunks.back_mut().filter(|_| dropped) else {
            self.no_leaf_before = Some(self.tail);
            return Err(write);
        };
        // Not into the last chunk, where tables would grow with each one.
        let (mut alone, mut items) = (C::default(), Vec::new());
        write(&mut alone);
        let _ = alone.unpack(&mut items, 0);
        for item in items {
            last.push(item);
        }
        Ok(())
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
    pub(super) fn take_due_batch(&mut self, size: usize, max_size: usize) -> Option<Batch<C>> {
        let waiting = self.waiting();
        let due = waiting >= size || self.head < self.due_before;
        let size = if waiting >= 2 * size { max_size } else { size };
        if due { self.take_batch(size) } else { None }
    }

    /// Takes the first `size` waiting items, or all if there are fewer; `None` without any. Its
    /// call counts as running from now on.
    fn take_batch(&mut self, size: usize) -> Option<Batch<C>> {
        let (mut chunks, mut len) = (Vec::new(), 0);
        while len < size
            && let Some(mut next) = self.chunks.pop_front()
        {
            if next.len() > size - len {
                let front = next.split_front(size - len);
                self.chunks.push_front(mem::replace(&mut next, front));
            }
            len += next.len();
            chunks.push(next);
        }
        if len == 0 {
            return None;
        }
        let start = self.head;
        self.head += len as u64;
        let since = Some(Instant::now());
        self.in_flight.push(InFlight { start, len, since, overdue: false });
        Some(Batch { chunks, items: Vec::new(), len, start })
    }

    pub(super) fn call_began(&mut self, batch: &Batch<C>) {
        if let Some(known) = self.in_flight.iter_mut().find(|known| known.start == batch.start) {
            known.since = Some(Instant::now());
        }
    }

    /// Records that the call failed. Returns whether the batch was counted as dropped before.
    pub(super) fn call_failed(&mut self, batch: &Batch<C>, error: String) -> bool {
        self.last_error = Some(error);
        self.in_flight.iter_mut().find(|known| known.start == batch.start).is_some_and(|known| {
            known.since = None;
            known.overdue
        })
    }

    /// Counts a batch as delivered, except for `dropped` items, and returns the items. The caller
    /// releases its permits.
    pub(super) fn settle(&mut self, batch: Batch<C>, dropped: usize) -> Vec<C::Item> {
        let Batch { items, len, start, .. } = batch;
        let overdue = self
            .in_flight
            .iter()
            .position(|known| known.start == start)
            .is_some_and(|at| self.in_flight.swap_remove(at).overdue);
        if !overdue {
            self.delivered += len.saturating_sub(dropped) as u64;
            self.dropped += dropped as u64;
        }
        items
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

    /// Returns the pool of empty chunks.
    pub(super) fn pool(&mut self) -> &mut Pool<C> {
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
        while let Some(mut batch) = backlog.take_batch(4) {
            let _ = batch.unpack(Vec::new());
            batches.push(backlog.settle(batch, 0));
        }
        assert_eq!(batches, [vec![1, 2, 3, 4], vec![5, 6, 7, 8], vec![9, 10, 11]]);
        assert_eq!((backlog.delivered(), backlog.waiting()), (11, 0));
    }

    #[test]
    fn g67_a_search_that_found_no_leaf_is_repeated_only_for_new_items() {
        let mut backlog = Backlog::new(100, 4, 4);
        backlog.append(vec![0; 4]);
        assert!(!backlog.has_no_leaf());
        assert!(backlog.replace_leaf(|_: &mut Vec<_>| ()).is_err(), "none is a leaf");
        assert!(backlog.has_no_leaf());
        backlog.append(vec![0]);
        assert!(!backlog.has_no_leaf());
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
