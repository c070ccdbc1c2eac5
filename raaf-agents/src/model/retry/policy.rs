//! How often, and how soon.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};

/// How often a call that failed is tried again, and how soon.
///
/// The wait doubles from try to try, with some randomness, so that many callers do not come back at
/// once. When the server says how long to wait (`Retry-After`), that is what counts.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use raaf_agents::RetryPolicy;
///
/// let patient = RetryPolicy::new(5)
///     .with_delays(Duration::from_secs(1), Duration::from_secs(30))
///     .with_max_retry_after(Duration::from_secs(120));
/// assert_eq!(patient.max_retries(), 5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    max_retries: u32,
    min_delay: Duration,
    max_delay: Duration,
    max_retry_after: Duration,
}

impl RetryPolicy {
    /// So many tries after the first; the rest as by default.
    pub fn new(max_retries: u32) -> Self {
        Self {
            max_retries,
            min_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(8),
            max_retry_after: Duration::from_secs(60),
        }
    }

    /// One try, and that is all.
    pub fn never() -> Self {
        Self::new(0)
    }

    /// The same with other waits: before the second try, and at most; half a second and eight if
    /// nothing is said. Chance may make a wait up to twice as long.
    #[must_use]
    pub fn with_delays(mut self, first: Duration, longest: Duration) -> Self {
        self.min_delay = first;
        self.max_delay = longest.max(first);
        self
    }

    /// The same with another limit for what a server may ask; a minute if nothing is said. A call
    /// that would have to wait longer fails at once.
    #[must_use]
    pub fn with_max_retry_after(mut self, longest: Duration) -> Self {
        self.max_retry_after = longest;
        self
    }

    /// How many tries there are after the first.
    pub fn max_retries(&self) -> u32 {
        self.max_retries
    }

    pub(super) fn max_retry_after(&self) -> Duration {
        self.max_retry_after
    }

    pub(super) fn delays(&self) -> ExponentialBackoff {
        ExponentialBuilder::new()
            .with_min_delay(self.min_delay)
            .with_max_delay(self.max_delay)
            .with_max_times(self.max_retries as usize)
            .with_jitter()
            .build()
    }
}

impl Default for RetryPolicy {
    /// Two tries after the first.
    fn default() -> Self {
        Self::new(2)
    }
}
