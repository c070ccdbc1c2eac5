//! A finished span as sinks see it.

use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::{
    AttributeLosses, Component, Kind, SpanId, TraceId, TraceInfo,
    attributes::in_milliseconds,
    batch::Reclaim,
    propagation::TraceState,
    span::{
        SpanAttributes, SpanError, Status,
        event::Event,
        name, pool,
        record::{Head, Record},
    },
};

/// A span that has ended: what processors and exporters receive. Clones share it.
#[derive(Clone)]
pub struct FinishedSpan {
    record: Arc<Record>,
}

impl FinishedSpan {
    pub(crate) fn new(record: Arc<Record>) -> Self {
        Self { record }
    }

    pub(crate) fn head(&self) -> &Head {
        self.record.head()
    }

    /// The span's id.
    pub fn span_id(&self) -> SpanId {
        self.head().id
    }

    /// The trace's id.
    pub fn trace_id(&self) -> TraceId {
        self.head().trace.id
    }

    /// The parent's id; `None` for a root.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.head().parent
    }

    /// Whether it has no parent in this process: it is the root of its trace, or the first span
    /// here under a parent in another process. It ends after all that ran inside it.
    pub fn is_local_root(&self) -> bool {
        self.head().local_root
    }

    /// The span's name.
    pub fn name(&self) -> Cow<'_, str> {
        name::of(self.head())
    }

    /// What kind of component ran.
    pub fn kind(&self) -> &Kind {
        self.component().kind()
    }

    /// The component that ran.
    pub fn component(&self) -> &Component {
        &self.head().component
    }

    /// The operation that ran.
    pub fn method(&self) -> &str {
        &self.head().method
    }

    /// When it started.
    pub fn start_time(&self) -> SystemTime {
        let head = self.head();
        head.trace.anchor.time_of(head.start)
    }

    /// When it ended; never before it started.
    pub fn end_time(&self) -> SystemTime {
        let head = self.head();
        head.trace.anchor.time_of(self.record.sealed().end)
    }

    /// How long it took, by a clock that only goes forward.
    pub fn duration(&self) -> Duration {
        let head = self.head();
        head.trace.anchor.between(head.start, self.record.sealed().end)
    }

    /// The same in milliseconds, as the attribute `duration_ms` says it.
    pub fn duration_ms(&self) -> f64 {
        in_milliseconds(self.duration())
    }

    /// How it ended.
    pub fn status(&self) -> Status {
        self.record.sealed().status
    }

    /// Why it failed, if it did.
    pub fn error(&self) -> Option<&SpanError> {
        self.record.sealed().error.as_deref()
    }

    /// All it says about itself: what was set, and what follows from the component and the
    /// outcome, such as `component.name`, `success` and `duration_ms`.
    pub fn attributes(&self) -> SpanAttributes<'_> {
        SpanAttributes::new(self, self.record.sealed())
    }

    /// What was cut, left out or ignored among its attributes.
    pub fn losses(&self) -> AttributeLosses {
        self.record.sealed().attributes.losses()
    }

    /// What happened in it, in order.
    pub fn events(&self) -> impl ExactSizeIterator<Item = Event<'_>> {
        let anchor = &self.head().trace.anchor;
        self.record.sealed().events.iter().map(|event| Event::new(event, anchor))
    }

    /// How many events came beyond the limit and were dropped.
    pub fn dropped_events(&self) -> u32 {
        self.record.sealed().dropped_events
    }

    /// What its trace says about itself.
    pub fn trace(&self) -> &TraceInfo {
        &self.head().trace.info
    }

    /// The vendor data that came with a remote parent.
    pub fn trace_state(&self) -> &TraceState {
        &self.head().trace.state
    }
}

impl Reclaim for FinishedSpan {
    fn reclaim(chunk: &mut Vec<Self>) {
        chunk.drain(..).for_each(|span| pool::give(span.record));
    }
}

impl fmt::Debug for FinishedSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinishedSpan")
            .field("trace_id", &self.trace_id())
            .field("span_id", &self.span_id())
            .field("parent_id", &self.parent_id())
            .field("name", &self.name())
            .field("status", &self.status())
            .field("attributes", &self.attributes())
            .finish_non_exhaustive()
    }
}
