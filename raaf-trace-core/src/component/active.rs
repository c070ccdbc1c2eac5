//! Active spans of a component, for finding the parent of work in another thread.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use crate::{base::sync::lock, span::record::Shared};
use raaf_trace_model::id::{SpanId, TraceId};

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

    /// Returns whether the span of that id is active.
    pub(super) fn contains(&self, span: SpanId) -> bool {
        let records = lock(&self.records);
        let mut records = records.places.iter().filter_map(|place| place.record.as_ref());
        records.any(|record| record.head().id == span)
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
    first: Option<usize>,
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
    /// Adds a record in the order of starts. Returns its position.
    fn add(&mut self, record: &Shared) -> usize {
        let (trace, start) = (record.head().trace.id(), record.head().start);
        let is_later = |at: &usize| {
            self.places[*at].record.as_ref().is_some_and(|record| record.head().start > start)
        };
        // Usually it is the latest; not if only its thread knew it before.
        let mut previous = self.last;
        while let Some(at) = previous.filter(is_later) {
            previous = self.places[at].previous;
        }
        let next = match previous {
            Some(previous) => self.places[previous].next,
            None => self.first,
        };
        let place = Place { record: Some(Shared::clone(record)), trace, previous, next };
        let at = if let Some(at) = self.free {
            self.free = self.places[at].next;
            self.places[at] = place;
            at
        } else {
            self.places.push(place);
            self.places.len() - 1
        };
        self.borders -= self.border(previous, next);
        self.borders += self.border(previous, Some(at)) + self.border(Some(at), next);
        *self.after(previous) = Some(at);
        *self.before(next) = Some(at);
        self.len += 1;
        at
    }

    /// Returns the link from a place, or from the beginning, to the next one.
    fn after(&mut self, at: Option<usize>) -> &mut Option<usize> {
        match at {
            Some(at) => &mut self.places[at].next,
            None => &mut self.first,
        }
    }

    /// Returns the link from a place, or from the end, to the previous one.
    fn before(&mut self, at: Option<usize>) -> &mut Option<usize> {
        match at {
            Some(at) => &mut self.places[at].previous,
            None => &mut self.last,
        }
    }

    fn remove(&mut self, at: usize) -> Option<Shared> {
        let Place { previous, next, .. } = self.places[at];
        self.borders += self.border(previous, next);
        self.borders -= self.border(previous, Some(at)) + self.border(Some(at), next);
        *self.after(previous) = next;
        *self.before(next) = previous;
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
