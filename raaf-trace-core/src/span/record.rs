//! The one allocation behind a span, from its start until its last reader lets go.
//!
//! | part | written | read |
//! | --- | --- | --- |
//! | `head` | once, before anybody else can see the record | freely, without a lock |
//! | `open` | under its mutex, until the span has ended | under its mutex |
//! | `sealed` | once, by the first reader after the end | freely, without a lock |
//!
//! Ending a span only marks it: the first reader (a worker, or the first processor in line) moves
//! the body out of the mutex, searches it for secrets and seals it. The record then goes back to
//! the thread that hands spans over, which empties and reuses it.

use std::{
    mem,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crate::{
    Component, Key, SpanId,
    attributes::Attributes,
    clock::Ticks,
    context::chain::{Depth, Link},
    counters,
    provider::trace_record::Trace,
    span::body::Body,
    sync::lock,
};

/// What is fixed when a span starts.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) trace: Arc<Trace>,
    pub(crate) component: Component,
    pub(crate) method: Key,
    /// A manual span's own name; other spans' names follow from kind, component and method.
    pub(crate) name: Option<Key>,
    pub(crate) start: Ticks,
    /// Whether it has no parent in this process: a trace's root, or the first span that a remote
    /// parent leads to here.
    pub(crate) local_root: bool,
    pub(crate) link: Link,
    pub(crate) depth: Depth,
}

#[derive(Debug, Default)]
pub(crate) struct Open {
    pub(crate) body: Body,
    pub(crate) ended: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Record {
    head: Option<Head>,
    open: Mutex<Open>,
    ended: AtomicBool,
    sealed: OnceLock<Body>,
    /// Where this record stands in its component's list of active spans, plus one.
    pub(crate) slot: AtomicUsize,
}

impl Record {
    /// Fills an empty record that nobody else has seen yet.
    pub(crate) fn fill(&mut self, head: Head) {
        self.head = Some(head);
    }

    /// The body of a record that nobody else has seen yet.
    pub(crate) fn body_mut(&mut self) -> &mut Body {
        &mut self.open.get_mut().unwrap_or_else(PoisonError::into_inner).body
    }

    /// Makes the record as new, but for the allocations it keeps.
    pub(crate) fn empty(&mut self) {
        self.head = None;
        let open = self.open.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(body) = self.sealed.take() {
            open.body = body;
        }
        open.body.clear();
        open.ended = false;
        *self.ended.get_mut() = false;
        *self.slot.get_mut() = 0;
    }

    pub(crate) fn head(&self) -> &Head {
        match &self.head {
            Some(head) => head,
            None => unreachable!("a record is filled before anybody sees it"),
        }
    }

    pub(crate) fn open(&self) -> MutexGuard<'_, Open> {
        lock(&self.open)
    }

    /// Changes the body of a running span; counted, and otherwise ignored, once it has ended.
    pub(crate) fn with_body(&self, change: impl FnOnce(&mut Body)) {
        let mut open = self.open();
        if open.ended {
            drop(open);
            counters::LATE_CALLS.add(1);
        } else {
            change(&mut open.body);
        }
    }

    /// Changes the attributes of a running span.
    pub(crate) fn with_attributes(&self, change: impl FnOnce(&mut Attributes)) {
        self.with_body(|body| change(&mut body.attributes));
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Marks the span as ended. Returns false, and does nothing, if it had ended before.
    pub(crate) fn end(&self, at: Ticks, finish: impl FnOnce(&mut Body)) -> bool {
        let mut open = self.open();
        if mem::replace(&mut open.ended, true) {
            return false;
        }
        open.body.end = at;
        finish(&mut open.body);
        drop(open);
        self.ended.store(true, Ordering::Release);
        true
    }

    /// The body of an ended span, for reading.
    pub(crate) fn sealed(&self) -> &Body {
        self.sealed.get_or_init(|| {
            let mut body = mem::take(&mut self.open().body);
            self.head().trace.provider.screen(&mut body);
            body
        })
    }

    pub(crate) fn slot(&self) -> Option<usize> {
        NonZeroUsize::new(self.slot.load(Ordering::Relaxed)).map(|slot| slot.get() - 1)
    }

    pub(crate) fn set_slot(&self, slot: Option<usize>) {
        self.slot.store(slot.map_or(0, |slot| slot + 1), Ordering::Relaxed);
    }

    pub(crate) fn link(&self) -> &Link {
        &self.head().link
    }

    pub(crate) fn depth(&self) -> Depth {
        self.head().depth
    }

    /// Whether this is a running span of that very component.
    pub(crate) fn is_active_for(&self, component: &Component) -> bool {
        self.head().component.is(component) && !self.has_ended()
    }

    pub(crate) fn take_link(&mut self) -> Link {
        self.head.as_mut().map_or(Link::None, |head| mem::take(&mut head.link))
    }
}

impl Drop for Record {
    /// Lets go of the chain of enclosing records in a loop: it can be deeper than the stack.
    fn drop(&mut self) {
        let mut link = self.take_link();
        while let Link::Within(record) = link {
            let Some(mut record) = Arc::into_inner(record) else { return };
            link = record.take_link();
        }
    }
}
