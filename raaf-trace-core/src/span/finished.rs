//! A finished span as sinks see it.

use std::{
    borrow::Cow,
    fmt,
    time::{Duration, SystemTime},
};

use crate::{
    AttributeLosses, Component, Kind, LocalRoot, Redactor, SpanId, TraceId, TraceInfo,
    attributes::{AttributeEntry, in_milliseconds},
    batch::Reclaim,
    clock::Ticks,
    propagation::TraceState,
    span::{SpanAttributes, SpanError, Status, body::Body, event::Event, head::Head, name, pool},
};

/// A span that has ended: what processors and exporters receive.
///
/// It is a value of some 200 bytes that refers to nothing which still runs. A clone copies its
/// attributes and events; whoever keeps many of them in several places wraps them in an `Arc`.
#[derive(Clone)]
pub struct FinishedSpan {
    head: Head,
    body: Body,
    /// Whether secrets have been replaced.
    screened: bool,
}

impl FinishedSpan {
    #[inline]
    pub(crate) fn new(head: Head, body: Body) -> Self {
        Self { head, body, screened: false }
    }

    #[inline]
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Adds when and how it ended.
    #[inline]
    pub(crate) fn end(&mut self, at: Ticks, finish: impl FnOnce(&mut Body)) {
        self.body.end = at;
        finish(&mut self.body);
    }

    /// Replaces the secrets in it, before anybody outside of this crate sees it.
    pub(crate) fn screen(&mut self) {
        if !self.screened {
            self.screened = true;
            self.head.trace.provider.screen(&mut self.body);
        }
    }

    /// The list of its attributes, emptied.
    pub(crate) fn take_empty_list(&mut self) -> Vec<AttributeEntry> {
        self.body.attributes.take_empty_list()
    }

    /// The span without the secrets that `redactor` finds, also in what its trace says about itself,
    /// beyond those that its provider replaced: for a sink that may see less than others.
    #[must_use]
    pub fn redacted(&self, redactor: &Redactor) -> Self {
        let mut span = self.clone();
        span.body.screen(redactor);
        if let Some(trace) = span.head.trace.redacted(redactor) {
            span.head.trace = trace;
        }
        span
    }

    /// The span without what was written as content: prompts, completions, the arguments and
    /// results of tools, and the texts of errors. What is left out is counted in its
    /// [`losses`](Self::losses).
    #[must_use]
    pub fn without_content(&self) -> Self {
        let mut span = self.clone();
        span.body.drop_content();
        span
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
        head.trace.anchor.time_of(self.body.end)
    }

    /// How long it took, by a clock that only goes forward.
    pub fn duration(&self) -> Duration {
        let head = self.head();
        head.trace.anchor.between(head.start, self.body.end)
    }

    /// The same in milliseconds, as the attribute `duration_ms` says it.
    pub fn duration_ms(&self) -> f64 {
        in_milliseconds(self.duration())
    }

    /// How it ended.
    pub fn status(&self) -> Status {
        self.body.status
    }

    /// Why it failed, if it did.
    pub fn error(&self) -> Option<&SpanError> {
        self.body.error.as_deref()
    }

    /// All it says about itself: what was set, and what follows from the component and the
    /// outcome, such as `component.name`, `success` and `duration_ms`.
    pub fn attributes(&self) -> SpanAttributes<'_> {
        SpanAttributes::new(self, &self.body)
    }

    /// What was cut, left out or ignored among its attributes.
    pub fn losses(&self) -> AttributeLosses {
        self.body.attributes.losses()
    }

    /// What happened in it, in order.
    pub fn events(&self) -> impl ExactSizeIterator<Item = Event<'_>> {
        let anchor = &self.head().trace.anchor;
        self.body.events.iter().map(|event| Event::new(event, anchor))
    }

    /// How many events came beyond the limit and were dropped.
    pub fn dropped_events(&self) -> u32 {
        self.body.dropped_events
    }

    /// What its trace says about itself.
    pub fn trace(&self) -> &TraceInfo {
        &self.head().trace.info
    }

    /// The span that encloses all of its trace in this process, itself if it is that one. `None`
    /// only for spans that were [built](Self::builder) and told of a parent by its id alone.
    pub fn local_root(&self) -> Option<&LocalRoot> {
        self.head().trace.root.as_ref()
    }

    /// The vendor data that came with a remote parent.
    pub fn trace_state(&self) -> &TraceState {
        &self.head().trace.state
    }
}

impl Reclaim for FinishedSpan {
    fn prepare(&mut self) {
        self.screen();
    }

    fn reclaim(chunk: &mut Vec<Self>) {
        pool::give_lists(chunk);
        chunk.clear();
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
