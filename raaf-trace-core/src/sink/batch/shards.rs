//! Shards: a fixed number of buffers for items, shared by all threads.
//!
//! Threads are not registered, so short-lived ones leave nothing behind, and draining every shard
//! reaches the items of every thread, including those that ended.

use std::{mem, ops::RangeInclusive, thread::available_parallelism};

use super::{
    Chunk,
    sync::{Mutex, MutexGuard, lock, thread_index},
};
use crate::base::sync::Padded;

/// Number of shards. A model has few: each is a step of every reclaim.
const COUNT: RangeInclusive<usize> = if cfg!(all(test, shuttle)) { 2..=2 } else { 16..=64 };

pub(super) struct Shards<C> {
    slots: Box<[Padded<Mutex<Shard<C>>>]>,
}

/// A buffer for items. Its lock is rarely contended: up to the number of shards, each thread has
/// its own.
pub(super) struct Shard<C> {
    items: Option<C>,
    /// Number of items in a full chunk.
    chunk_size: usize,
    /// Number of permits taken but not used; 0 once closed.
    permits: usize,
    received: u64,
    /// Number of received items that were rejected.
    refused: u64,
    closed: bool,
}

impl<C: Chunk> Shards<C> {
    pub(super) fn new(chunk_size: usize) -> Self {
        let cores = available_parallelism().map_or(4, usize::from);
        let count = (4 * cores).next_power_of_two().clamp(*COUNT.start(), *COUNT.end());
        let empty = || {
            Padded(Mutex::new(Shard {
                items: None,
                chunk_size,
                permits: 0,
                received: 0,
                refused: 0,
                closed: false,
            }))
        };
        Self { slots: std::iter::repeat_with(empty).take(count).collect() }
    }

    /// Locks the calling thread's shard.
    #[inline]
    pub(super) fn current(&self) -> MutexGuard<'_, Shard<C>> {
        // The count is a power of two.
        lock(&self.slots[thread_index::current() & (self.slots.len() - 1)])
    }

    /// Returns every shard, locked one after the other.
    pub(super) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, Shard<C>>> {
        self.slots.iter().map(|slot| lock(slot))
    }

    /// Takes every unused permit.
    pub(super) fn take_permits(&self) -> usize {
        self.each().map(|mut shard| mem::take(&mut shard.permits)).sum()
    }

    /// Returns the number of rejected items.
    pub(super) fn refused(&self) -> u64 {
        self.each().map(|shard| shard.refused).sum()
    }

    /// Calls `read` with the numbers of items that were received, rejected, and are held here,
    /// which do not change meanwhile.
    pub(super) fn with_counts(&self, read: impl FnOnce((u64, u64, u64))) {
        let all: Vec<_> = self.each().collect();
        read(all.iter().fold((0, 0, 0), |(received, refused, held), shard| {
            (received + shard.received, refused + shard.refused, held + shard.held() as u64)
        }));
    }
}

impl<C: Chunk> Shard<C> {
    /// Returns whether an item can be pushed: there is a permit for it, and memory.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        self.permits > 0 && self.has_chunk()
    }

    pub(super) fn has_permits(&self) -> bool {
        self.permits > 0
    }

    pub(super) fn has_chunk(&self) -> bool {
        self.items.is_some()
    }

    fn held(&self) -> usize {
        self.items.as_ref().map_or(0, Chunk::len)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Adds memory, unless it has some.
    pub(super) fn add_chunk(&mut self, chunk: C) {
        if !self.has_chunk() {
            self.items = Some(chunk);
        }
    }

    pub(super) fn add_permits(&mut self, permits: usize) {
        self.permits += permits;
    }

    /// Adds the item that `write` writes, which uses a permit. Returns whether the chunk is full.
    #[inline]
    pub(super) fn push(&mut self, write: impl FnOnce(&mut C)) -> bool {
        // Another thread may have taken it meanwhile.
        let items = self.items.get_or_insert_default();
        write(items);
        self.permits -= 1;
        self.received += 1;
        items.len() >= self.chunk_size
    }

    pub(super) fn count_refusal(&mut self) {
        self.received += 1;
        self.refused += 1;
    }

    /// Takes the items and their memory.
    pub(super) fn take_chunk(&mut self) -> Option<C> {
        self.items.take()
    }

    /// Takes the items, if any. Of a mostly empty chunk, only the items are moved, and the chunk
    /// continues to be filled: frequent requests for a few items thus do not queue large chunks.
    pub(super) fn take_items(&mut self) -> Option<C> {
        let items = self.items.as_mut()?;
        let held = items.len();
        if held == 0 {
            None
        } else if held < items.capacity() / 2 {
            Some(items.split_front(held))
        } else {
            self.take_chunk()
        }
    }

    /// Rejects items from now on. Returns the items and unused permits.
    pub(super) fn close(&mut self) -> (Option<C>, usize) {
        self.closed = true;
        (self.take_chunk(), mem::take(&mut self.permits))
    }
}
