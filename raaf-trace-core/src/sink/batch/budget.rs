//! Places: the right to hold one item in memory. There are as many as items may be held.

use super::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
    lock,
};
use crate::base::sync::Padded;

/// How many places a shard takes at a time, however large batches are.
const MAX_BLOCK: usize = 64;

/// The places nobody has.
#[derive(Debug)]
pub(super) struct Budget {
    free: Padded<AtomicUsize>,
    block: usize,
    press_below: usize,
    /// Blocks given out so far, and how many of them the last complete sweep saw. While they are
    /// equal, no shard can have places to spare.
    grants: AtomicUsize,
    swept: AtomicUsize,
    sweeping: Mutex<()>,
}

/// Places taken.
#[derive(Debug)]
pub(super) struct Grant {
    /// How many; 0 when none were free.
    pub(super) places: usize,
    /// Few are left, and a whole batch is waiting somewhere.
    pub(super) pressing: bool,
}

impl Budget {
    pub(super) fn new(max_spans: usize, batch_size: usize) -> Self {
        Self {
            free: Padded(AtomicUsize::new(max_spans)),
            block: MAX_BLOCK.min(batch_size).min(max_spans / 16).max(1),
            // With this few left, at least `batch_size` are held.
            press_below: (max_spans / 4).max(1).min(max_spans - batch_size + 1),
            grants: AtomicUsize::new(0),
            swept: AtomicUsize::new(0),
            sweeping: Mutex::new(()),
        }
    }

    /// Takes a block, or a single place near the limit. Called under the lock of the shard that
    /// keeps what is not used at once, so that a sweep finds it there.
    pub(super) fn take(&self) -> Grant {
        let mut free = self.free.load(Ordering::Relaxed);
        loop {
            let places = if free >= 4 * self.block { self.block } else { free.min(1) };
            if places == 0 {
                return Grant { places, pressing: true };
            }
            if places > 1 {
                // Before the places are gone: whoever finds none left must know where to look.
                self.grants.fetch_add(1, Ordering::AcqRel);
            }
            match self.free.compare_exchange_weak(
                free,
                free - places,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Grant { places, pressing: free - places < self.press_below },
                Err(now) => free = now,
            }
        }
    }

    pub(super) fn take_one(&self) -> bool {
        self.free
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(1))
            .is_ok()
    }

    pub(super) fn release(&self, places: usize) {
        self.free.fetch_add(places, Ordering::AcqRel);
    }

    /// Takes back, with `collect`, what shards reserved and do not use, if there can be any.
    pub(super) fn sweep(&self, collect: impl FnOnce() -> usize) {
        let nothing_to_find =
            || self.grants.load(Ordering::Acquire) == self.swept.load(Ordering::Acquire);
        if nothing_to_find() {
            return;
        }
        let _one_at_a_time = lock(&self.sweeping);
        if nothing_to_find() {
            return;
        }
        let seen = self.grants.load(Ordering::Acquire);
        self.release(collect());
        self.swept.store(seen, Ordering::Release);
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
        let budget = Budget::new(320, 50);
        let mut taken = Vec::new();
        loop {
            match budget.take().places {
                0 => break,
                places => taken.push(places),
            }
        }
        assert_eq!(taken.iter().sum::<usize>(), 320);
        assert_eq!(taken[0], 20);
        assert!(taken.iter().rev().take(60).all(|&places| places == 1));
        assert!(!budget.take_one());
    }

    #[test]
    fn g67_a_sweep_looks_only_where_something_can_be() {
        let budget = Budget::new(320, 50);
        let mut looked = 0;
        budget.sweep(|| {
            looked += 1;
            0
        });
        assert_eq!(looked, 0);
        let reserved = budget.take().places;
        budget.sweep(|| reserved);
        assert_eq!(budget.free(), 320);
        budget.sweep(|| unreachable!("nothing was given out since"));
    }
}
