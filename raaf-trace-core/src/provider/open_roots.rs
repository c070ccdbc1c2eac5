//! Open roots, and detection of roots that were probably meant to be children.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Number of bits for operations known to begin runs. Operations that share a bit are not
/// distinguished, so a stray root may go undetected.
const BITS: u64 = 1_024;

/// Open roots of one provider.
///
/// A task that was spawned without its context always starts its root while the run that it belongs
/// to is open. A request to a server does so only if another request is being served. An operation
/// that has ever started a root while no other was open is therefore assumed to begin runs.
#[derive(Debug)]
pub(crate) struct OpenRoots {
    open: AtomicUsize,
    begin_runs: [AtomicU64; BITS as usize / 64],
    stray: AtomicU64,
}

impl OpenRoots {
    pub(super) fn new() -> Self {
        Self {
            open: AtomicUsize::new(0),
            begin_runs: [const { AtomicU64::new(0) }; BITS as usize / 64],
            stray: AtomicU64::new(0),
        }
    }

    /// Records the start of a root. `operation` returns a hash of component and method, and
    /// `is_bare` returns true if its task has no context. Returns true if the root is probably
    /// stray.
    pub(crate) fn started(
        &self,
        operation: impl FnOnce() -> u64,
        is_bare: impl FnOnce() -> bool,
    ) -> bool {
        let others = self.open.fetch_add(1, Ordering::Relaxed);
        if others > 0 && !is_bare() {
            return false;
        }
        let operation = operation() % BITS;
        let (word, bit) = (&self.begin_runs[operation as usize / 64], 1 << (operation % 64));
        let begins_runs = word.load(Ordering::Relaxed) & bit != 0;
        if others == 0 {
            if !begins_runs {
                word.fetch_or(bit, Ordering::Relaxed);
            }
            return false;
        }
        if !begins_runs {
            self.stray.fetch_add(1, Ordering::Relaxed);
        }
        !begins_runs
    }

    /// Records the end of a root.
    pub(crate) fn ended(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Returns the number of stray roots so far.
    pub(super) fn stray(&self) -> u64 {
        self.stray.load(Ordering::Relaxed)
    }
}
