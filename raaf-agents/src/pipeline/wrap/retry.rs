//! How often a step is tried, and when.

use std::{fmt, sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use super::super::StepError;

type IsFor = dyn Fn(&StepError) -> bool + Send + Sync;

/// How often a failing step is tried again, after how long, and for which errors.
///
/// The first retry comes after half a second, each later one after twice as long as the one before,
/// at most half a minute, and up to as long again by chance, so that steps that failed together do
/// not come back together.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use raaf_agents::{Retry, StepError};
///
/// let retry = Retry::times(3)
///     .first_delay(Duration::from_millis(100))
///     .only_if(|error| matches!(error, StepError::Timeout { .. }));
/// ```
#[derive(Clone)]
pub struct Retry {
    schedule: ExponentialBuilder,
    is_for: Arc<IsFor>,
}

impl Retry {
    /// So many tries after the first.
    pub fn times(retries: u32) -> Self {
        let schedule = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(30))
            .with_factor(2.0)
            .with_jitter()
            .with_max_times(retries as usize);
        Self { schedule, is_for: Arc::new(|error| !matches!(error, StepError::State(_))) }
    }

    /// How long it waits before the first retry.
    #[must_use]
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.schedule = self.schedule.with_min_delay(delay);
        self
    }

    /// How long it waits at most, but for what chance adds.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.schedule = self.schedule.with_max_delay(delay);
        self
    }

    /// How many times as long each delay is as the one before. What is below 1, or no number,
    /// counts as 1.
    #[must_use]
    pub fn factor(mut self, factor: f32) -> Self {
        self.schedule = self.schedule.with_factor(factor.max(1.0));
        self
    }

    /// Which errors are worth another try. Without a word, all but a value that is missing from the
    /// state or of another type, which does not change by waiting.
    #[must_use]
    pub fn only_if(mut self, is_for: impl Fn(&StepError) -> bool + Send + Sync + 'static) -> Self {
        self.is_for = Arc::new(is_for);
        self
    }

    pub(super) fn delays(&self) -> ExponentialBackoff {
        self.schedule.build()
    }

    pub(super) fn is_for(&self, error: &StepError) -> bool {
        (self.is_for)(error)
    }
}

/// So many tries after the first.
impl From<u32> for Retry {
    fn from(retries: u32) -> Self {
        Self::times(retries)
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("schedule", &self.schedule).finish_non_exhaustive()
    }
}
