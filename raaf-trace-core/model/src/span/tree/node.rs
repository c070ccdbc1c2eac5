//! Spans of a tree: finished, or only started.

use crate::span::{FinishedSpan, SpanHead, StartedSpan};

/// Span that can be part of a tree.
pub trait TreeSpan {
    /// Returns the facts that were fixed when the span started.
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
