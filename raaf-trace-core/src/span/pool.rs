//! Per-thread reuse of span memory.

use std::cell::RefCell;

use triomphe::UniqueArc;

use super::record::{Record, Shared};

/// Maximum number of empty records of a thread. It keeps as many as it had nested open spans, but
/// not those of a runaway recursion, at about 300 bytes each.
const MOST: usize = 1_024;

thread_local! {
    static RECORDS: RefCell<Vec<UniqueArc<Record>>> = const { RefCell::new(Vec::new()) };
}

/// Returns an empty record.
pub(crate) fn take() -> UniqueArc<Record> {
    let kept = RECORDS.try_with(|records| records.borrow_mut().pop());
    kept.ok().flatten().unwrap_or_else(|| UniqueArc::new(Record::default()))
}

/// Takes back the record of a span that has ended.
#[inline]
pub(crate) fn give(mut record: UniqueArc<Record>) {
    record.empty();
    let _ = RECORDS.try_with(|records| {
        let mut records = records.borrow_mut();
        if records.len() < MOST {
            records.push(record);
        }
    });
}

/// Takes back a record that was shared, unless it still is.
pub(crate) fn give_shared(record: Shared) {
    if let Ok(record) = Shared::try_unique(record) {
        give(record);
    }
}
