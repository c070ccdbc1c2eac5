//! What was measured, round by round.

use super::median::{median, middle};
use crate::{measure::Sample, row::Entry};

/// A row with what was measured.
#[derive(Debug)]
pub struct Measured {
    /// What the row is, in a few words.
    pub title: &'static str,
    /// Its entries; the others are compared with the first.
    pub entries: Vec<Rounds>,
}

/// An entry with a sample of each round.
#[derive(Clone, Debug)]
pub struct Rounds {
    /// The entry.
    pub entry: Entry,
    /// One sample a round; none if the tool cannot do that.
    pub samples: Vec<Sample>,
}

impl Rounds {
    /// The medians of all rounds; `None` if there are none.
    pub(super) fn median(&self) -> Option<Sample> {
        median(&self.samples)
    }

    /// This one's figure divided by another's. Of each round first, and of these the median: what
    /// slows a round down slows both.
    pub(super) fn divided_by(
        &self,
        other: &Self,
        figure: fn(&Sample) -> Option<f64>,
    ) -> Option<f64> {
        let rounds = self.samples.iter().zip(&other.samples);
        middle(rounds.filter_map(|(this, other)| Some(figure(this)? / figure(other)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::ToolId;

    #[test]
    fn a_slow_round_does_not_change_the_ratio() {
        let rounds = |times: [f64; 3]| Rounds {
            entry: Entry::of(ToolId::Raaf),
            samples: times
                .map(|time| Sample { producer_ns: Some(time), ..Sample::default() })
                .into(),
        };
        let (ours, other) = (rounds([10.0, 90.0, 11.0]), rounds([20.0, 180.0, 20.0]));
        let ratio = ours.divided_by(&other, |sample| sample.producer_ns);
        assert!(ratio.is_some_and(|ratio| (ratio - 0.5).abs() < 1e-9));
        assert_eq!(ours.divided_by(&other, |sample| sample.per_second), None);
    }
}
