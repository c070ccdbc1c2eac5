//! Configuration of batch processors.

use std::{fmt, time::Duration};

use super::Overflow;
use crate::environment::SettingsError;

/// Shorter intervals would keep a worker busy without work.
const SHORTEST: Duration = Duration::from_millis(1);

/// Configuration of a batch processor: batch size, queue size, and retries.
///
/// A value outside its bounds is an error where building can fail, such as
/// [`init`](https://docs.rs/raaf-trace-core/latest/raaf_trace_core/struct.TracerProviderBuilder.html#method.init).
/// Elsewhere it is a warning, and the [nearest](Self::clamped) value applies.
///
/// ```
/// use std::time::Duration;
/// use raaf_trace_core::sink::BatchConfig;
///
/// let config = BatchConfig::default()
///     .with_batch_size(100)
///     .with_flush_interval(Duration::from_secs(1))
///     .with_max_spans(10_000);
/// assert_eq!(config.batch_size, 100);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchConfig {
    /// Number of spans that are sent without waiting for more, from 1 to
    /// [`max_spans`](Self::max_spans); 50 by default, or `max_spans` if that is less.
    pub batch_size: usize,
    /// Maximum number of spans in a batch while more than one batch waits; 512 by default, at
    /// least [`batch_size`](Self::batch_size).
    pub max_batch_size: usize,
    /// Maximum time that a span waits for its batch to fill; 5 s by default, at least 1 ms. The
    /// default means 100 ms for local sinks ([`Overflow::Wait`]), so that a program that is killed loses
    /// only the spans of that time.
    pub flush_interval: Duration,
    /// Maximum number of spans in memory, including the batch in flight; 10,000 by default, at least
    /// 1.
    pub max_spans: usize,
    /// Time that one call of the exporter may take before its batch counts as dropped; 30 s by
    /// default, more than 0. The call is not interrupted: its spans stay in memory until it returns.
    pub export_timeout: Duration,
    /// Maximum number of scheduled retries of a batch; 5 by default. Retries requested by a flush
    /// do not count.
    pub max_retries: usize,
    /// Maximum time from the first attempt until a batch is dropped; 60 s by default.
    pub give_up_after: Duration,
    /// Delay before the first retry; 200 ms by default. It doubles with each retry, plus up to the
    /// same amount of random jitter.
    pub min_backoff: Duration,
    /// Maximum delay between two attempts, including `Retry-After`; 30 s by default, at
    /// least [`min_backoff`](Self::min_backoff).
    pub max_backoff: Duration,
    /// Maximum time that a thread which ends a span waits for capacity before the span is dropped,
    /// if the exporter [asks for it](super::Overflow::Wait); 1 s by default.
    pub max_wait: Duration,
}

/// Default of [`BatchConfig::flush_interval`].
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);

/// Flush interval of local sinks.
const LOCAL_FLUSH_INTERVAL: Duration = Duration::from_millis(100);

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            batch_size: 50,
            max_batch_size: 512,
            flush_interval: FLUSH_INTERVAL,
            max_spans: 10_000,
            export_timeout: Duration::from_secs(30),
            max_retries: 5,
            give_up_after: Duration::from_secs(60),
            min_backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(30),
            max_wait: Duration::from_secs(1),
        }
    }
}

impl BatchConfig {
    /// Sets both [`batch_size`](Self::batch_size) and [`max_batch_size`](Self::max_batch_size): no
    /// batch is larger.
    #[must_use]
    pub fn with_batch_size(mut self, spans: usize) -> Self {
        self.batch_size = spans;
        self.max_batch_size = spans;
        self
    }

    /// Sets [`max_batch_size`](Self::max_batch_size).
    #[must_use]
    pub fn with_max_batch_size(mut self, spans: usize) -> Self {
        self.max_batch_size = spans;
        self
    }

