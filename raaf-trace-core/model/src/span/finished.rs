//! Finished spans.

use std::{
    fmt, ptr, slice,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    Event, Link, SpanAttributes, SpanBody, SpanError, SpanHead, StartedSpan, Status, TreeSpan,
    head::head_accessors,
};
use crate::{
    attributes::{AttributeLosses, Attributes, ValueRef, in_milliseconds},
    id::SpanId,
    keys,
    kind::Kind,
    prices::{Cost, PriceTable},
    redact::Redactor,
    time::Timestamp,
};

/// A finished span, as processors and exporters receive it.
///
/// Plain data of about 200 bytes that keeps nothing alive. A clone copies attributes and events;
/// wrap a span in an `Arc` to share it.
///
/// Serialises as a line of a [trace file](crate::span::Record).
#[derive(Clone)]
pub struct FinishedSpan {
    pub(super) head: SpanHead,
    pub(super) body: SpanBody,
    pub(super) end: Timestamp,
}

head_accessors!(FinishedSpan);

impl FinishedSpan {
    /// Creates a finished span from its parts. An `end` before the start becomes the start.
    #[inline]
    pub fn from_parts(head: SpanHead, body: SpanBody, end: Timestamp) -> Self {
        let end = end.max(head.start);
        Self { head, body, end }
    }

    /// Returns the span as it started, without attributes.
    pub fn started(&self) -> StartedSpan {
        StartedSpan::from_parts(self.head.clone(), Attributes::new())
    }

    /// Completes the span with its outcome and with changes since its start, in place and before
    /// any sink receives it.
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

    /// Replaces the secrets that `redactor` finds, except those in the data of its trace.
    pub fn redact(&mut self, redactor: &Redactor) {
        self.body.redact(redactor);
    }

    /// Sets the cost of a model call, unless it is set or unknown.
    pub fn add_cost(&mut self, prices: &PriceTable) {
        let attributes = &mut self.body.attributes;
        if is_model_call(&self.head.component.kind)
            && !attributes.contains(keys::GEN_AI_USAGE_COST)
            && let Some(cost) = prices.cost_of(&self.head.component.name, attributes)
        {
            attributes.set(keys::GEN_AI_USAGE_COST, cost);
        }
    }

    /// Returns the cost of a model call. Spans of other kinds, which may have the tokens of several
    /// calls, and calls that report neither cost nor tokens count as no call.
    pub fn cost(&self) -> Cost {
        let attributes = &self.body.attributes;
        let cost = attributes.get(keys::GEN_AI_USAGE_COST).and_then(ValueRef::as_f64);
        let used = [keys::GEN_AI_USAGE_INPUT_TOKENS, keys::GEN_AI_USAGE_OUTPUT_TOKENS];
        let is_call = cost.is_some() || used.iter().any(|key| attributes.contains(key));
        if is_call && is_model_call(&self.head.component.kind) {
            Cost::of_call(cost)
        } else {
            Cost::default()
        }
    }

    /// Returns whether it is a leaf: neither a local root, nor with spans that started within it.
    pub fn is_leaf(&self) -> bool {
        !self.head.local_root && !self.head.has_children
    }

    /// Moves the span under another parent, for wrappers that leave spans out. `local_root` is whether
    /// it has no parent in this process.
    pub fn set_parent(&mut self, parent: Option<SpanId>, local_root: bool) {
        (self.head.parent_id, self.head.local_root) = (parent, local_root);
    }

    /// Drops the contents of spans, so that others can be written over them.
    /// Keeps the memory of the attribute lists.
    pub fn clear_all(spans: &mut [Self]) {
        let mut blank = None;
        let mut small = ptr::null();
        for Self { head, body, .. } in spans {
            body.clear();
            if head.name.is_some() {
                head.name = None;
            }
            let trace = Arc::as_ptr(&head.trace);
            if trace == small {
                continue;
            }
            if head.trace.is_large() {
                let blank = blank.get_or_insert_with(|| Arc::new(head.trace.blank()));
                head.trace = Arc::clone(blank);
            } else {
                small = trace;
            }
        }
    }

