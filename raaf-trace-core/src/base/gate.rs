//! Global check for whether tracing is enabled.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Number of recording providers, plus one until it is known whether there is a global one.
static OPEN: AtomicUsize = AtomicUsize::new(1);

/// Returns whether any provider may record. If not, a traced call does nothing else.
#[inline]
pub(crate) fn is_open() -> bool {
    OPEN.load(Ordering::Relaxed) != 0
}

/// Increments the number of reasons to trace.
pub(crate) fn open() {
    OPEN.fetch_add(1, Ordering::Relaxed);
}

/// Decrements the number of reasons to trace.
pub(crate) fn close() {
    OPEN.fetch_sub(1, Ordering::Relaxed);
}
