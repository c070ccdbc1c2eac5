//! Roots that are open, and those among them that were probably meant to be children.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bits for operations that were seen to begin runs. Operations that share one are not told apart,
/// so that a stray root may go unnoticed.
const BITS: u64 = 1_024;

/// The open roots of one provider.
///
/// A task that was spawned without its context starts its root while the run that it belongs to is
/// open, and always does. A request to a server does so only if it comes while another is served: an
/// operation that has begun a run while no other was open is taken for one of those.
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

    /// Notes that a root has started. `operation` is a hash of who starts what, and `is_bare` is asked
    /// whether its task has no context. Returns whether it is probably stray.
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

    /// Notes that a root has ended.
    pub(crate) fn ended(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many stray roots there were.
    pub(super) fn stray(&self) -> u64 {
        self.stray.load(Ordering::Relaxed)
    }
}
