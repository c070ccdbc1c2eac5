//! Retry schedule.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use super::{BatchConfig, Chunk, backlog::Batch, sync::Instant};
use raaf_trace_model::sink::ExportError;

/// A batch that is being delivered, or is set aside until its next attempt.
pub(super) struct Delivery<C: Chunk> {
    pub(super) batch: Batch<C>,
    /// Number of items that the last attempt did not deliver.
    undelivered: usize,
    retries: Option<Retries>,
    /// Time of the next attempt; `None` before the first one.
    at: Option<Instant>,
    /// Number of [requests](super::queue::Queue::begin_flush) to try everything when the last
    /// attempt began.
    asked: u64,
    /// `true` if that attempt was out of turn, for such a request.
    early: bool,
}

impl<C: Chunk> Delivery<C> {
    pub(super) fn new(batch: Batch<C>, asked: u64) -> Self {
        let undelivered = batch.len();
        Self { batch, undelivered, retries: None, at: None, asked, early: false }
    }

    /// Returns how many items are dropped if there is no further attempt.
    pub(super) fn undelivered(&self) -> usize {
        self.undelivered
    }

    /// Returns the time of the next scheduled attempt of a batch that is set aside.
    pub(super) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// Returns whether an attempt began after that many requests to try everything.
    pub(super) fn was_tried_after(&self, asked: u64) -> bool {
        self.asked >= asked
    }

    /// Records that another attempt begins.
    pub(super) fn try_again(&mut self, asked: u64) {
        self.asked = asked;
        self.early = self.at.is_some_and(|at| Instant::now() < at);
    }

    /// Schedules the next attempt after `error`. Returns `false` to give up. An attempt out of turn
    /// does not count as a retry, and the schedule stays.
    pub(super) fn failed(&mut self, error: &ExportError, config: &BatchConfig) -> bool {
        self.undelivered = error.rejected_of(self.batch.len());
        let retries = self.retries.get_or_insert_with(|| Retries::new(config));
        self.at = match self.at {
            Some(at) if self.early && error.is_retryable() => retries.not_before(at, error),
            _ => retries.next(error),
        };
        self.at.is_some()
    }
}

/// Retry schedule of one batch.
struct Retries {
    left: usize,
    delay: Duration,
    longest: Duration,
    last_chance: Instant,
}

impl Retries {
    fn new(config: &BatchConfig) -> Self {
        let now = Instant::now();
        let last_chance = now.checked_add(config.give_up_after).unwrap_or(now);
        Self {
            left: config.max_retries,
            delay: config.min_backoff,
            longest: config.max_backoff,
            last_chance,
        }
    }

    /// Returns the time of the next attempt after `error`, or `None` to give up.
    fn next(&mut self, error: &ExportError) -> Option<Instant> {
        if !error.is_retryable() {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        let delay = self.delay.saturating_add(part_of(self.delay)).min(self.longest);
        self.delay = self.delay.saturating_mul(2).min(self.longest);
        self.not_before(Instant::now().checked_add(delay)?, error)
    }

    /// Returns `at`, or a later time if `error` requires it; `None` to give up. For an extra
    /// attempt, which does not count as a retry.
    fn not_before(&self, at: Instant, error: &ExportError) -> Option<Instant> {
        let at = error
            .retry_after()
            .and_then(|asked| Instant::now().checked_add(asked.min(self.longest)))
            .map_or(at, |asked| asked.max(at));
        (at <= self.last_chance).then_some(at)
    }
}

/// Returns a random part of `delay`: jitter, which keeps clients from retrying at the same time.
fn part_of(delay: Duration) -> Duration {
    let part = RandomState::new().hash_one(()) as f64 / u64::MAX as f64;
    Duration::try_from_secs_f64(delay.as_secs_f64() * part).unwrap_or(delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn config() -> BatchConfig {
        BatchConfig::default()
            .with_backoff(SECOND, 8 * SECOND)
            .with_max_retries(4)
            .with_give_up_after(100 * SECOND)
    }

    #[test]
    fn d2_waits_double_with_jitter_and_end() {
        let mut retries = Retries::new(&config());
        let refused = ExportError::retryable("refused");
        for least in [1, 2, 4, 8] {
            let before = Instant::now();
            let at = retries.next(&refused).unwrap();
            assert!(at >= before + least * SECOND);
            assert!(at <= Instant::now() + (2 * least * SECOND).min(8 * SECOND));
        }
        assert_eq!(retries.next(&refused), None);
    }

    #[test]
    fn d2_retry_after_is_honoured_but_bounded() {
        let mut retries = Retries::new(&config());
        let before = Instant::now();
        let at = retries.next(&ExportError::retryable("busy").after(7 * SECOND)).unwrap();
        assert!(at >= before + 7 * SECOND);
        let at = retries.next(&ExportError::retryable("busy").after(3_600 * SECOND)).unwrap();
        assert!(at <= Instant::now() + 8 * SECOND);
    }

    #[test]
    fn d2_tries_out_of_turn_put_the_end_off_no_further() {
        let retries = Retries::new(&config().with_give_up_after(5 * SECOND));
        let (soon, busy) = (Instant::now() + SECOND, ExportError::retryable("busy"));
        assert_eq!(retries.not_before(soon, &busy), Some(soon));
        assert_eq!(retries.not_before(soon, &busy.after(7 * SECOND)), None);
    }

    #[test]
    fn d2_a_batch_is_given_up_after_a_time_or_a_final_answer() {
        let mut retries = Retries::new(&config().with_give_up_after(SECOND / 2));
        assert_eq!(retries.next(&ExportError::retryable("refused")), None);
        let mut retries = Retries::new(&config());
        assert_eq!(retries.next(&ExportError::permanent("wrong")), None);
    }
}
