//! Synchronization primitives of the batch queue.

use std::{cell::Cell, sync::PoisonError, time::Duration};

#[cfg(all(test, shuttle))]
pub(super) use super::model::{
    Condvar, Instant, Mutex, MutexGuard, OnceLock, atomic, lock, thread, thread_index,
};
#[cfg(all(test, shuttle))]
use shuttle::thread_local;
#[cfg(not(all(test, shuttle)))]
pub(super) use {
    crate::base::{sync::lock, thread_index},
    std::{
        sync::{Condvar, Mutex, MutexGuard, OnceLock, atomic},
        thread,
        time::Instant,
    },
};

/// Returns `timeout` from now; a year from now if the clock cannot represent it.
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

thread_local! {
    /// Address of the queue whose exporter runs in this thread, or 0.
    static INSIDE: Cell<usize> = const { Cell::new(0) };
}

/// Runs `f` marked as inside the exporter of the queue at `address`.
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

/// Returns whether this thread is inside the exporter of the queue at `address`, where waiting for
/// that exporter would deadlock.
pub(super) fn is_inside(address: usize) -> bool {
    INSIDE.try_with(|cell| cell.get() == address).unwrap_or(false)
}
