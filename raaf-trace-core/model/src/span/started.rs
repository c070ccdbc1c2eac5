//! Started spans.

use std::fmt;

use super::{SpanHead, TreeSpan, head::head_accessors};
use crate::attributes::{Attributes, IntoValue, Key};

/// A span that has started but not ended, as processors receive it before the traced work runs, and
/// as trace files record spans without an end.
#[derive(Clone)]
pub struct StartedSpan {
    pub(super) head: SpanHead,
    attributes: Attributes,
}

head_accessors!(StartedSpan);

impl StartedSpan {
    /// Creates a started span from its parts.
    pub fn from_parts(head: SpanHead, attributes: Attributes) -> Self {
        Self { head, attributes }
    }

    /// Splits the span into its parts.
    pub fn into_parts(self) -> (SpanHead, Attributes) {
        (self.head, self.attributes)
    }

    /// Returns the attributes at the span's start, without secrets.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// Sets an attribute of the span, visible to the processors that follow. Has no effect on the
    /// span if this is a copy, as behind a worker.
    pub fn set_attribute(&mut self, key: impl Into<Key>, value: impl IntoValue) -> &mut Self {
        self.attributes.set(key, value);
        self
    }
}

impl fmt::Debug for StartedSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedSpan")
            .field("trace_id", &self.trace_id())
            .field("span_id", &self.span_id())
            .field("parent_id", &self.parent_id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