    /// Returns [`flush_interval`](Self::flush_interval) for a sink with this handling of overflow.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use raaf_trace_core::sink::{BatchConfig, Overflow};
    ///
    /// let config = BatchConfig::default();
    /// assert_eq!(config.flush_interval_for(Overflow::Wait), Duration::from_millis(100));
    /// assert_eq!(config.flush_interval_for(Overflow::Drop), Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn flush_interval_for(&self, overflow: Overflow) -> Duration {
        match overflow {
            Overflow::Wait if self.flush_interval == FLUSH_INTERVAL => LOCAL_FLUSH_INTERVAL,
            _ => self.flush_interval,
        }
    }

    /// Sets [`flush_interval`](Self::flush_interval).
    #[must_use]
    pub fn with_flush_interval(mut self, interval: Duration) -> Self {
        self.flush_interval = interval;
        self
    }

    /// Sets [`max_spans`](Self::max_spans).
    #[must_use]
    pub fn with_max_spans(mut self, spans: usize) -> Self {
        self.max_spans = spans;
        self
    }

    /// Sets [`max_wait`](Self::max_wait).
    #[must_use]
    pub fn with_max_wait(mut self, limit: Duration) -> Self {
        self.max_wait = limit;
        self
    }

    /// Sets [`export_timeout`](Self::export_timeout).
    #[must_use]
    pub fn with_export_timeout(mut self, timeout: Duration) -> Self {
        self.export_timeout = timeout;
        self
    }

    /// Sets [`max_retries`](Self::max_retries).
    #[must_use]
    pub fn with_max_retries(mut self, retries: usize) -> Self {
        self.max_retries = retries;
        self
    }

    /// Sets [`give_up_after`](Self::give_up_after).
    #[must_use]
    pub fn with_give_up_after(mut self, limit: Duration) -> Self {
        self.give_up_after = limit;
        self
    }

    /// Sets [`min_backoff`](Self::min_backoff) and [`max_backoff`](Self::max_backoff).
    #[must_use]
    pub fn with_backoff(mut self, min: Duration, max: Duration) -> Self {
        self.min_backoff = min;
        self.max_backoff = max;
        self
    }

    /// Checks that every value is inside its bounds.
    ///
    /// # Errors
    ///
    /// The first value that is not.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::sink::BatchConfig;
    ///
    /// let error = BatchConfig::default().with_batch_size(0).check().unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "BatchConfig::batch_size is `0`; expected 1 to `max_spans`, which is 10000",
    /// );
    /// ```
    pub fn check(&self) -> Result<(), SettingsError> {
        let used = self.clone().clamped();
        let invalid = |field: &str, value: &dyn fmt::Debug, expected: &str| {
            Err(SettingsError::in_code(&format!("BatchConfig::{field}"), value, expected))
        };
        if self.max_spans != used.max_spans {
            return invalid("max_spans", &self.max_spans, "at least 1");
        }
        // The default is not a choice.
        if self.batch_size != used.batch_size && self.batch_size != Self::default().batch_size {
            let expected = format!("1 to `max_spans`, which is {}", self.max_spans);
            return invalid("batch_size", &self.batch_size, &expected);
        }
        if self.max_batch_size != used.max_batch_size
            && self.max_batch_size != Self::default().max_batch_size
        {
            let expected = format!("at least `batch_size`, which is {}", self.batch_size);
            return invalid("max_batch_size", &self.max_batch_size, &expected);
        }
        if self.flush_interval != used.flush_interval {
            return invalid("flush_interval", &self.flush_interval, "at least 1ms");
        }
        if self.export_timeout != used.export_timeout {
            return invalid("export_timeout", &self.export_timeout, "more than 0");
        }
        if self.max_backoff != used.max_backoff {
            let expected = format!("at least `min_backoff`, which is {:?}", self.min_backoff);
            return invalid("max_backoff", &self.max_backoff, &expected);
        }
        Ok(())
    }

    /// Moves every value inside its bounds.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::sink::BatchConfig;
    ///
    /// let config = BatchConfig::default().with_batch_size(500).with_max_spans(100).clamped();
    /// assert_eq!(config.batch_size, 100); // not larger than the queue
    /// ```
    #[must_use]
    pub fn clamped(mut self) -> Self {
        self.max_spans = self.max_spans.max(1);
        self.batch_size = self.batch_size.clamp(1, self.max_spans);
        self.max_batch_size = self.max_batch_size.max(self.batch_size);
        self.flush_interval = self.flush_interval.max(SHORTEST);
        self.export_timeout = self.export_timeout.max(Duration::from_nanos(1));
        self.max_backoff = self.max_backoff.max(self.min_backoff);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_inside_their_bounds() {
        let config = BatchConfig::default().with_batch_size(500).with_max_spans(100).clamped();
        assert_eq!((config.batch_size, config.max_spans), (100, 100));
        let config = BatchConfig::default().with_batch_size(0).with_max_spans(0).clamped();
        assert_eq!((config.batch_size, config.max_spans), (1, 1));
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn values_outside_their_bounds_are_named_with_what_would_be_right() {
        let zero = Duration::ZERO;
        let long = Duration::from_secs(60);
        for (config, text) in [
            (BatchConfig::default().with_max_spans(0), "max_spans is `0`; expected at least 1"),
            (
                BatchConfig::default().with_batch_size(500).with_max_spans(100),
                "batch_size is `500`; expected 1 to `max_spans`, which is 100",
            ),
            (
                BatchConfig::default().with_flush_interval(zero),
                "flush_interval is `0ns`; expected at least 1ms",
            ),
            (
                BatchConfig::default().with_export_timeout(zero),
                "export_timeout is `0ns`; expected more than 0",
            ),
            (
                BatchConfig::default().with_backoff(long, zero),
                "max_backoff is `0ns`; expected at least `min_backoff`, which is 60s",
            ),
        ] {
            let error = config.check().unwrap_err();
            assert_eq!(error.to_string(), format!("BatchConfig::{text}"));
        }
    }

    #[test]
    fn the_default_batch_size_follows_a_smaller_queue() {
        let small = BatchConfig::default().with_max_spans(10);
        assert_eq!(small.check(), Ok(()));
        assert_eq!(small.clamped().batch_size, 10);
    }
}
