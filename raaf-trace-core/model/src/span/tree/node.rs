//! What a tree is made of: spans that have ended, or only started.

use std::time::{Duration, SystemTime};

use crate::{
    id::{SpanId, TraceId},
    kind::Kind,
    span::{FinishedSpan, Record, SpanHead, StartedSpan, Status},
};

/// A span that can be put in a tree.
pub trait TreeSpan {
    /// Returns what was fixed when the span started.
    fn head(&self) -> &SpanHead;

    /// Returns the finished span, if it has ended.
    fn ended(&self) -> Option<&FinishedSpan>;
}

impl TreeSpan for FinishedSpan {
    fn head(&self) -> &SpanHead {
        &self.head
    }
    fn ended(&self) -> Option<&FinishedSpan> {
        Some(self)
    }
}

impl TreeSpan for StartedSpan {
    fn head(&self) -> &SpanHead {
        &self.head
    }
    fn ended(&self) -> Option<&FinishedSpan> {
        None
    }
}

impl<S: TreeSpan + ?Sized> TreeSpan for &S {
    fn head(&self) -> &SpanHead {
        (**self).head()
    }
    fn ended(&self) -> Option<&FinishedSpan> {
        (**self).ended()
    }
}

/// A span of a trace that may still run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SpanNode {
    /// It has ended.
    Ended(Box<FinishedSpan>),
    /// It has started, and its end is not known: it still runs, or did when the program was killed,
    /// or its end was lost.
    Running(Box<StartedSpan>),
}

macro_rules! of_node {
    ($($(#[$doc:meta])* $name:ident -> $type:ty;)*) => { $(
        $(#[$doc])*
        pub fn $name(&self) -> $type {
            match self {
                Self::Ended(span) => span.$name(),
                Self::Running(span) => span.$name(),
            }
        }
    )* };
}

impl SpanNode {
    of_node! {
        /// Returns the trace's id.
        trace_id -> TraceId;
        /// Returns the span's id.
        span_id -> SpanId;
        /// Returns the parent's id; `None` for a root.
        parent_id -> Option<SpanId>;
        /// Returns whether nothing in its process encloses the span.
        is_local_root -> bool;
        /// Returns the kind of the component.
        kind -> &Kind;
        /// Returns the component's name.
        component_name -> &str;
        /// Returns the operation.
        method -> &str;
        /// Returns when the span started.
        start_time -> SystemTime;
    }

    /// Returns how the span ended; `None` if it did not.
    pub fn status(&self) -> Option<Status> {
        self.ended().map(FinishedSpan::status)
    }

    /// Returns how long the span took; `None` if it did not end.
    pub fn duration(&self) -> Option<Duration> {
        self.ended().map(FinishedSpan::duration)
    }

    /// Returns the finished span, if it has ended.
    pub fn ended(&self) -> Option<&FinishedSpan> {
        match self {
            Self::Ended(span) => Some(span),
            Self::Running(_) => None,
        }
    }

    /// Returns the started span, if it has not ended.
    pub fn running(&self) -> Option<&StartedSpan> {
        match self {
            Self::Running(span) => Some(span),
            Self::Ended(_) => None,
        }
    }
}

impl TreeSpan for SpanNode {
    fn head(&self) -> &SpanHead {
        match self {
            Self::Ended(span) => &span.head,
            Self::Running(span) => &span.head,
        }
    }
    fn ended(&self) -> Option<&FinishedSpan> {
        self.ended()
    }
}

impl From<Record> for SpanNode {
    fn from(record: Record) -> Self {
        match record {
            Record::Span(span) => Self::Ended(Box::new(span)),
            Record::Start(span) => Self::Running(Box::new(span)),
        }
    }
}
