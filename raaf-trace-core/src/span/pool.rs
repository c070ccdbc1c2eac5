//! What a span needs of memory, kept by the thread that needed it last.

use std::cell::RefCell;

use triomphe::UniqueArc;

use super::record::{Record, Shared};

/// How many empty records a thread keeps: no more than it had open one inside the other, and of a
/// runaway recursion not all, at some 300 bytes each.
const MOST: usize = 1_024;

thread_local! {
    static RECORDS: RefCell<Vec<UniqueArc<Record>>> = const { RefCell::new(Vec::new()) };
}

/// An empty record.
pub(crate) fn take() -> UniqueArc<Record> {
    let kept = RECORDS.try_with(|records| records.borrow_mut().pop());
    kept.ok().flatten().unwrap_or_else(|| UniqueArc::new(Record::default()))
}

/// Takes back the record of a span that has ended; keeps it if nobody else holds it.
#[inline]
pub(crate) fn give(record: Shared) {
    let Ok(mut record) = Shared::try_unique(record) else { return };
    record.empty();
    let _ = RECORDS.try_with(|records| {
        let mut records = records.borrow_mut();
        if records.len() < MOST {
            records.push(record);
        }
    });
}
