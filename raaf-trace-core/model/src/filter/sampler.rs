//! Trace sampling.

use crate::{environment::SettingsError, id::TraceId};

/// Sampler of traces. The decision depends on the trace's id, so all processes decide alike.
///
/// A trace that is sampled at a lower rate is sampled at every higher rate, too.
///
/// ```
/// # use raaf_trace_core::{Sampler, TraceId};
/// let tenth = Sampler::ratio(0.1);
/// let id = TraceId::random();
/// assert_eq!(tenth.sample(id), Sampler::ratio(0.1).sample(id));
/// assert!(Sampler::always().sample(id));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampler {
    /// Upper bound of the lower half of sampled traces' ids; 2⁶⁴ samples all.
    bound: u128,
    /// Bits of a rate outside its bounds.
    invalid: Option<u64>,
}

impl Sampler {
    const ALL: u128 = 1 << 64;

    /// Creates a sampler of this share of traces, from 0 to 1.
    ///
    /// A rate outside these bounds is an error of `init`, and of `build` where it returns a
    /// `Result`. Elsewhere it is a warning, and becomes the nearest bound; NaN becomes 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Sampler, TraceId, TracerProvider};
    ///
    /// let id = TraceId::random();
    /// assert!(!Sampler::ratio(0.0).sample(id));
    /// assert!(Sampler::ratio(1.0).sample(id));
    ///
    /// let percentage = TracerProvider::builder().sampler(Sampler::ratio(50.0)).init();
    /// assert_eq!(
    ///     percentage.unwrap_err().to_string(),
    ///     "Sampler::ratio is `50.0`; expected a share from 0 to 1",
    /// );
    /// ```
    pub fn ratio(rate: f64) -> Self {
        if !(0.0..=1.0).contains(&rate) {
            let nearest = if rate < 0.0 { Self::never() } else { Self::always() };
            return Self { invalid: Some(rate.to_bits()), ..nearest };
        }
        // Both operations are exact: scaling by a power of two loses nothing.
        #[allow(clippy::cast_sign_loss)]
        let bound = (rate * Self::ALL as f64) as u128;
        Self { bound, invalid: None }
    }

    /// Creates a sampler of every trace.
    pub const fn always() -> Self {
        Self { bound: Self::ALL, invalid: None }
    }

    /// Creates a sampler of no trace.
    pub const fn never() -> Self {
        Self { bound: 0, invalid: None }
    }

    /// Checks that the rate is inside its bounds.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn check(self) -> Result<(), SettingsError> {
        match self.invalid.map(f64::from_bits) {
            None => Ok(()),
            Some(rate) => {
                Err(SettingsError::in_code("Sampler::ratio", &rate, "a share from 0 to 1"))
            }
        }
    }

    /// Returns whether this trace is sampled.
    pub fn sample(self, trace: TraceId) -> bool {
        u128::from(trace.to_u128() as u64) < self.bound
    }
}

/// Samples every trace.
impl Default for Sampler {
    fn default() -> Self {
        Self::always()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_low_half(low: u64) -> TraceId {
        TraceId::from_u128(1 << 100 | u128::from(low)).unwrap()
    }

    #[test]
    fn s1_zero_and_one_are_exact() {
        for low in [0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
            assert!(Sampler::ratio(1.0).sample(with_low_half(low)));
            assert!(!Sampler::ratio(0.0).sample(with_low_half(low)));
        }
        assert_eq!(Sampler::ratio(1.0), Sampler::always());
        assert_eq!(Sampler::ratio(0.0), Sampler::never());
        assert_eq!(Sampler::default(), Sampler::always());
    }

    #[test]
    fn s1_rates_out_of_bounds_take_the_nearer_bound() {
        for (rate, keeps) in [(7.0, true), (f64::INFINITY, true), (f64::NAN, true), (-0.5, false)] {
            assert_eq!(Sampler::ratio(rate).sample(with_low_half(7)), keeps, "{rate}");
        }
    }

    #[test]
    fn s1_rates_out_of_bounds_are_named_with_what_would_be_right() {
        for (rate, shown) in [(7.0, "7.0"), (-1.0, "-1.0"), (f64::NAN, "NaN")] {
            let error = Sampler::ratio(rate).check().unwrap_err().to_string();
            let expected = format!("Sampler::ratio is `{shown}`; expected a share from 0 to 1");
            assert_eq!(error, expected);
        }
        for rate in [0.0, -0.0, 0.5, 1.0] {
            assert_eq!(Sampler::ratio(rate).check(), Ok(()));
        }
    }

    #[test]
    fn s1_the_low_half_alone_decides() {
        let half = Sampler::ratio(0.5);
        assert!(half.sample(with_low_half((1 << 63) - 1)));
        assert!(!half.sample(with_low_half(1 << 63)));
        assert!(half.sample(TraceId::from_u128(u128::MAX << 64).unwrap()));
    }

    #[test]
    fn s1_the_rate_is_kept_over_many_traces() {
        const TRACES: usize = 100_000;
        for rate in [0.01, 0.25, 0.9] {
            let sampler = Sampler::ratio(rate);
            let kept = (0..TRACES).filter(|_| sampler.sample(TraceId::random())).count();
            let share = kept as f64 / TRACES as f64;
            // More than six standard deviations at any rate.
            assert!((share - rate).abs() < 0.01, "{rate}: {share}");
        }
    }

    #[test]
    fn s1_a_higher_rate_keeps_all_that_a_lower_one_keeps() {
        let rates = [0.0, 1e-3, 0.1, 0.5, 0.999, 1.0].map(Sampler::ratio);
        for _ in 0..10_000 {
            let id = TraceId::random();
            assert!(rates.is_sorted_by_key(|sampler| sampler.sample(id)));
        }
    }
}
