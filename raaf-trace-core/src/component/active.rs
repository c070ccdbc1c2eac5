//! Active spans of a component, for finding the parent of work in another thread.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use crate::{base::sync::lock, span::record::Shared};
use raaf_trace_model::id::TraceId;

/// Active spans in the order in which they started. Each step takes constant time, however many are
/// active.
#[derive(Debug, Default)]
pub(super) struct ActiveSpans {
    /// Number of records, plus `inherited`.
    count: AtomicUsize,
    /// 1 in a forked child if spans were active at the fork: these are in contexts only.
    inherited: usize,
    records: Mutex<Records>,
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
        let mut records = lock(&self.records);
        record.set_slot(Some(records.add(record)));
        self.count.store(records.len + self.inherited, Ordering::Release);
    }

    pub(super) fn remove(&self, record: &Shared) {
        let mut records = lock(&self.records);
        let Some(slot) = record.slot() else { return };
        record.set_slot(None);
        let removed = records.remove(slot);
        self.count.store(records.len + self.inherited, Ordering::Release);
        drop(records);
        drop(removed);
    }

    pub(super) fn latest(&self) -> Latest {
        lock(&self.records).latest()
    }
}

/// A doubly linked list in a vector, of which each record stores its position.
///
/// Records belong to several traces if and only if two neighbours do, so that it suffices to count
/// such neighbours.
#[derive(Debug, Default)]
struct Records {
    places: Vec<Place>,
    /// The first of the free places, which `next` links.
    free: Option<usize>,
    last: Option<usize>,
    len: usize,
    /// Number of neighbours of different traces.
    borders: usize,
}

#[derive(Debug)]
struct Place {
    /// `None` if the place is free.
    record: Option<Shared>,
    trace: TraceId,
    previous: Option<usize>,
    next: Option<usize>,
}

impl Records {
    /// Appends a record. Returns its position.
    fn add(&mut self, record: &Shared) -> usize {
        let trace = record.head().trace.id();
        let previous = self.last;
        let place = Place { record: Some(Shared::clone(record)), trace, previous, next: None };
        let at = if let Some(at) = self.free {
            self.free = self.places[at].next;
            self.places[at] = place;
            at
        } else {
            self.places.push(place);
            self.places.len() - 1
        };
        if let Some(previous) = previous {
            self.places[previous].next = Some(at);
        }
        self.borders += self.border(previous, Some(at));
        self.last = Some(at);
        self.len += 1;
        at
    }

    fn remove(&mut self, at: usize) -> Option<Shared> {
        let Place { previous, next, .. } = self.places[at];
        self.borders += self.border(previous, next);
        self.borders -= self.border(previous, Some(at)) + self.border(Some(at), next);
        if let Some(previous) = previous {
            self.places[previous].next = next;
        }
        match next {
            Some(next) => self.places[next].previous = previous,
            None => self.last = previous,
        }
        self.places[at].next = self.free;
        self.free = Some(at);
        self.len -= 1;
        self.places[at].record.take()
    }

    /// Returns 1 if both exist and belong to different traces.
    fn border(&self, one: Option<usize>, next: Option<usize>) -> usize {
        let (Some(one), Some(next)) = (one, next) else { return 0 };
        usize::from(self.places[one].trace != self.places[next].trace)
    }

    fn latest(&self) -> Latest {
        match self.last.and_then(|last| self.places[last].record.as_ref()) {
            None => Latest::None,
            Some(_) if self.borders > 0 => Latest::Ambiguous,
            Some(record) => Latest::Span(Shared::clone(record)),
        }
    }
}
