//! Counters of spans and their delivery.

use std::{fmt, sync::Arc, time::Duration};

/// Counters of one processor.
///
/// A processor that keeps counters fills those it knows and leaves the others at their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessorStats {
    /// Name of the processor.
    pub name: String,
    /// Spans passed to the processor.
    pub received: u64,
    /// Spans that were delivered.
    pub delivered: u64,
    /// Spans that were dropped: no capacity, or not deliverable.
    pub dropped: u64,
    /// Spans that were left out by a filter or by sampling.
    pub filtered: u64,
    /// Batches that were retried.
    pub retried: u64,
    /// Spans that are waiting or in flight.
    pub queued: u64,
    /// Calls of the processor that panicked.
    pub panics: u64,
    /// Calls of the processor that took too long in the traced program's thread.
    pub slow_calls: u64,
    /// Longest time that a thread which ended a span waited for capacity.
    pub longest_wait: Duration,
    /// Message of the last error.
    pub last_error: Option<String>,
}

/// Counters of all spans of a provider.
///
/// They agree with each other while spans start and end in other threads: in every reading,
/// `ended` is at most `started`, and for a processor that receives no starts, `received` is at most
/// `ended`, and `delivered + dropped + filtered` at most `received`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Sampled spans that started.
    pub started: u64,
    /// Sampled spans that ended.
    pub ended: u64,
    /// Manual spans that were open for too long and were delivered as stale.
    pub stale: u64,
    /// Changes to spans that had ended, and repeated ends, in the whole process; all ignored.
    pub late_calls: u64,
    /// Number of times that a bound parent was active in several traces at once, in the whole
    /// process, so that the span used its own context.
    pub ambiguous_parents: u64,
    /// Number of roots that started in a tokio task without a context while another run was open,
    /// and were probably meant to be part of it (feature `tokio` of
    /// `raaf-trace-core`, which `raaf-agents` switches on; 0 without it).
    pub stray_roots: u64,
    /// Counters of each processor, in configured order.
    pub processors: Vec<ProcessorStats>,
}

impl Stats {
    /// Returns the number of spans dropped by all processors together.
    pub fn dropped(&self) -> u64 {
        self.processors.iter().map(|processor| processor.dropped).sum()
    }
}

/// Source of statistics.
pub trait ReadStats: Send + Sync + 'static {
    /// Returns the current statistics; `None` once their source is gone.
    fn read_stats(&self) -> Option<Stats>;
}

/// Reader of a provider's statistics that does not keep the provider alive, for processors that
/// report them. Clones read the same provider.
#[derive(Clone)]
pub struct StatsReader(Arc<dyn ReadStats>);

impl StatsReader {
    /// Creates a reader of these statistics.
    pub fn new(stats: impl ReadStats) -> Self {
        Self(Arc::new(stats))
    }

    /// Returns the current statistics; `None` once the provider is gone. Do not call it in the
    /// thread of a span: it calls each processor.
    pub fn read(&self) -> Option<Stats> {
        self.0.read_stats()
    }
}

impl fmt::Debug for StatsReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatsReader").finish_non_exhaustive()
    }
}
