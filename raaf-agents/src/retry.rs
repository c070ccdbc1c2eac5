//! Retry policy.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

/// Retry policy of a [model](crate::RetryingModel) or a [pipeline step](crate::FlowExt::retry): how
/// often, and after which delays.
///
/// Delays double from retry to retry. Random jitter adds up to the same time again, so that callers
/// that failed together do not retry together. A number converts to a policy with that many retries.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use raaf_agents::RetryPolicy;
///
/// let patient = RetryPolicy::new(5)
///     .with_delays(Duration::from_secs(1), Duration::from_secs(30));
/// assert_eq!(patient.max_retries(), 5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    max_retries: u32,
    min_delay: Duration,
    max_delay: Duration,
    max_elapsed: Option<Duration>,
}

impl RetryPolicy {
    /// Creates a policy with a maximum number of retries, after the first attempt, and default delays.
    pub fn new(max_retries: u32) -> Self {
        let (min_delay, max_delay) = (Duration::from_millis(500), Duration::from_secs(8));
        Self { max_retries, min_delay, max_delay, max_elapsed: None }
    }

    /// Creates a policy without retries.
    pub fn never() -> Self {
        Self::new(0)
    }

    /// Sets the delay before the first retry and the maximum delay, without jitter; the defaults are
    /// 500 ms and 8 s. A maximum below the first delay is raised to it.
    #[must_use]
    pub fn with_delays(mut self, first: Duration, longest: Duration) -> Self {
        self.min_delay = first;
        self.max_delay = longest.max(first);
        self
    }

    /// Sets the time after the first attempt began from which no retry begins. By default, 2 minutes
    /// for a [model](crate::RetryingModel), so that a server that hangs costs one timeout rather than
    /// one for each attempt; no limit for a step.
    #[must_use]
    pub fn with_max_elapsed(mut self, time: Duration) -> Self {
        self.max_elapsed = Some(time);
        self
    }

    /// Returns the maximum number of retries.
    pub fn max_retries(&self) -> u32 {
        self.max_retries
    }

    /// Returns what a diagram says about it.
    pub(crate) fn note(&self) -> String {
        match self.max_retries {
            1 => "up to 1 retry".to_owned(),
            retries => format!("up to {retries} retries"),
        }
    }

    /// Begins the attempts of one call. `max_elapsed` applies unless the policy has its own.
    pub(crate) fn delays(&self, max_elapsed: Duration) -> Delays {
        self.delays_after(0, max_elapsed)
    }

    /// Goes on with the attempts of one call, after this number of retries.
    pub(crate) fn delays_after(&self, made: u32, max_elapsed: Duration) -> Delays {
        let doubled = 2_u32.checked_pow(made).unwrap_or(u32::MAX);
        let backoff = ExponentialBuilder::new()
            .with_min_delay(self.min_delay.saturating_mul(doubled).min(self.max_delay))
            .with_max_delay(self.max_delay)
            .with_max_times(self.max_retries.saturating_sub(made) as usize)
            .with_jitter()
            .build();
        let max_elapsed = self.max_elapsed.unwrap_or(max_elapsed);
        Delays { backoff, began: Instant::now(), max_elapsed }
    }
}

/// Delays before the retries of one call.
#[derive(Debug)]
pub(crate) struct Delays {
    backoff: ExponentialBackoff,
    began: Instant,
    max_elapsed: Duration,
}

impl Delays {
    /// Returns the delay before the next retry: `asked`, or that of the policy. `None` to give up.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let delay = self.backoff.next()?;
        let delay = asked.unwrap_or(delay);
        (self.began.elapsed().saturating_add(delay) <= self.max_elapsed).then_some(delay)
    }
}

impl Default for RetryPolicy {
    /// Creates a policy with two retries.
    fn default() -> Self {
        Self::new(2)
    }
}

impl From<u32> for RetryPolicy {
    fn from(max_retries: u32) -> Self {
        Self::new(max_retries)
    }
}
