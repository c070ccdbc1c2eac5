//! Process-wide counters of ignored calls, part of `stats()`.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter of rare events.
#[derive(Debug)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Number of changes to spans after their end.
pub(crate) static LATE_CALLS: Counter = Counter::new();

/// Number of times that a bound parent was active in several traces at once.
pub(crate) static AMBIGUOUS_PARENTS: Counter = Counter::new();
