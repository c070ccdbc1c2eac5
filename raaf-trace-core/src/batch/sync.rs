//! Small tools around locks and threads.

use std::{
    cell::Cell,
    cmp::Reverse,
    collections::BinaryHeap,
    ops::Deref,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Locks, whether or not another thread panicked meanwhile: nothing the queue does under a lock
/// leaves its state half changed.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `timeout` from now; a time that the clock cannot tell becomes a year.
pub(super) fn deadline(timeout: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);
    let now = Instant::now();
    now.checked_add(timeout.min(YEAR)).unwrap_or(now)
}

/// Waits for a signal until `until` at the latest.
pub(super) fn wait<'a, T>(
    signal: &Condvar,
    guard: MutexGuard<'a, T>,
    until: Instant,
) -> MutexGuard<'a, T> {
    let left = until.saturating_duration_since(Instant::now());
    signal.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0
}

/// Keeps what threads write apart: 128 bytes because processors fetch cache lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Padded<T>(pub(super) T);

impl<T> Deref for Padded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A small number that no other living thread has: the lowest that was free when this thread
/// first asked. 0 when the thread is so far gone that it has no thread-locals.
pub(crate) fn thread_index() -> usize {
    thread_local! {
        static INDEX: Lease = Lease::new();
    }
    INDEX.try_with(|lease| lease.0).unwrap_or(0)
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

thread_local! {
    /// Whose exporter this thread is inside of: the address of a queue, or 0.
    static INSIDE: Cell<usize> = const { Cell::new(0) };
}

/// Runs `f` marked as being inside the exporter of the queue at `address`.
pub(super) fn inside<R>(address: usize, f: impl FnOnce() -> R) -> R {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = INSIDE.try_with(|cell| cell.set(self.0));
        }
    }
    let _restore = Restore(INSIDE.try_with(|cell| cell.replace(address)).unwrap_or(0));
    f()
}

/// Whether this thread is inside the exporter of the queue at `address`, where waiting for that
/// exporter would wait for itself.
pub(super) fn is_inside(address: usize) -> bool {
    INSIDE.try_with(|cell| cell.get() == address).unwrap_or(false)
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
                        let index = thread_index();
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
