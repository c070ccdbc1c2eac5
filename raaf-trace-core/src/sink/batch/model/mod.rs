//! Synchronization primitives of the batch queue under [shuttle], which decides which thread runs
//! next.
//!
//! They have the names of those in `std`, as far as the queue uses them. At every lock, wait,
//! signal and atomic another thread may continue. Atomics are sequentially consistent regardless of
//! their orderings, and a weak compare-and-exchange never fails spuriously: effects of memory
//! orderings beyond interleavings are not explored.
//!
//! Time is that of [`Clock`].

use std::sync::OnceLock as Cell;

mod clock;
mod lock;

pub(super) use clock::{Clock, HOUR, Instant};
pub(super) use lock::{Condvar, Mutex, MutexGuard, lock};
pub(super) use shuttle::{sync::atomic, thread};

pub(super) mod thread_index {
    /// Returns the number of the thread, in the order of their starts.
    pub(in crate::sink::batch) fn current() -> usize {
        super::thread::current().id().into()
    }
}

/// Lets other threads continue here.
pub(super) fn pause() {
    thread::sleep(std::time::Duration::ZERO);
}

/// A value that is initialised once, by one thread, while others wait.
pub(super) struct OnceLock<T> {
    value: Cell<T>,
    making: Mutex<()>,
}

impl<T> OnceLock<T> {
    pub(super) fn new() -> Self {
        Self { value: Cell::new(), making: Mutex::new(()) }
    }

    pub(super) fn get(&self) -> Option<&T> {
        pause();
        self.value.get()
    }

    pub(super) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        let _one_at_a_time = lock(&self.making);
        self.value.get_or_init(make)
    }
}
