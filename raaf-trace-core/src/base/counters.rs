//! Process-wide counters of ignored calls, part of `stats()`.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

use crate::base::process::PerProcess;

/// A counter of rare events.
#[derive(Debug)]
pub(crate) struct Counter(LazyLock<PerProcess<AtomicU64>>);

impl Counter {
    const fn new() -> Self {
        Self(LazyLock::new(PerProcess::default))
    }

    pub(crate) fn add(&self, count: u64) {
        self.here().fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.here().load(Ordering::Relaxed)
    }

    fn here(&self) -> &AtomicU64 {
        self.0.get(|_| AtomicU64::default())
    }
}

/// Number of changes to spans after their end.
pub(crate) static LATE_CALLS: Counter = Counter::new();

/// Number of times that a bound parent was active in several traces at once.
pub(crate) static AMBIGUOUS_PARENTS: Counter = Counter::new();
