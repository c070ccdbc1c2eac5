//! What the queue synchronizes with, and small tools around waiting.

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

thread_local! {
    /// Whether this thread exports in place of a worker that does not keep up.
    static CALLER_RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f` marked as run by a producer.
pub(super) fn as_caller<R>(f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            let _ = CALLER_RUNS.try_with(|cell| cell.set(self.0));
        }
    }
    let _restore = Restore(CALLER_RUNS.try_with(|cell| cell.replace(true)).unwrap_or(false));
    f()
}

/// Whether an exporter is called by a thread of the traced program that found no room, and not by
/// the worker; see [`Overflow::Help`](crate::Overflow::Help).
///
/// An exporter that may have to wait for others, such as for a lock, then fails soon with an error
/// that [can be retried](crate::ExportError::retryable): the worker takes the batch over, and may
/// wait.
pub fn is_helping() -> bool {
    CALLER_RUNS.try_with(Cell::get).unwrap_or(false)
}

/// Whether this thread is inside the exporter of the queue at `address`, where waiting for that
/// exporter would wait for itself.
pub(super) fn is_inside(address: usize) -> bool {
    INSIDE.try_with(|cell| cell.get() == address).unwrap_or(false)
}
