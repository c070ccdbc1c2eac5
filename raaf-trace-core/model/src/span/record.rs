//! Spans as trace files tell of them: ended, or only started.

use std::time::Duration;

use super::{FinishedSpan, SpanHead, StartedSpan, Status, TreeSpan, head::head_accessors};

/// What one line of a trace file holds: a span that has ended, or only started.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Record {
    /// A span has ended. Floats that are not finite stay the strings that the format has for them.
    Span(FinishedSpan),
    /// A span has started. In a [tree](super::SpanTree), its end is not known: it still runs, or did
    /// when the program was killed, or its end was lost.
    Start(StartedSpan),
}

head_accessors!(Record);

impl Record {
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
            Self::Span(span) => Some(span),
            Self::Start(_) => None,
        }
    }

    /// Returns the started span, if it has not ended.
    pub fn running(&self) -> Option<&StartedSpan> {
        match self {
            Self::Start(span) => Some(span),
            Self::Span(_) => None,
        }
    }

    /// Returns the finished span, if it has ended.
    pub fn into_span(self) -> Option<FinishedSpan> {
        match self {
            Self::Span(span) => Some(span),
            Self::Start(_) => None,
        }
    }
}

impl TreeSpan for Record {
    fn head(&self) -> &SpanHead {
        match self {
            Self::Span(span) => &span.head,
            Self::Start(span) => &span.head,
        }
    }
    fn ended(&self) -> Option<&FinishedSpan> {
        self.ended()
    }
}
