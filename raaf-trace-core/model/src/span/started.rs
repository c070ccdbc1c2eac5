//! A span that has started.

use std::fmt;

use super::{SpanHead, TreeSpan, head::head_accessors};
use crate::attributes::{Attributes, IntoValue, Key};

/// A span that has started and not ended: what processors receive before the traced work runs, and
/// what trace files tell of spans that never ended.
#[derive(Clone)]
pub struct StartedSpan {
    pub(super) head: SpanHead,
    attributes: Attributes,
}

head_accessors!(StartedSpan);

impl StartedSpan {
    /// Puts a started span together from its parts.
    pub fn from_parts(head: SpanHead, attributes: Attributes) -> Self {
        Self { head, attributes }
    }

    /// Takes the span apart.
    pub fn into_parts(self) -> (SpanHead, Attributes) {
        (self.head, self.attributes)
    }

    /// Returns the attributes that the span starts with, without secrets.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// Adds an attribute to the span, as the first of several processors may do for those that come
    /// after it. Has no effect on the span where this is a copy, as behind a worker.
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
