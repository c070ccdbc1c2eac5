//! Counters that say what became of every span.

use std::{fmt, sync::Weak};

use crate::{Stats, provider::Inner};

/// What one processor counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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

/// Reads a provider's statistics without keeping the provider: for processors that report them.
/// Clones read the same provider.
#[derive(Clone)]
pub struct StatsReader(Weak<Inner>);

impl StatsReader {
    pub(crate) fn new(provider: Weak<Inner>) -> Self {
        Self(provider)
    }

    /// What [`TracerProvider::stats`](crate::TracerProvider::stats) says now; `None` once the
    /// provider is gone. It asks each processor, so it has no place in the thread of a span.
    pub fn read(&self) -> Option<Stats> {
        self.0.upgrade().map(|provider| Stats::of(&provider))
    }
}

impl fmt::Debug for StatsReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatsReader").finish_non_exhaustive()
    }
}
