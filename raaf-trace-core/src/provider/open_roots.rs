//! Open roots, and detection of roots that were probably meant to be children.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::diagnostics::Repeated;

/// Number of operations that are distinguished. Of two that share a number, the stray roots of one
/// may go undetected.
const OPERATIONS: u64 = 1_024;

/// Number of places for open roots. A root whose place is taken is not watched: it is neither stray
/// itself, nor a run that others could belong to.
const PLACES: u64 = 64;

/// Number of stray roots beside a root after which it is assumed to be none of their runs, but a
/// loop that is always open.
const MAX_STRAY: u64 = 16;

/// Open roots of one provider.
///
/// A task that was spawned without its context starts its root while the run that it belongs to is
/// open, and usually ends before that run. A request to a server starts beside other requests, but
/// sooner or later one starts alone, or ends after all those that were open at its start. An
/// operation of which a root has done either is therefore assumed to begin runs.
#[derive(Debug)]
pub(crate) struct OpenRoots {
    started: AtomicU64,
    /// Packed [`OpenRoot`]s, each at its number modulo the length; 0 where there is none.
    open: [AtomicU64; PLACES as usize],
    /// A bit for each operation that is known to begin runs.
    begin_runs: [AtomicU64; OPERATIONS as usize / 64],
    stray: Repeated,
}

/// Number of a root of a provider, in the order of their starts. The first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RootNumber(u64);

/// An open root: its operation in the low 10 bits, the number of stray roots beside it in 6 bits,
/// and its number.
#[derive(Clone, Copy)]
struct OpenRoot(u64);

impl OpenRoot {
    const ONE_STRAY: u64 = OPERATIONS;
    const NUMBER_SHIFT: u32 = 16;

    fn new(RootNumber(number): RootNumber, operation: u64) -> Self {
        Self(number << Self::NUMBER_SHIFT | operation)
    }

    fn number(self) -> RootNumber {
        RootNumber(self.0 >> Self::NUMBER_SHIFT)
    }

    fn operation(self) -> u64 {
        self.0 % OPERATIONS
    }

    fn may_be_run(self) -> bool {
        self.0 >> 10 & 0x3f < MAX_STRAY
    }
}

impl OpenRoots {
    pub(super) fn new() -> Self {
        Self {
            started: AtomicU64::new(0),
            open: [const { AtomicU64::new(0) }; PLACES as usize],
            begin_runs: [const { AtomicU64::new(0) }; OPERATIONS as usize / 64],
            stray: Repeated::new(),
        }
    }

    /// Returns the number of a root that is about to start.
    pub(super) fn next(&self) -> RootNumber {
        RootNumber(self.started.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Records the start of a root. `operation` is a hash of component and method, and `is_bare`
    /// returns true if its task has no context. Returns the number of stray roots so far if this is
    /// probably one, and is to be reported.
    pub(crate) fn started(
        &self,
        number: RootNumber,
        operation: u64,
        is_bare: impl FnOnce() -> bool,
    ) -> Option<u64> {
        let root = OpenRoot::new(number, operation % OPERATIONS);
        let is_watched = self
            .place(number)
            .compare_exchange(0, root.0, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if !is_watched || self.begins_runs(root) {
            return None;
        }
        let Some(run) = self.oldest_run_before(number) else {
            self.learn(root);
            return None;
        };
        if !is_bare() {
            return None;
        }
        // Fails if the run has just ended.
        let _ = self.place(run.number()).compare_exchange(
            run.0,
            run.0 + OpenRoot::ONE_STRAY,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        self.stray.happened()
    }

    /// Records the end of a root.
    pub(crate) fn ended(&self, number: RootNumber) {
        let place = self.place(number);
        let root = OpenRoot(place.load(Ordering::Relaxed));
        if root.number() != number {
            return;
        }
        place.store(0, Ordering::Relaxed);
        if !self.begins_runs(root) && self.oldest_run_before(number).is_none() {
            self.learn(root);
        }
    }

    /// Returns the number of stray roots so far.
    pub(super) fn stray(&self) -> u64 {
        self.stray.count()
    }

    fn place(&self, RootNumber(number): RootNumber) -> &AtomicU64 {
        &self.open[(number % PLACES) as usize]
    }

    /// Returns the oldest open root before this one that may be the run of others.
    #[cold]
    fn oldest_run_before(&self, number: RootNumber) -> Option<OpenRoot> {
        let open = self.open.iter().map(|place| OpenRoot(place.load(Ordering::Relaxed)));
        open.filter(|root| root.0 != 0 && root.number() < number && root.may_be_run())
            .min_by_key(|root| root.number())
    }

    fn begins_runs(&self, root: OpenRoot) -> bool {
        let (word, bit) = self.bit(root);
        word.load(Ordering::Relaxed) & bit != 0
    }

    fn learn(&self, root: OpenRoot) {
        let (word, bit) = self.bit(root);
        word.fetch_or(bit, Ordering::Relaxed);
    }

    fn bit(&self, root: OpenRoot) -> (&AtomicU64, u64) {
        let operation = root.operation();
        (&self.begin_runs[(operation / 64) as usize], 1 << (operation % 64))
    }
}
