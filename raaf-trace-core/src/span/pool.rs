//! Empty records, kept by the thread that emptied them.

use std::{cell::RefCell, sync::Arc};

use super::record::Record;

/// How many empty records a thread keeps: two full chunks, one that fills and one that comes back.
const KEPT: usize = 512;

thread_local! {
    static EMPTY: RefCell<Vec<Arc<Record>>> = const { RefCell::new(Vec::new()) };
}

/// An empty record that nobody else holds.
pub(crate) fn take() -> Arc<Record> {
    EMPTY.try_with(|empty| empty.borrow_mut().pop()).ok().flatten().unwrap_or_default()
}

/// Takes back a record that is not needed here any more; keeps it if nobody else needs it either.
pub(crate) fn give(mut record: Arc<Record>) {
    let Some(unshared) = Arc::get_mut(&mut record) else { return };
    // Emptying runs destructors, which may trace: the pool must not be borrowed meanwhile.
    unshared.empty();
    let _ = EMPTY.try_with(|empty| {
        let mut empty = empty.borrow_mut();
        if empty.len() < KEPT {
            empty.push(record);
        }
    });
}
