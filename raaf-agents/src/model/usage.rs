//! Token usage.

use std::{
    iter::Sum,
    ops::{Add, AddAssign},
};

use serde::{Deserialize, Serialize};

/// Token usage of model calls. Sums saturate at `u64::MAX`.
///
/// A number that was not reported is 0, but differs from a reported 0 in traces, which leave it out:
/// [`default`](Self::default) and [`partial`](Self::partial) have such numbers.
///
/// # Examples
///
/// ```
/// use raaf_agents::Usage;
///
/// let turns = [Usage::new(100, 20), Usage::new(150, 30)];
/// assert_eq!(turns.into_iter().sum::<Usage>(), Usage::new(250, 50));
/// ```
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// Input tokens, including cached ones.
    pub input_tokens: u64,
    /// Output tokens, including reasoning.
    pub output_tokens: u64,
    /// Input tokens that were read from the provider's cache.
    pub cached_input_tokens: u64,
    /// Output tokens that were spent on reasoning.
    pub reasoning_tokens: u64,
    /// `true` for input and output tokens that were reported, even as 0.
    #[serde(skip)]
    reported: [bool; 2],
}

impl Usage {
    /// Creates a usage without cached and reasoning tokens.
    pub const fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self {
            input_tokens,
            output_tokens,
            cached_input_tokens: 0,
            reasoning_tokens: 0,
            reported: [true, true],
        }
    }

    /// Creates a usage from the numbers that were reported.
    pub fn partial(input_tokens: Option<u64>, output_tokens: Option<u64>) -> Self {
        Self {
            reported: [input_tokens.is_some(), output_tokens.is_some()],
            ..Self::new(input_tokens.unwrap_or_default(), output_tokens.unwrap_or_default())
        }
    }

    /// Returns the input tokens; `None` if they were not reported.
    pub fn reported_input_tokens(&self) -> Option<u64> {
        (self.reported[0] || self.input_tokens > 0).then_some(self.input_tokens)
    }

    /// Returns the output tokens; `None` if they were not reported.
    pub fn reported_output_tokens(&self) -> Option<u64> {
        (self.reported[1] || self.output_tokens > 0).then_some(self.output_tokens)
    }

    /// Returns the numbers.
    const fn numbers(&self) -> [u64; 4] {
        [self.input_tokens, self.output_tokens, self.cached_input_tokens, self.reasoning_tokens]
    }

    /// Returns the sum of input and output tokens.
    pub const fn total_tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

/// Compares the numbers.
impl PartialEq for Usage {
    fn eq(&self, other: &Self) -> bool {
        self.numbers() == other.numbers()
    }
}

impl Eq for Usage {}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cached_input_tokens: self.cached_input_tokens.saturating_add(other.cached_input_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_add(other.reasoning_tokens),
            reported: [0, 1].map(|at| self.reported[at] || other.reported[at]),
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), Add::add)
    }
}
