//! Active spans of a component, for finding the parent of work in another thread.

use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};

use crate::{base::sync::lock, span::record::Shared};

/// Active spans, unordered. Each record stores its position, so that removal takes constant time
/// however many are active.
#[derive(Debug, Default)]
pub(super) struct ActiveSpans {
    /// Number of records, plus `inherited`.
    count: AtomicUsize,
    /// 1 in a forked child if spans were active at the fork: these are in contexts only.
    inherited: usize,
    records: Mutex<Vec<Shared>>,
}

/// The active span of a component that becomes the parent of a span without a context.
#[derive(Debug)]
pub(crate) enum Latest {
    /// No span is active.
    None,
    /// The most recently started span; all active spans belong to one trace.
    Span(Shared),
    /// Active spans belong to several traces: a child could end up in the wrong one.
    Ambiguous,
}

impl ActiveSpans {
    /// Creates what a forked child uses in place of this, without its lock.
    pub(super) fn of_child(&self) -> Self {
        let inherited = usize::from(!self.is_empty());
        Self { count: AtomicUsize::new(inherited), inherited, records: Mutex::default() }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    pub(super) fn add(&self, record: &Shared) {
        let mut records = self.lock();
        record.set_slot(Some(records.len()));
        records.push(Shared::clone(record));
        self.count.store(records.len() + self.inherited, Ordering::Release);
    }

    pub(super) fn remove(&self, record: &Shared) {
        let mut records = self.lock();
        let Some(slot) = record.slot() else { return };
        record.set_slot(None);
        let removed = records.swap_remove(slot);
        if let Some(moved) = records.get(slot) {
            moved.set_slot(Some(slot));
        }
        self.count.store(records.len() + self.inherited, Ordering::Release);
        drop(records);
        drop(removed);
    }

    pub(super) fn latest(&self) -> Latest {
        let records = self.lock();
        let Some(first) = records.first() else { return Latest::None };
        let trace = first.head().trace.id();
        if records.iter().any(|record| record.head().trace.id() != trace) {
            return Latest::Ambiguous;
        }
        let latest = records.iter().max_by_key(|record| record.head().start).unwrap_or(first);
        Latest::Span(Shared::clone(latest))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Shared>> {
        lock(&self.records)
    }
}
