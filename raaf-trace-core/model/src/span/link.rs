//! Links to other spans.

use crate::{
    attributes::{Attributes, SpanLimits},
    propagation::SpanContext,
};

/// A link from a span to another one that caused it without enclosing it: the messages of a batch,
/// the resumed run, the evaluated span.
#[derive(Clone, Debug)]
pub struct Link {
    context: SpanContext,
    attributes: Attributes,
}

impl Link {
    /// Creates a link to the span with that context.
    pub fn new(context: SpanContext, attributes: Attributes) -> Self {
        Self { context, attributes }
    }

    /// Returns the context of the other span.
    pub fn context(&self) -> &SpanContext {
        &self.context
    }

    /// Returns the link's attributes.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    pub(super) fn attributes_mut(&mut self) -> &mut Attributes {
        &mut self.attributes
    }

    /// Applies limits to a link that was created before they were known.
    pub(super) fn limited(self, limits: SpanLimits) -> Self {
        let mut attributes = Attributes::with_limits(limits);
        attributes.merge(self.attributes);
        Self { attributes, ..self }
    }
}
