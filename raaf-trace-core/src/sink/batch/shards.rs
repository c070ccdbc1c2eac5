//! Shards: a fixed number of buffers for items, shared by all threads.
//!
//! Threads are not registered, so short-lived ones leave nothing behind, and draining every shard
//! reaches the items of every thread, including those that ended.

use std::{mem, ops::RangeInclusive, thread::available_parallelism};

use super::sync::{Mutex, MutexGuard, lock, thread_index};
use crate::base::sync::Padded;

/// Number of shards. A model has few: each is a step of every reclaim.
const COUNT: RangeInclusive<usize> = if cfg!(all(test, shuttle)) { 2..=2 } else { 16..=64 };

pub(super) struct Shards<T> {
    slots: Box<[Padded<Mutex<Shard<T>>>]>,
}

/// A buffer for items. Its lock is rarely contended: up to the number of shards, each thread has
/// its own.
pub(super) struct Shard<T> {
    items: Vec<T>,
    /// Number of items in a full chunk.
    chunk_size: usize,
    /// Number of permits taken but not used; 0 once closed.
    permits: usize,
    received: u64,
    /// Number of received items that were rejected.
    refused: u64,
    closed: bool,
}

impl<T> Shards<T> {
    pub(super) fn new(chunk_size: usize) -> Self {
        let cores = available_parallelism().map_or(4, usize::from);
        let count = (4 * cores).next_power_of_two().clamp(*COUNT.start(), *COUNT.end());
        let empty = || {
            Padded(Mutex::new(Shard {
                items: Vec::new(),
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
    pub(super) fn current(&self) -> MutexGuard<'_, Shard<T>> {
        // The count is a power of two.
        lock(&self.slots[thread_index::current() & (self.slots.len() - 1)])
    }

    /// Returns every shard, locked one after the other.
    pub(super) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, Shard<T>>> {
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

    /// Returns the numbers of items that were received, rejected, and are held here.
    pub(super) fn counts(&self) -> (u64, u64, u64) {
        self.each().fold((0, 0, 0), |(received, refused, held), shard| {
            (received + shard.received, refused + shard.refused, held + shard.items.len() as u64)
        })
    }
}

impl<T> Shard<T> {
    /// Returns whether an item can be pushed: there is a permit for it, and memory.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        self.permits > 0 && self.has_chunk()
    }

    pub(super) fn has_permits(&self) -> bool {
        self.permits > 0
    }

    pub(super) fn has_chunk(&self) -> bool {
        self.items.capacity() > 0
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Adds memory for items, unless it has some.
    pub(super) fn add_chunk(&mut self, chunk: Vec<T>) {
        if !self.has_chunk() {
            self.items = chunk;
        }
    }

    pub(super) fn add_permits(&mut self, permits: usize) {
        self.permits += permits;
    }

    /// Adds the item that `make` returns and `complete` completes in place, which uses a permit.
    /// Returns whether the chunk is full.
    #[inline]
    pub(super) fn push(&mut self, make: impl FnOnce() -> T, complete: impl FnOnce(&mut T)) -> bool {
        self.items.push(make());
        if let Some(item) = self.items.last_mut() {
            complete(item);
        }
        self.permits -= 1;
        self.received += 1;
        self.items.len() >= self.chunk_size
    }

    pub(super) fn count_refusal(&mut self) {
        self.received += 1;
        self.refused += 1;
    }

    /// Takes the items and their memory.
    pub(super) fn take_chunk(&mut self) -> Vec<T> {
        mem::take(&mut self.items)
    }

    /// Takes the items, if any. Of a mostly empty chunk, only the items are moved, and the chunk
    /// continues to be filled: frequent requests for a few items thus do not queue large chunks.
    pub(super) fn take_items(&mut self) -> Option<Vec<T>> {
        if self.items.is_empty() {
            None
        } else if self.items.len() < self.items.capacity() / 2 {
            Some(self.items.drain(..).collect())
        } else {
            Some(self.take_chunk())
        }
    }

    /// Rejects items from now on. Returns the items and unused permits.
    pub(super) fn close(&mut self) -> (Vec<T>, usize) {
        self.closed = true;
        (self.take_chunk(), mem::take(&mut self.permits))
    }
}
