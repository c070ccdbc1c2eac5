//! Small dense indices of threads.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Mutex};

use crate::base::sync::lock;

thread_local! {
    static INDEX: Lease = Lease::new();
}

/// Returns an index that no other living thread has: the lowest that was free at this thread's
/// first call. `None` when the thread's thread-locals are gone.
#[inline]
pub(crate) fn own() -> Option<usize> {
    INDEX.try_with(|lease| lease.0).ok()
}

/// Returns [`own`], or the index of another thread where there is none.
#[inline]
pub(crate) fn current() -> usize {
    own().unwrap_or(0)
}

struct Indexes {
    next: usize,
    free: BinaryHeap<Reverse<usize>>,
}

static INDEXES: Mutex<Indexes> = Mutex::new(Indexes { next: 0, free: BinaryHeap::new() });

struct Lease(usize);

impl Lease {
    fn new() -> Self {
        let mut indexes = lock(&INDEXES);
        Self(indexes.free.pop().map_or_else(
            || {
                indexes.next += 1;
                indexes.next - 1
            },
            |Reverse(index)| index,
        ))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        lock(&INDEXES).free.push(Reverse(self.0));
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
