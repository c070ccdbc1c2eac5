//! What a tree is made of: spans that have ended, or only started.

use crate::span::{FinishedSpan, SpanHead, StartedSpan};

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
