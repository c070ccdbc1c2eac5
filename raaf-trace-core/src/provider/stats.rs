//! What became of every span, in numbers.

use crate::{counters, provider::Inner, stats::ProcessorStats};

/// What became of every span of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Sampled spans that started.
    pub started: u64,
    /// Sampled spans that ended.
    pub ended: u64,
    /// Manual spans that were open for too long and were delivered as stale.
    pub stale: u64,
    /// Changes to spans that had ended, and second ends, in the whole process; all ignored.
    pub late_calls: u64,
    /// Times that a bound parent was active in several traces at once, in the whole process, so
    /// that the span went by its own context.
    pub ambiguous_parents: u64,
    /// Each processor, in configured order.
    pub processors: Vec<ProcessorStats>,
}

impl Stats {
    pub(crate) fn of(provider: &Inner) -> Self {
        // Ended first: what ends meanwhile must not make more ends than starts.
        let ended = provider.ended();
        Self {
            started: provider.counts().started(),
            ended,
            stale: provider.cleaner().stale(),
            late_calls: counters::LATE_CALLS.get(),
            ambiguous_parents: counters::AMBIGUOUS_PARENTS.get(),
            processors: provider.processors().list().iter().map(|slot| slot.stats()).collect(),
        }
    }

    /// Spans given up, by all processors together.
    pub fn dropped(&self) -> u64 {
        self.processors.iter().map(|processor| processor.dropped).sum()
    }
}
