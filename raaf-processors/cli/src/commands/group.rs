//! Sums over spans.

use std::time::Duration;

use raaf_trace_model::{prices::Cost, span::Status};

use crate::input::{End, Tokens};

/// Spans of a group.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    durations: Vec<Duration>,
    pub(super) errors: u64,
    pub(super) tokens: Tokens,
    pub(super) cost: Cost,
}

impl Group {
    pub(super) fn add(&mut self, end: End, tokens: Tokens, cost: Cost) {
        self.durations.push(end.duration);
        self.errors += u64::from(end.status == Status::Error);
        self.add_usage(tokens, cost);
    }

    pub(super) fn add_usage(&mut self, tokens: Tokens, cost: Cost) {
        self.tokens.add(tokens);
        self.cost += cost;
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.durations.extend(other.durations);
        self.errors += other.errors;
        self.tokens.add(other.tokens);
        self.cost += other.cost;
    }

    pub(super) fn count(&self) -> usize {
        self.durations.len()
    }

    /// Sorts the durations, for the quantiles.
    pub(super) fn sort(&mut self) {
        self.durations.sort_unstable();
    }

    /// Returns the smallest duration that at least this share of the spans do not exceed.
    pub(super) fn quantile(&self, percent: usize) -> Duration {
        let rank = (self.durations.len() * percent).div_ceil(100).max(1);
        self.durations.get(rank - 1).copied().unwrap_or_default()
    }

    pub(super) fn total(&self) -> Duration {
        self.durations.iter().fold(Duration::ZERO, |sum, one| sum.saturating_add(*one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_durations_that_occurred() {
        let of = |millis: &[u64]| Group {
            durations: millis.iter().copied().map(Duration::from_millis).collect(),
            ..Group::default()
        };
        let quantiles = |group: &Group| [50, 95, 100].map(|p| group.quantile(p).as_millis());
        assert_eq!(quantiles(&of(&[])), [0, 0, 0]);
        assert_eq!(quantiles(&of(&[7])), [7, 7, 7]);
        assert_eq!(quantiles(&of(&[1, 2, 3, 4])), [2, 4, 4]);
    }
}
