//! The one load that says whether anybody traces at all.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many providers record, plus one until it is settled whether there is a global one.
static OPEN: AtomicUsize = AtomicUsize::new(1);

/// Whether a span could be recorded by anybody. When not, nothing else is looked at.
#[inline]
pub(crate) fn is_open() -> bool {
    OPEN.load(Ordering::Relaxed) != 0
}

/// One more reason to look further.
pub(crate) fn open() {
    OPEN.fetch_add(1, Ordering::Relaxed);
}

/// One reason less.
pub(crate) fn close() {
    OPEN.fetch_sub(1, Ordering::Relaxed);
}
