//! The part of a span that travels between processes.

use std::fmt;

use super::{TraceFlags, TraceParent, TraceState};
use crate::id::{SpanId, TraceId};

/// What identifies a span to others: its ids, whether its trace is sampled, and the vendor data
/// that travels along. It comes from a `traceparent` header, or from ids that somebody gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanContext {
    trace_id: TraceId,
    span_id: Option<SpanId>,
    sampled: Option<bool>,
    /// What the flags say apart from that.
    flags: TraceFlags,
    trace_state: TraceState,
}

impl SpanContext {
    /// A span known by its ids only.
    pub fn new(trace_id: TraceId, span_id: SpanId) -> Self {
        Self { span_id: Some(span_id), ..Self::of_trace(trace_id) }
    }

    /// A trace known by its id only: a span under it is the trace's root.
    pub fn of_trace(trace_id: TraceId) -> Self {
        Self {
            trace_id,
            span_id: None,
            sampled: None,
            flags: TraceFlags::default(),
            trace_state: TraceState::default(),
        }
    }

    /// The same, with the decision whether the trace is sampled; without it, this process decides.
    #[must_use]
    pub fn with_sampled(mut self, sampled: bool) -> Self {
        self.sampled = Some(sampled);
        self
    }

    /// The same, with those flags, and so with a decision whether the trace is sampled.
    #[must_use]
    pub fn with_flags(mut self, flags: TraceFlags) -> Self {
        self.flags = flags.with_sampled(false);
        self.with_sampled(flags.is_sampled())
    }

    /// The same, with vendor data to pass on.
    #[must_use]
    pub fn with_trace_state(mut self, trace_state: TraceState) -> Self {
        self.trace_state = trace_state;
        self
    }

    /// The trace's id.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The span's id; `None` when only the trace is known.
    pub fn span_id(&self) -> Option<SpanId> {
        self.span_id
    }

    /// Whether the trace is sampled, where that is decided.
    pub fn sampled(&self) -> Option<bool> {
        self.sampled
    }

    /// The flags as `traceparent` has them: sampled, unless it is decided that the trace is not.
    pub fn flags(&self) -> TraceFlags {
        self.flags.with_sampled(self.sampled.unwrap_or(true))
    }

    /// The vendor data that travels along.
    pub fn trace_state(&self) -> &TraceState {
        &self.trace_state
    }

    /// The value of a `traceparent` header; `None` when no span is known.
    pub fn trace_parent(&self) -> Option<TraceParent> {
        let flags = self.flags();
        Some(TraceParent { trace_id: self.trace_id, span_id: self.span_id?, flags })
    }
}

impl From<TraceParent> for SpanContext {
    fn from(parent: TraceParent) -> Self {
        Self::new(parent.trace_id, parent.span_id).with_flags(parent.flags)
    }
}

impl fmt::Display for SpanContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.span_id {
            Some(span_id) => write!(f, "{}/{span_id}", self.trace_id),
            None => write!(f, "{}", self.trace_id),
        }
    }
}