    /// Returns the span without the secrets that `redactor` finds in it and in its trace's
    /// metadata, for a sink with stricter rules.
    #[must_use]
    pub fn redacted(&self, redactor: &Redactor) -> Self {
        let mut span = self.clone();
        span.body.redact(redactor);
        if let Some(trace) = span.head.trace.redacted(redactor) {
            span.head.trace = trace;
        }
        span
    }

    /// Returns the span without content: prompts, completions, the arguments and results of tools,
    /// and the messages of errors. Removed attributes are counted in [`losses`](Self::losses).
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::FinishedSpan;
    ///
    /// let span = FinishedSpan::builder("tool", "Search")
    ///     .attributes(|attributes| {
    ///         attributes.set_content("tool.arguments", "private").set("tool.note", "private, too");
    ///     })
    ///     .build();
    /// let span = span.without_content();
    /// assert!(span.attributes().get("tool.arguments").is_none());
    /// assert!(span.attributes().get("tool.note").is_some()); // was not set as content
    /// ```
    #[must_use]
    pub fn without_content(&self) -> Self {
        let mut span = self.clone();
        span.body.drop_content();
        span
    }

    /// Returns the end time; never before the start time.
    pub fn end_time(&self) -> SystemTime {
        self.end.into()
    }

    /// Returns the duration, measured by a monotonic clock.
    pub fn duration(&self) -> Duration {
        self.end.since(self.head.start)
    }

    /// Returns the duration in milliseconds, like the attribute `duration_ms`.
    pub fn duration_ms(&self) -> f64 {
        in_milliseconds(self.duration())
    }

    /// Returns the status.
    pub fn status(&self) -> Status {
        self.body.status
    }

    /// Returns the error of a failed span.
    pub fn error(&self) -> Option<&SpanError> {
        self.body.error.as_deref()
    }

    /// Returns all attributes: those that were set, and those derived from the component and the
    /// outcome, such as `component.name`, `success` and `duration_ms`.
    pub fn attributes(&self) -> SpanAttributes<'_> {
        SpanAttributes::new(self)
    }

    /// Returns counts of attributes that were cut, left out or ignored.
    pub fn losses(&self) -> AttributeLosses {
        self.body.attributes.losses()
    }

    /// Returns the events in order.
    pub fn events(&self) -> slice::Iter<'_, Event> {
        self.body.events.iter()
    }

    /// Returns the links to other spans, in the order they were added.
    pub fn links(&self) -> slice::Iter<'_, Link> {
        self.body.extras.as_deref().map_or(&[][..], |extras| &extras.links).iter()
    }

    /// Returns the number of links dropped beyond the limit.
    pub fn dropped_links(&self) -> u32 {
        self.body.extras.as_ref().map_or(0, |extras| extras.dropped_links)
    }

    /// Returns the number of events dropped beyond the limit.
    pub fn dropped_events(&self) -> u32 {
        self.body.dropped_events
    }
}

fn is_model_call(kind: &Kind) -> bool {
    matches!(kind, Kind::Llm | Kind::Response) || *kind == "embedding"
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g67_a_cleared_span_keeps_nothing_large_of_its_trace() {
        let span = || FinishedSpan::builder("tool", "Search").name("a name");
        let with_metadata = || span().metadata("tenant", "acme").build();
        let mut spans = [span().build(), with_metadata(), with_metadata()];
        let small = Arc::clone(&spans[0].head.trace);
        let large = Arc::downgrade(&spans[1].head.trace);
        FinishedSpan::clear_all(&mut spans);
        assert!(Arc::ptr_eq(&spans[0].head.trace, &small), "not worth another count");
        assert!(large.upgrade().is_none());
        assert!(spans.iter().all(|span| span.head.name.is_none()));
    }
}
