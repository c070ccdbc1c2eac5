//! Retries of steps.

use std::{fmt, sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

use super::super::StepError;

type Predicate = dyn Fn(&StepError) -> bool + Send + Sync;

/// Retry policy of a step: how often, after which delays, and for which errors.
///
/// By default the first delay is 500 ms, and each further delay is twice as long, up to 30 s. Random
/// jitter adds up to the same time again, so that steps that failed together do not retry together.
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
    retries: Arc<Predicate>,
}

impl Retry {
    /// Creates a policy with a maximum number of retries, after the first attempt. 0 means no retries.
    pub fn times(retries: u32) -> Self {
        let schedule = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(30))
            .with_factor(2.0)
            .with_jitter()
            .with_max_times(retries as usize);
        Self { schedule, retries: Arc::new(|error| !matches!(error, StepError::State(_))) }
    }

    /// Sets the delay before the first retry; the default is 500 ms.
    #[must_use]
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.schedule = self.schedule.with_min_delay(delay);
        self
    }

    /// Sets the maximum delay, without jitter; the default is 30 s.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.schedule = self.schedule.with_max_delay(delay);
        self
    }

    /// Sets which errors are retried. The default is all but [`StepError::State`], which does not
    /// change by waiting. The last predicate set applies.
    #[must_use]
    pub fn only_if(mut self, retries: impl Fn(&StepError) -> bool + Send + Sync + 'static) -> Self {
        self.retries = Arc::new(retries);
        self
    }

    pub(super) fn delays(&self) -> ExponentialBackoff {
        self.schedule.build()
    }

    pub(super) fn retries(&self, error: &StepError) -> bool {
        (self.retries)(error)
    }
}

/// Creates a policy with this maximum number of retries.
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
