//! Counters that say what became of every span.

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
