//! A span that has ended.

use std::{
    fmt, slice,
    time::{Duration, SystemTime},
};

use super::{
    Event, Link, SpanAttributes, SpanBody, SpanError, SpanHead, StartedSpan, Status, TreeSpan,
    head::head_accessors,
};
use crate::{
    attributes::{AttributeEntry, AttributeLosses, Attributes, in_milliseconds},
    redact::Redactor,
    time::Timestamp,
};

/// A span that has ended: what processors and exporters receive.
///
/// Plain data of some 200 bytes that keeps nothing alive. A clone copies its attributes and events;
/// to keep one span in several places, wrap it in an `Arc`.
///
/// Its serialised form is a line of a [trace file](crate::span::Record).
#[derive(Clone)]
pub struct FinishedSpan {
    pub(super) head: SpanHead,
    pub(super) body: SpanBody,
    pub(super) end: Timestamp,
}

head_accessors!(FinishedSpan);

impl FinishedSpan {
    /// Puts a finished span together from its parts. An `end` before the start becomes the start.
    #[inline]
    pub fn from_parts(head: SpanHead, body: SpanBody, end: Timestamp) -> Self {
        let end = end.max(head.start);
        Self { head, body, end }
    }

    /// Returns the span as it started, without attributes.
    pub fn started(&self) -> StartedSpan {
        StartedSpan::from_parts(self.head.clone(), Attributes::new())
    }

    /// Adds how the span ended, in place and before anyone sees it, and what was changed since it
    /// started.
    #[inline]
    pub fn complete(&mut self, finish: impl FnOnce(&mut SpanBody)) {
        finish(&mut self.body);
        if self.body.extras.is_some() {
            self.apply_changes();
        }
    }

    #[cold]
    fn apply_changes(&mut self) {
        let Some(extras) = &self.body.extras else { return };
        extras.changes.apply_to(&mut self.head);
        self.end = extras.changes.end.unwrap_or(self.end).max(self.head.start);
    }

    /// Replaces the secrets that `redactor` finds, but for those in what its trace says.
    pub fn redact(&mut self, redactor: &Redactor) {
        self.body.redact(redactor);
    }

    /// Takes the memory of its attributes, emptied, to be used for another span.
    #[inline]
    pub fn recycle(&mut self) -> Vec<AttributeEntry> {
        self.body.attributes.take_empty_list()
    }

    /// Returns the span without the secrets that `redactor` finds in it and in what its trace says
    /// about itself, for a sink that may see less than others.
    #[must_use]
    pub fn redacted(&self, redactor: &Redactor) -> Self {
        let mut span = self.clone();
        span.body.redact(redactor);
        if let Some(trace) = span.head.trace.redacted(redactor) {
            span.head.trace = trace;
        }
        span
    }

    /// Returns the span without what was written as content: prompts, completions, the arguments
    /// and results of tools, and the texts of errors. What is left out is counted in its
    /// [`losses`](Self::losses).
    #[must_use]
    pub fn without_content(&self) -> Self {
        let mut span = self.clone();
        span.body.drop_content();
        span
    }

    /// Returns when the span ended; never before it started.
    pub fn end_time(&self) -> SystemTime {
        self.end.into()
    }

    /// Returns how long the span took, by a clock that only goes forward.
    pub fn duration(&self) -> Duration {
        self.end.since(self.head.start)
    }

    /// Returns the duration in milliseconds, as the attribute `duration_ms` has it.
    pub fn duration_ms(&self) -> f64 {
        in_milliseconds(self.duration())
    }

    /// Returns how the span ended.
    pub fn status(&self) -> Status {
        self.body.status
    }

    /// Returns why the span failed, if it did.
    pub fn error(&self) -> Option<&SpanError> {
        self.body.error.as_deref()
    }

    /// Returns all attributes: what was set, and what follows from the component and the outcome,
    /// such as `component.name`, `success` and `duration_ms`.
    pub fn attributes(&self) -> SpanAttributes<'_> {
        SpanAttributes::new(self)
    }

    /// Returns what was cut, left out or ignored among its attributes.
    pub fn losses(&self) -> AttributeLosses {
        self.body.attributes.losses()
    }

    /// Returns what happened in the span, in order.
    pub fn events(&self) -> slice::Iter<'_, Event> {
        self.body.events.iter()
    }

    /// Returns the links to other spans, in the order in which they were added.
    pub fn links(&self) -> slice::Iter<'_, Link> {
        self.body.extras.as_deref().map_or(&[][..], |extras| &extras.links).iter()
    }

    /// Returns how many links came beyond the limit and were dropped.
    pub fn dropped_links(&self) -> u32 {
        self.body.extras.as_ref().map_or(0, |extras| extras.dropped_links)
    }

    /// Returns how many events came beyond the limit and were dropped.
    pub fn dropped_events(&self) -> u32 {
        self.body.dropped_events
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
