//! Sums of costs.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign},
};

use serde::{Deserialize, Serialize};

/// Cost of model calls in US dollars, of which some may be unknown.
///
/// Shown as `$0.0123`, as `≥ $0.0123` if the cost of some calls is unknown, and as `?` if that of all
/// is. Without calls it is shown as an empty string. Sums saturate at `f64::MAX`.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::prices::Cost;
///
/// let sum: Cost = [Some(0.25), Some(0.5)].into_iter().map(Cost::of_call).sum();
/// assert_eq!((sum.usd(), sum.to_string()), (Some(0.75), "$0.750".to_owned()));
///
/// let sum = sum + Cost::of_call(None);
/// assert_eq!((sum.unknown_calls(), sum.to_string()), (1, "≥ $0.750".to_owned()));
/// assert_eq!(Cost::of_call(None).usd(), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    usd: f64,
    known: u64,
    unknown: u64,
}

impl Cost {
    /// Creates the cost of one call; `None`, and what is no amount of money, if it is unknown.
    pub fn of_call(usd: Option<f64>) -> Self {
        let usd = usd.filter(|usd| usd.is_finite() && *usd >= 0.0);
        Self {
            usd: usd.unwrap_or_default(),
            known: usd.is_some().into(),
            unknown: usd.is_none().into(),
        }
    }

    /// Returns the sum of the known costs; `None` if none is known.
    pub fn usd(self) -> Option<f64> {
        (self.known > 0).then_some(self.usd)
    }

    /// Returns whether there are no calls.
    pub fn is_none(self) -> bool {
        self.known == 0 && self.unknown == 0
    }

    /// Returns the number of calls whose cost is unknown.
    pub fn unknown_calls(self) -> u64 {
        self.unknown
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        // JSON has no infinity.
        self.usd = (self.usd + other.usd).min(f64::MAX);
        self.known = self.known.saturating_add(other.known);
        self.unknown = self.unknown.saturating_add(other.unknown);
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.usd(), self.unknown) {
            (None, 0) => Ok(()),
            (None, _) => f.pad("?"),
            (Some(usd), unknown) => {
                let bound = if unknown > 0 { "≥ " } else { "" };
                f.pad(&format!("{bound}${usd:.0$}", decimals(usd)))
            }
        }
    }
}

/// Returns the number of decimals that give three digits, two below a cent, and cents at least.
fn decimals(usd: f64) -> usize {
    if usd <= 0.0 {
        return 0;
    }
    let digits = if usd < 0.01 { 2 } else { 3 };
    let decimals = digits - 1 - usd.log10().floor() as i32;
    usize::try_from(decimals.clamp(2, 12)).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_cost_is_unknown() {
        for usd in [f64::NAN, f64::INFINITY, -0.5] {
            let sum = Cost::of_call(Some(usd)) + Cost::of_call(Some(0.5));
            assert_eq!((sum.usd(), sum.unknown_calls()), (Some(0.5), 1), "{usd}");
        }
    }

    #[test]
    fn a_sum_that_is_too_large_survives_json() {
        let sum = Cost::of_call(Some(f64::MAX)) + Cost::of_call(Some(f64::MAX));
        let json = serde_json::to_string(&sum).unwrap();
        assert_eq!(serde_json::from_str::<Cost>(&json).unwrap(), sum, "{json}");
    }

    #[test]
    fn costs_are_shown_with_two_or_three_digits() {
        for (usd, expected) in [
            (0.0, "$0"),
            (0.000_000_15, "$0.00000015"),
            (0.001_725, "$0.0017"),
            (0.012_345, "$0.0123"),
            (0.5, "$0.500"),
            (1.0, "$1.00"),
            (12.345, "$12.35"),
            (1234.5, "$1234.50"),
        ] {
            assert_eq!(Cost::of_call(Some(usd)).to_string(), expected);
        }
        assert_eq!(Cost::default().to_string(), "");
        assert_eq!(Cost::of_call(Some(0.0)).usd(), Some(0.0));
        assert_eq!(Cost::of_call(None).to_string(), "?");
    }
}
