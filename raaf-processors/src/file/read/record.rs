//! What a line of a trace file says.

use std::time::SystemTime;

use raaf_trace_core::{FinishedSpan, Kind, SpanId, TraceId};

/// What one line says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Record {
    /// A span has ended.
    ///
    /// Everything that the line says comes back, but for what was lost before the span was written:
    /// [`losses`](FinishedSpan::losses) are not counted anew. Floats that are not finite stay the
    /// strings that the format has for them.
    Span(FinishedSpan),
    /// A span has started.
    Start(StartedSpan),
}

impl Record {
    /// The finished span, if it is one.
    pub fn into_span(self) -> Option<FinishedSpan> {
        match self {
            Self::Span(span) => Some(span),
            Self::Start(_) => None,
        }
    }
}

/// What a file says of a span when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedSpan {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent_id: Option<SpanId>,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) component: String,
    pub(super) method: String,
    pub(super) start: SystemTime,
}

impl StartedSpan {
    /// The trace's id.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The span's id.
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// The parent's id; `None` for a root.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.parent_id
    }

    /// The span's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of component runs.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The component's name.
    pub fn component(&self) -> &str {
        &self.component
    }

    /// The operation that runs.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// When it started.
    pub fn start_time(&self) -> SystemTime {
        self.start
    }
}
