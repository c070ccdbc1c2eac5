//! Counters that say what became of every span.

use std::{fmt, sync::Arc};

/// What one processor counted.
///
/// A processor that counts itself fills what it knows and leaves the rest to `Default`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessorStats {
    /// The processor's name.
    pub name: String,
    /// Spans handed to it.
    pub received: u64,
    /// Spans it delivered.
    pub delivered: u64,
    /// Spans it gave up: no room, or not deliverable.
    pub dropped: u64,
    /// Spans that it was told to leave out, by a filter or by sampling.
    pub filtered: u64,
    /// Batches that were tried again.
    pub retried: u64,
    /// Spans that wait or are in flight now.
    pub queued: u64,
    /// Calls to it that panicked.
    pub panics: u64,
    /// Calls to it that took longer than they should in the traced program's own thread.
    pub slow_calls: u64,
    /// The last error, in its own words.
    pub last_error: Option<String>,
}

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
    /// Roots that started in a tokio task without a context while another run was open, and were
    /// probably meant to be part of it (feature `tokio`).
    pub stray_roots: u64,
    /// Each processor, in configured order.
    pub processors: Vec<ProcessorStats>,
}

impl Stats {
    /// Returns how many spans were given up, by all processors together.
    pub fn dropped(&self) -> u64 {
        self.processors.iter().map(|processor| processor.dropped).sum()
    }
}

/// Has statistics to read.
pub trait ReadStats: Send + Sync + 'static {
    /// Returns the statistics as they are now; `None` once what they are about is gone.
    fn read_stats(&self) -> Option<Stats>;
}

/// Reads a provider's statistics without keeping the provider: for processors that report them.
/// Clones read the same provider.
#[derive(Clone)]
pub struct StatsReader(Arc<dyn ReadStats>);

impl StatsReader {
    /// Creates a reader of these statistics.
    pub fn new(stats: impl ReadStats) -> Self {
        Self(Arc::new(stats))
    }

    /// Returns the statistics as they are now; `None` once the provider is gone. Asks each
    /// processor, so that it has no place in the thread of a span.
    pub fn read(&self) -> Option<Stats> {
        self.0.read_stats()
    }
}

impl fmt::Debug for StatsReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatsReader").finish_non_exhaustive()
    }
}
