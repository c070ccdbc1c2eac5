//! Span contexts.

use std::fmt;

use super::{TraceFlags, TraceParent, TraceState};
use crate::id::{SpanId, TraceId};

/// Identification of a span for other spans and processes: its ids, the sampling decision of its
/// trace, and vendor data. Read from a `traceparent` header, or created from ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanContext {
    trace_id: TraceId,
    span_id: Option<SpanId>,
    sampled: Option<bool>,
    /// Flags other than the sampling decision.
    flags: TraceFlags,
    trace_state: TraceState,
}

impl SpanContext {
    /// Creates the context of a span from its ids.
    pub fn new(trace_id: TraceId, span_id: SpanId) -> Self {
        Self { span_id: Some(span_id), ..Self::of_trace(trace_id) }
    }

    /// Creates the context of a trace without a span. A span under it is the root of the trace.
    pub fn of_trace(trace_id: TraceId) -> Self {
        Self {
            trace_id,
            span_id: None,
            sampled: None,
            flags: TraceFlags::default(),
            trace_state: TraceState::default(),
        }
    }

    /// Sets the sampling decision. Without it, this process decides.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{SpanId, TraceId, propagation::SpanContext};
    ///
    /// let context = SpanContext::new(TraceId::random(), SpanId::random());
    /// assert_eq!(context.sampled(), None); // this process decides
    /// assert_eq!(context.with_sampled(false).sampled(), Some(false));
    /// ```
    #[must_use]
    pub fn with_sampled(mut self, sampled: bool) -> Self {
        self.sampled = Some(sampled);
        self
    }

    /// Sets the flags, including the sampling decision.
    #[must_use]
    pub fn with_flags(mut self, flags: TraceFlags) -> Self {
        self.flags = flags.with_sampled(false);
        self.with_sampled(flags.is_sampled())
    }

    /// Sets the vendor data to propagate.
    #[must_use]
    pub fn with_trace_state(mut self, trace_state: TraceState) -> Self {
        self.trace_state = trace_state;
        self
    }

    /// Returns the trace's id.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns the span's id; `None` when only the trace is known.
    pub fn span_id(&self) -> Option<SpanId> {
        self.span_id
    }

    /// Returns the sampling decision; `None` while there is none.
    pub fn sampled(&self) -> Option<bool> {
        self.sampled
    }

    /// Returns the flags as in `traceparent`. The trace counts as sampled unless the decision is
    /// negative.
    pub fn flags(&self) -> TraceFlags {
        self.flags.with_sampled(self.sampled.unwrap_or(true))
    }

    /// Returns the vendor data to propagate.
    pub fn trace_state(&self) -> &TraceState {
        &self.trace_state
    }

    /// Returns the value of a `traceparent` header; `None` when no span is known.
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
