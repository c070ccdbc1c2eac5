//! Small dense indices of threads.

use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    static INDEX: Lease = Lease::new();
}

/// Returns an index that no other living thread has: the lowest that was free at this thread's
/// first call. `None` when there are too many threads, or when the thread's thread-locals are gone.
#[inline]
pub(crate) fn own() -> Option<usize> {
    INDEX.try_with(|lease| lease.0).ok().flatten()
}

/// Returns [`own`], or the index of another thread where there is none.
#[inline]
pub(crate) fn current() -> usize {
    own().unwrap_or(0)
}

/// A bit for each number that a thread has. No lock: a fork could leave it locked.
static TAKEN: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

struct Lease(Option<usize>);

impl Lease {
    fn new() -> Self {
        let lowest = |word: &AtomicU64| {
            let take = |bits: u64| Some(bits | bits.wrapping_add(1)).filter(|_| bits != u64::MAX);
            let before = word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, take).ok()?;
            Some(before.trailing_ones() as usize)
        };
        let mut words = TAKEN.iter().enumerate();
        Self(words.find_map(|(at, word)| Some(at * 64 + lowest(word)?)))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(index) = self.0 {
            TAKEN[index / 64].fetch_and(!(1 << (index % 64)), Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Barrier, thread};

    #[test]
    fn living_threads_have_different_indexes() {
        let together = Barrier::new(8);
        let mut indexes: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let index = current();
                        together.wait();
                        index
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        indexes.sort_unstable();
        indexes.dedup();
        assert_eq!(indexes.len(), 8);
    }
}
