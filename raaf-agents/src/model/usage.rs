//! Token usage.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign},
};

use raaf_trace_core::prices::TokenCounts;
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
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// Number of model calls. A call that was retried counts as one.
    pub requests: u64,
    /// Input tokens, including cached ones.
    pub input_tokens: u64,
    /// Output tokens, including reasoning.
    pub output_tokens: u64,
    /// Input tokens that were read from the provider's cache.
    pub cached_input_tokens: u64,
    /// Input tokens that were written to the provider's cache.
    pub cache_write_input_tokens: u64,
    /// Output tokens that were spent on reasoning.
    pub reasoning_tokens: u64,
    /// `true` for numbers of tokens that were reported, even as 0, in the order of the fields.
    #[serde(skip)]
    reported: [bool; 5],
}

impl Usage {
    /// Creates a usage without cached and reasoning tokens.
    pub const fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self {
            requests: 0,
            input_tokens,
            output_tokens,
            cached_input_tokens: 0,
            cache_write_input_tokens: 0,
            reasoning_tokens: 0,
            reported: [true, true, false, false, false],
        }
    }

    /// Creates a usage from the numbers that were reported.
    pub fn partial(input_tokens: Option<u64>, output_tokens: Option<u64>) -> Self {
        let mut usage = Self::default();
        usage.report(0, input_tokens);
        usage.report(1, output_tokens);
        usage
    }

    /// Sets the input tokens that were read from the provider's cache, if reported.
    #[must_use]
    pub fn with_cached_input_tokens(mut self, tokens: Option<u64>) -> Self {
        self.report(2, tokens);
        self
    }

    /// Sets the input tokens that were written to the provider's cache, if reported.
    #[must_use]
    pub fn with_cache_write_input_tokens(mut self, tokens: Option<u64>) -> Self {
        self.report(3, tokens);
        self
    }

    /// Sets the output tokens that were spent on reasoning, if reported.
    #[must_use]
    pub fn with_reasoning_tokens(mut self, tokens: Option<u64>) -> Self {
        self.report(4, tokens);
        self
    }

    /// Returns the input tokens; `None` if they were not reported.
    pub fn reported_input_tokens(&self) -> Option<u64> {
        self.reported(0)
    }

    /// Returns the output tokens; `None` if they were not reported.
    pub fn reported_output_tokens(&self) -> Option<u64> {
        self.reported(1)
    }

    /// Returns the input tokens read from the cache; `None` if they were not reported.
    pub fn reported_cached_input_tokens(&self) -> Option<u64> {
        self.reported(2)
    }

    /// Returns the input tokens written to the cache; `None` if they were not reported.
    pub fn reported_cache_write_input_tokens(&self) -> Option<u64> {
        self.reported(3)
    }

    /// Returns the tokens spent on reasoning; `None` if they were not reported.
    pub fn reported_reasoning_tokens(&self) -> Option<u64> {
        self.reported(4)
    }

    /// Returns the sum of input and output tokens.
    pub const fn total_tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// Returns the numbers of tokens, as far as they were reported, for the cost of a call.
    pub(crate) fn counts(&self) -> TokenCounts {
        let [input, output, cached_input, cache_write, reasoning] =
            [0, 1, 2, 3, 4].map(|at| self.reported(at));
        TokenCounts { input, output, cached_input, cache_write, reasoning }
    }

    /// Fills in the numbers that were not reported with those of an earlier report for the same call.
    #[cfg(feature = "openai")]
    pub(crate) fn or(mut self, earlier: Self) -> Self {
        for at in 0..self.reported.len() {
            if self.reported(at).is_none() {
                self.report(at, earlier.reported(at));
            }
        }
        self
    }

    fn reported(&self, at: usize) -> Option<u64> {
        let tokens = self.tokens()[at];
        (self.reported[at] || tokens > 0).then_some(tokens)
    }

    fn report(&mut self, at: usize, tokens: Option<u64>) {
        self.reported[at] = tokens.is_some();
        *self.tokens_mut()[at] = tokens.unwrap_or_default();
    }

    fn tokens(&self) -> [u64; 5] {
        let mut copy = *self;
        copy.tokens_mut().map(|tokens| *tokens)
    }

    fn tokens_mut(&mut self) -> [&mut u64; 5] {
        [
            &mut self.input_tokens,
            &mut self.output_tokens,
            &mut self.cached_input_tokens,
            &mut self.cache_write_input_tokens,
            &mut self.reasoning_tokens,
        ]
    }
}

/// Shows the numbers.
impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [input, output, cached, cache_write, reasoning] = self.tokens();
        f.debug_struct("Usage")
            .field("requests", &self.requests)
            .field("input_tokens", &input)
            .field("output_tokens", &output)
            .field("cached_input_tokens", &cached)
            .field("cache_write_input_tokens", &cache_write)
            .field("reasoning_tokens", &reasoning)
            .finish_non_exhaustive()
    }
}

/// Compares the numbers of tokens.
impl PartialEq for Usage {
    fn eq(&self, other: &Self) -> bool {
        self.tokens() == other.tokens()
    }
}

impl Eq for Usage {}

impl Add for Usage {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        for (sum, tokens) in self.tokens_mut().into_iter().zip(other.tokens()) {
            *sum = sum.saturating_add(tokens);
        }
        for (sum, reported) in self.reported.iter_mut().zip(other.reported) {
            *sum = *sum || reported;
        }
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_numbers_alone() {
        let debug = format!("{:?}", Usage::new(3, 4));
        assert!(debug.starts_with("Usage { requests: 0, input_tokens: 3, output_tokens: 4, "));
        assert!(!debug.contains("reported"), "{debug}");
    }
}
