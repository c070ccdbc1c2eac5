//! Reuse of the memory of records.

use triomphe::UniqueArc;

use super::record::Record;

/// Maximum number of empty records of a thread. It keeps as many as it had nested open spans, but
/// not those of a runaway recursion, at about 300 bytes each.
const MOST: usize = 1_024;

/// Empty records of a thread.
#[derive(Default)]
pub(crate) struct Pool(Vec<UniqueArc<Record>>);

impl Pool {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Returns an empty record.
    #[inline]
    pub(crate) fn take(&mut self) -> UniqueArc<Record> {
        self.0.pop().unwrap_or_else(Self::make)
    }

    #[cold]
    pub(crate) fn make() -> UniqueArc<Record> {
        UniqueArc::new(Record::default())
    }

    /// Keeps an empty record.
    #[inline]
    pub(crate) fn give(&mut self, record: UniqueArc<Record>) {
        if self.0.len() < MOST {
            self.0.push(record);
        }
    }
}
