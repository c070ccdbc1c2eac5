//! A clock that tests control.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use raaf_trace_model::span::FinishedSpanBuilder;

use super::{Clock, Source};

/// A clock that moves only on [`advance`](Self::advance). Clones share the time.
///
/// ```
/// # use raaf_trace_core::clock::ManualClock;
/// # use std::time::Duration;
/// let manual = ManualClock::new();
/// let clock = manual.clock();
/// let start = clock.now();
/// manual.advance(Duration::from_millis(20));
/// assert_eq!(clock.between(start, clock.now()), Duration::from_millis(20));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<ManualTime>);

#[derive(Debug)]
pub(super) struct ManualTime {
    start: SystemTime,
    elapsed: AtomicU64,
}

impl ManualClock {
    /// Creates a clock at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::starting_at(FinishedSpanBuilder::START.into())
    }

    /// Creates a clock at this wall-clock time.
    pub fn starting_at(start: SystemTime) -> Self {
        Self(Arc::new(ManualTime { start, elapsed: AtomicU64::new(0) }))
    }

    /// Returns the clock for the tested code.
    pub fn clock(&self) -> Clock {
        Clock(Source::Manual(Arc::clone(&self.0)))
    }

    /// Advances the time. The sum of all advances is limited to 584 years.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use raaf_trace_core::clock::ManualClock;
    ///
    /// let manual = ManualClock::new();
    /// let clock = manual.clock();
    /// let start = clock.now();
    /// assert_eq!(clock.between(start, clock.now()), Duration::ZERO); // stands still
    /// manual.advance(Duration::from_secs(1));
    /// assert_eq!(clock.between(start, clock.now()), Duration::from_secs(1));
    /// ```
    pub fn advance(&self, by: Duration) {
        self.0.elapsed.fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }

    /// Returns the wall-clock time at which the clock started.
    pub fn start(&self) -> SystemTime {
        self.0.start
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl ManualTime {
    pub(super) fn elapsed_nanos(&self) -> u64 {
        self.elapsed.load(Ordering::SeqCst)
    }

    pub(super) fn wall(&self, elapsed_nanos: u64) -> SystemTime {
        self.start.checked_add(Duration::from_nanos(elapsed_nanos)).unwrap_or(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_and_clocks_share_the_time() {
        let manual = ManualClock::default();
        let (first, second) = (manual.clock(), manual.clone().clock());
        manual.clone().advance(Duration::from_secs(1));
        assert_eq!(first.now(), second.now());
        let now = second.anchor().time_of(first.now());
        assert_eq!(now.to_string(), "2026-01-01T00:00:01.000000Z");
    }
}
