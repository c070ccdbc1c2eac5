//! Permits: each allows one item to be held in memory. There are as many as items may be held.

use super::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
    lock,
};
use crate::base::sync::Padded;

/// Maximum number of permits that a shard takes at a time, however large batches are.
const MAX_BLOCK: usize = 64;

/// Permits that neither a shard nor an item has.
#[derive(Debug)]
pub(super) struct Permits {
    free: Padded<AtomicUsize>,
    block: usize,
    scarce_below: usize,
    /// Number of blocks taken so far, and the number at the last complete reclaim. While they are
    /// equal, no shard has unused permits.
    blocks: AtomicUsize,
    reclaimed: AtomicUsize,
    reclaiming: Mutex<()>,
}

/// Permits taken at once.
#[derive(Debug)]
pub(super) struct Block {
    /// Number of permits; 0 when none were free.
    pub(super) permits: usize,
    /// `true` if few are left, and a whole batch is waiting somewhere.
    pub(super) scarce: bool,
}

impl Permits {
    pub(super) fn new(max_spans: usize, batch_size: usize) -> Self {
        Self {
            free: Padded(AtomicUsize::new(max_spans)),
            block: MAX_BLOCK.min(batch_size).min(max_spans / 16).max(1),
            // With this few permits left, at least `batch_size` items are held.
            scarce_below: (max_spans / 4).max(1).min(max_spans - batch_size + 1),
            blocks: AtomicUsize::new(0),
            reclaimed: AtomicUsize::new(0),
            reclaiming: Mutex::new(()),
        }
    }

    /// Takes a block, or a single permit near the limit. Called under the lock of the shard that
    /// keeps unused permits, so that a reclaim finds them there.
    pub(super) fn take_block(&self) -> Block {
        let mut free = self.free.load(Ordering::Relaxed);
        loop {
            let permits = if free >= 4 * self.block { self.block } else { free.min(1) };
            if permits == 0 {
                return Block { permits, scarce: true };
            }
            if permits > 1 {
                // Before the permits are taken: a thread that finds none left must know where to
                // look.
                self.blocks.fetch_add(1, Ordering::AcqRel);
            }
            match self.free.compare_exchange_weak(
                free,
                free - permits,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Block { permits, scarce: free - permits < self.scarce_below },
                Err(now) => free = now,
            }
        }
    }

    pub(super) fn try_take_one(&self) -> bool {
        self.free
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(1))
            .is_ok()
    }

    pub(super) fn release(&self, permits: usize) {
        self.free.fetch_add(permits, Ordering::AcqRel);
    }

    /// Returns permits that shards reserved but do not use, collected with `collect`, if there can
    /// be any.
    pub(super) fn reclaim(&self, collect: impl FnOnce() -> usize) {
        let nothing_to_find =
            || self.blocks.load(Ordering::Acquire) == self.reclaimed.load(Ordering::Acquire);
        if nothing_to_find() {
            return;
        }
        let _one_at_a_time = lock(&self.reclaiming);
        if nothing_to_find() {
            return;
        }
        let seen = self.blocks.load(Ordering::Acquire);
        self.release(collect());
        self.reclaimed.store(seen, Ordering::Release);
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.free.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g67_blocks_shrink_to_single_places_near_the_limit() {
        let permits = Permits::new(320, 50);
        let mut taken = Vec::new();
        loop {
            match permits.take_block().permits {
                0 => break,
                permits => taken.push(permits),
            }
        }
        assert_eq!(taken.iter().sum::<usize>(), 320);
        assert_eq!(taken[0], 20);
        assert!(taken.iter().rev().take(60).all(|&permits| permits == 1));
        assert!(!permits.try_take_one());
    }

    #[test]
    fn g67_a_reclaim_looks_only_where_something_can_be() {
        let permits = Permits::new(320, 50);
        let mut looked = 0;
        permits.reclaim(|| {
            looked += 1;
            0
        });
        assert_eq!(looked, 0);
        let reserved = permits.take_block().permits;
        permits.reclaim(|| reserved);
        assert_eq!(permits.free(), 320);
        permits.reclaim(|| unreachable!("nothing was given out since"));
    }
}
