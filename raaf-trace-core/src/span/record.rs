//! Running spans.
//!
//! | part | written | read |
//! | --- | --- | --- |
//! | `head`, `link`, `depth` | once, before the record is shared | freely, without a lock |
//! | `body` | under its mutex, until the span has ended | under its mutex |
//! | `ended` | under that mutex, once | freely |
//! | `marked_end` | freely | freely |
//! | `slot` | under the lock of the component's active spans | under that lock |
//!
//! When the span ends, the data for sinks is moved out of the record as a [`FinishedSpan`]: a batch
//! is a contiguous list of them, which the exporting thread reads without touching memory that this
//! thread continues to write. The record stays in this thread's cache for its next span, with the
//! attribute list of the delivered span that it overwrites.
//!
//! A record that is not shared, the usual case, gives up its parts without a lock or a copy.

use std::{
    fmt, mem,
    num::NonZeroUsize,
    sync::{
        self, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use triomphe::Arc;

use crate::{
    base::{counters, process::MadeIn, sync::lock},
    component::Component,
    context::{
        chain::{Depth, Link},
        flow,
        published::Elsewhere,
    },
    provider::{clock::Ticks, running_trace::RunningTrace},
    span::{frame::Frame, head::Head},
};
use raaf_trace_model::{
    attributes::{Attributes, Key, SpanLimits},
    span::{FinishedSpan, SpanBody},
};

/// A shared record. Not the standard library's `Arc`: without weak references, checking for a
/// unique owner is one load.
pub(crate) type Shared = Arc<Record>;

#[derive(Default)]
pub(crate) struct Record {
    head: Option<Head>,
    /// For a record that stands in for the frame of another thread, that frame.
    stands_for: Option<Box<Elsewhere>>,
    link: Link,
    depth: Depth,
    body: Mutex<SpanBody>,
    ended: AtomicBool,
    /// Position in the component's list of active spans, plus one.
    slot: AtomicUsize,
    /// End that was set before the span ends, as a reading of the clock plus one.
    marked_end: AtomicU64,
}

impl Record {
    /// Fills an empty record.
    #[inline]
    pub(crate) fn fill(&mut self, head: Head, (link, depth): (Link, Depth)) {
        // That there is nothing to drop lets both be written where they stand.
        let (None, Link::None) = (&self.head, &self.link) else {
            unreachable!("a record is emptied before it is filled again")
        };
        self.head = Some(head);
        self.link = link;
        self.depth = depth;
    }

    /// Creates a record in place of that of another thread's frame: it has the ids, as a parent of
    /// spans here, and ends when the frame does. Its other data are those of the frame, out of reach.
    /// `below` is the innermost span below all frames of that thread.
    pub(crate) fn stand_in(
        frame: Elsewhere,
        trace: sync::Arc<RunningTrace>,
        component: Component,
        below: Option<&Shared>,
    ) -> Shared {
        let (id, start) = frame.span();
        let head = Head {
            id,
            parent: None,
            trace,
            component,
            method: Key::from_static(""),
            name: None,
            start,
            local_root: false,
            has_children: AtomicBool::new(true),
            made_in: MadeIn::here(),
        };
        let mut record = Self::default();
        record.fill(head, below.map(Link::within).unwrap_or_default());
        record.stands_for = Some(Box::new(frame));
        Shared::new(record)
    }

    /// Returns the frame that this record stands in for.
    pub(crate) fn stands_for(&self) -> Option<&Elsewhere> {
        self.stands_for.as_deref()
    }

    /// Returns both parts of a filled record that is not shared.
    #[inline]
    pub(crate) fn parts_mut(&mut self) -> (&mut Head, &mut SpanBody) {
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        match &mut self.head {
            Some(head) => (head, body),
            None => unreachable!("a record is filled before its span is opened"),
        }
    }

    /// Returns the body of a record that is not shared.
    #[inline]
    pub(crate) fn body_mut(&mut self) -> &mut SpanBody {
        self.body.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resets an ended record.
    #[inline]
    pub(crate) fn empty(&mut self) {
        self.head = None;
        self.link = Link::None;
        if self.body_mut().extras.is_some() {
            self.body_mut().extras = None;
        }
        *self.ended.get_mut() = false;
        *self.marked_end.get_mut() = 0;
    }

    #[inline]
    pub(crate) fn head(&self) -> &Head {
        match &self.head {
            Some(head) => head,
            None => unreachable!("a record has a head as long as anybody can see it"),
        }
    }

    /// Reads the body, which is empty once the span has ended, and in a forked child.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(&mut SpanBody) -> R) -> R {
        if self.head().made_in.this_process() {
            return look(&mut lock(&self.body));
        }
        // Another thread of the parent may have held the lock.
        look(&mut SpanBody::default())
    }

    /// Changes the body of a running span. After the end, the call is counted and ignored. The body
    /// of an unsampled span stays empty, since it is not taken out of the record before reuse. In a
    /// forked child, calls for spans of the parent are ignored.
    pub(crate) fn with_body(&self, change: impl FnOnce(&mut SpanBody)) {
        if !self.head().made_in.this_process() {
            return;
        }
        let mut body = lock(&self.body);
        if self.has_ended() || self.stands_for.is_some() {
            drop(body);
            counters::LATE_CALLS.add(1);
        } else if self.head().trace.sampled {
            change(&mut body);
        }
    }

    /// Changes the attributes of a running span.
    pub(crate) fn with_attributes(&self, change: impl FnOnce(&mut Attributes)) {
        self.with_body(|body| change(&mut body.attributes));
    }

    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
            || self.stands_for().is_some_and(|frame| !frame.is_open(&self.head().component))
    }

    /// Returns whether the span, or one that only this record leads to, has not ended.
    pub(crate) fn is_needed(&self) -> bool {
        !self.has_ended() || self.stands_for().is_some_and(Elsewhere::has_frames)
    }

    /// Ends the span. Does nothing and returns `None` if it had ended before.
    pub(crate) fn end(
        &self,
        at: Ticks,
        finish: impl FnOnce(&mut SpanBody),
    ) -> Option<FinishedSpan> {
        let mut body = lock(&self.body);
        if self.has_ended() {
            return None;
        }
        self.ended.store(true, Ordering::Release);
        let changes = body.extras.as_ref().map(|extras| extras.changes.clone());
        finish(&mut body);
        let span = self.head().facts(at).to_span(&mut body);
        if let Some(changes) = changes {
            // Handles continue to return the changed values.
            body.extras_mut().changes = changes;
        }
        Some(span)
    }

    /// Marks the span of a record that is not shared as ended; `false` if it had ended before.
    #[inline]
    pub(crate) fn end_alone(&mut self) -> bool {
        !mem::replace(self.ended.get_mut(), true)
    }

    /// Sets the end to the current time; the span remains open.
    pub(crate) fn mark_end(&self) {
        let Ticks(now) = self.head().trace.provider.clock().now();
        self.marked_end.store(now.saturating_add(1), Ordering::Relaxed);
    }

    pub(crate) fn marked_end(&self) -> Option<Ticks> {
        self.marked_end.load(Ordering::Relaxed).checked_sub(1).map(Ticks)
    }

    pub(crate) fn slot(&self) -> Option<usize> {
        NonZeroUsize::new(self.slot.load(Ordering::Relaxed)).map(|slot| slot.get() - 1)
    }

    pub(crate) fn set_slot(&self, slot: Option<usize>) {
        self.slot.store(slot.map_or(0, |slot| slot + 1), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    #[inline]
    pub(crate) fn depth(&self) -> Depth {
        self.depth
    }

    /// Returns whether this is a running span of that component.
    #[inline]
    pub(crate) fn is_active_for(&self, component: &Component) -> bool {
        self.head().component.is(component) && !self.has_ended()
    }
}

/// An open span, as the call holds it that opened it.
pub(crate) enum Held {
    /// A frame: only this thread knows the span.
    Frame(Box<Frame>),
    Shared(Shared),
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(frame) => f.debug_struct("Frame").field("span_id", &frame.id).finish(),
            Self::Shared(record) => record.fmt(f),
        }
    }
}

impl Held {
    #[inline]
    pub(crate) fn is_sampled(&self) -> bool {
        match self {
            Self::Frame(frame) => frame.sampled,
            Self::Shared(record) => record.head().trace.sampled,
        }
    }

    pub(crate) fn limits(&mut self) -> SpanLimits {
        match self {
            Self::Frame(frame) => frame.body.attributes.limits(),
            Self::Shared(record) => record.head().trace.limits,
        }
    }

    pub(crate) fn trace(&self) -> Option<sync::Arc<RunningTrace>> {
        match self {
            Self::Frame(frame) => flow::trace_of(frame),
            Self::Shared(record) => Some(sync::Arc::clone(&record.head().trace)),
        }
    }

    /// Changes the body of the running span, if it is sampled.
    pub(crate) fn with_body(&mut self, change: impl FnOnce(&mut SpanBody)) {
        match self {
            Self::Frame(frame) if frame.sampled => change(&mut frame.body),
            Self::Frame(_) => {}
            Self::Shared(record) => record.with_body(change),
        }
    }
}

impl fmt::Debug for Record {
    /// Prints only ids: enclosing spans can be deeper than the stack, the provider refers back to
    /// the span, and attributes can be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Record");
        if let Some(head) = &self.head {
            shown.field("trace_id", &head.trace.id()).field("span_id", &head.id);
        }
        shown.finish_non_exhaustive()
    }
}

impl Drop for Record {
    /// Drops the chain of enclosing records in a loop: it can be deeper than the stack.
    fn drop(&mut self) {
        let mut link = mem::take(&mut self.link);
        while let Link::Within(record) = link {
            let Some(mut record) = Shared::into_unique(record) else { return };
            link = mem::take(&mut record.link);
        }
    }
}
