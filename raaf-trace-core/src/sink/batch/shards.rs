//! Where producers put items: a fixed number of buffers that threads share out among themselves.
//!
//! Threads are not registered, so short-lived ones leave nothing behind, and draining every shard
//! reaches what every thread pushed, those that ended included.

use std::{fmt, mem, ops::RangeInclusive, thread::available_parallelism};

use super::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
    lock, thread_index,
};
use crate::base::sync::Padded;

/// How many shards there may be. A model has few: each is a step of every sweep.
const COUNT: RangeInclusive<usize> = if cfg!(all(test, shuttle)) { 2..=2 } else { 16..=64 };

pub(crate) struct Shards<T> {
    slots: Box<[Padded<Mutex<Shard<T>>>]>,
    /// How many items make a chunk.
    chunk: usize,
    attached: AtomicBool,
}

/// One buffer. Its lock is free nearly always: as many threads as there are shards have one each.
pub(super) struct Shard<T> {
    pub(super) items: Vec<T>,
    /// Places taken from the budget and not used yet; 0 once closed.
    pub(super) reserved: usize,
    pub(super) received: u64,
    /// How many of those were not kept.
    pub(super) refused: u64,
    pub(super) closed: bool,
    /// Whether a provider puts items here itself, and how many it has put.
    direct: bool,
    directly: u64,
}

impl<T> Shard<T> {
    /// Takes what it holds. Of a chunk that is mostly empty only the items go: however often a few
    /// are asked for, what waits then has not room for many, and the chunk is filled further.
    pub(super) fn take_items(&mut self) -> Vec<T> {
        if self.items.len() < self.items.capacity() / 2 {
            self.items.drain(..).collect()
        } else {
            mem::take(&mut self.items)
        }
    }
}

impl<T> Shards<T> {
    pub(super) fn new(chunk: usize) -> Self {
        let cores = available_parallelism().map_or(4, usize::from);
        let count = (4 * cores).next_power_of_two().clamp(*COUNT.start(), *COUNT.end());
        let empty = || {
            Padded(Mutex::new(Shard {
                items: Vec::new(),
                reserved: 0,
                received: 0,
                refused: 0,
                closed: false,
                direct: false,
                directly: 0,
            }))
        };
        let slots = std::iter::repeat_with(empty).take(count).collect();
        Self { slots, chunk, attached: AtomicBool::new(false) }
    }

    /// Lets one provider put items in directly; says whether it is the first to ask.
    pub(crate) fn attach(&self) -> bool {
        let first = !self.attached.swap(true, Ordering::Relaxed);
        if first {
            self.each().for_each(|mut shard| shard.direct = true);
        }
        first
    }

    /// From now on refuses what is put in directly. Each shard's lock is the barrier: what came in
    /// before is in the queue, what comes later goes where the processors are by then.
    pub(crate) fn detach(&self) {
        self.each().for_each(|mut shard| shard.direct = false);
    }

    /// The short way into the queue, for the usual case: the shard has a place, and its chunk will
    /// not be full. Else both closures come back, not called.
    #[inline]
    pub(crate) fn put_directly<I, C>(&self, item: I, complete: C) -> Result<(), (I, C)>
    where
        I: FnOnce() -> T,
        C: FnOnce(&mut T),
    {
        let mut shard = lock(self.mine());
        let fits =
            shard.items.len() + 1 < self.chunk && shard.items.len() != shard.items.capacity();
        if !(shard.direct && shard.reserved > 0 && fits) {
            return Err((item, complete));
        }
        shard.items.push(item());
        if let Some(item) = shard.items.last_mut() {
            complete(item);
        }
        shard.reserved -= 1;
        shard.received += 1;
        shard.directly += 1;
        Ok(())
    }

    /// How many items were put in directly.
    pub(crate) fn directly(&self) -> u64 {
        self.each().map(|shard| shard.directly).sum()
    }

    /// The calling thread's shard.
    pub(super) fn mine(&self) -> &Mutex<Shard<T>> {
        // The count is a power of two.
        &self.slots[thread_index::current() & (self.slots.len() - 1)]
    }

    /// Every shard, locked one after the other.
    pub(super) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, Shard<T>>> {
        self.slots.iter().map(|slot| lock(slot))
    }

    /// Takes every place that is reserved and not used.
    pub(super) fn take_reserved(&self) -> usize {
        self.each().map(|mut shard| mem::take(&mut shard.reserved)).sum()
    }
}

impl<T> fmt::Debug for Shards<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shards").field("count", &self.slots.len()).finish_non_exhaustive()
    }
}
