//! What is known of a call before its span is made.

use crate::{Key, Value, ValueRef, attributes::Attributes};

/// Attributes given with a call, as they were given: limits apply when there is a span.
#[derive(Debug, Default)]
pub(crate) struct Metadata(Vec<Given>);

#[derive(Debug)]
struct Given {
    key: Key,
    value: Value,
    content: bool,
}

impl Metadata {
    #[inline]
    pub(crate) fn add(&mut self, key: Key, value: Option<Value>, content: bool) {
        if let Some(value) = value {
            self.0.push(Given { key, value, content });
        }
    }

    pub(crate) fn add_to(self, attributes: &mut Attributes) {
        for Given { key, value, content } in self.0 {
            if content {
                attributes.set_content(key, value);
            } else {
                attributes.set(key, value);
            }
        }
    }
}

/// A call as [`Traceable::should_create_span`](crate::Traceable::should_create_span) sees it.
#[derive(Debug)]
pub struct CallInfo<'a> {
    method: &'a str,
    metadata: &'a Metadata,
    skip: bool,
}

impl<'a> CallInfo<'a> {
    pub(crate) fn new(method: &'a str, metadata: &'a Metadata, skip: bool) -> Self {
        Self { method, metadata, skip }
    }

    /// The method that is called.
    pub fn method(&self) -> &str {
        self.method
    }

    /// An attribute given with the call; the last one of that key.
    pub fn metadata(&self, key: &str) -> Option<ValueRef<'_>> {
        let given = self.metadata.0.iter().rev().find(|given| *given.key == *key)?;
        Some(ValueRef::from(&given.value))
    }

    /// What happens when a component does not decide: there is a span unless the call asked to be
    /// skipped.
    pub fn default_decision(&self) -> bool {
        !self.skip
    }
}
