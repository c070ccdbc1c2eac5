//! Small dense numbers for threads.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Mutex};

use crate::base::sync::lock;

thread_local! {
    static INDEX: Lease = Lease::new();
}

/// A small number that no other living thread has: the lowest that was free when this thread
/// first asked. `None` when the thread is so far gone that it has no thread-locals.
#[inline]
pub(crate) fn own() -> Option<usize> {
    INDEX.try_with(|lease| lease.0).ok()
}

/// As [`own`], or another thread's.
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
