//! Where producers put items: a fixed number of buffers that threads share out among themselves.
//!
//! Threads are not registered, so short-lived ones leave nothing behind, and draining every shard
//! reaches what every thread pushed, those that ended included.

use crate::{sync::Padded, sync::lock, thread_index};
use std::{
    sync::{Mutex, MutexGuard},
    thread::available_parallelism,
};

pub(super) struct Shards<T> {
    slots: Box<[Padded<Mutex<Shard<T>>>]>,
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
}

impl<T> Shards<T> {
    pub(super) fn new() -> Self {
        let cores = available_parallelism().map_or(4, usize::from);
        let count = (4 * cores).next_power_of_two().clamp(16, 64);
        let empty = || {
            Padded(Mutex::new(Shard {
                items: Vec::new(),
                reserved: 0,
                received: 0,
                refused: 0,
                closed: false,
            }))
        };
        Self { slots: std::iter::repeat_with(empty).take(count).collect() }
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
        self.each().map(|mut shard| std::mem::take(&mut shard.reserved)).sum()
    }
}
