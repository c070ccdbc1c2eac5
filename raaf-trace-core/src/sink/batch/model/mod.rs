//! What the queue synchronizes with when [shuttle] decides which thread runs next.
//!
//! The same names as in `std`, as far as the queue uses them. Every lock, wait, signal and atomic
//! is a point at which another thread may go on. Atomics are sequentially consistent whatever
//! their orderings say, and a weak compare-and-exchange never fails for nothing: what memory
//! orderings allow beyond interleavings is not explored.
//!
//! Time is what [`Clock`] says.

use std::sync::OnceLock as Cell;

mod clock;
mod lock;

pub(super) use clock::{Clock, HOUR, Instant};
pub(super) use lock::{Condvar, Mutex, MutexGuard, lock};
pub(super) use shuttle::{sync::atomic, thread};

pub(super) mod thread_index {
    /// Threads are numbered in the order in which they started.
    pub(in crate::sink::batch) fn current() -> usize {
        super::thread::current().id().into()
    }
}

/// Lets other threads go on here.
pub(super) fn pause() {
    thread::sleep(std::time::Duration::ZERO);
}

/// A value that is made once, by one thread, while others wait.
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
