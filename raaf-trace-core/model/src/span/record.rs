//! Records of trace files: spans that have ended, or only started.

use std::time::Duration;

use super::{FinishedSpan, SpanHead, StartedSpan, Status, TreeSpan, head::head_accessors};

/// Contents of one line of a trace file: a span that has ended, or only started.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Record {
    /// A span has ended. Floats that are not finite remain the strings that the format uses for
    /// them.
    Span(FinishedSpan),
    /// A span has started. In a [tree](super::SpanTree), its end is unknown: it is still running,
    /// was running when the program was killed, or its end was lost.
    Start(StartedSpan),
}

head_accessors!(Record);

impl Record {
    /// Returns the status of the span; `None` if it has not ended.
    pub fn status(&self) -> Option<Status> {
        self.ended().map(FinishedSpan::status)
    }

    /// Returns the duration of the span; `None` if it has not ended.
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
