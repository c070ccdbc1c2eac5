//! What is known of a call before its span is made.

use std::cell::Cell;

use crate::{Key, Value, ValueRef, attributes::Attributes};

/// Attributes given with a call, as they were given: limits apply when there is a span.
#[derive(Debug, Default)]
pub(crate) struct Metadata(Vec<Given>);

thread_local! {
    /// An empty list that the next call of this thread may fill, so that it need not allocate one.
    static SPARE: Cell<Vec<Given>> = const { Cell::new(Vec::new()) };
}

/// How many attributes the spare list may have room for.
const MOST_SPARE: usize = 64;

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
            if self.0.capacity() == 0 {
                self.0 = SPARE.try_with(Cell::take).unwrap_or_default();
            }
            self.0.push(Given { key, value, content });
        }
    }

    pub(crate) fn add_to(mut self, attributes: &mut Attributes) {
        for Given { key, value, content } in self.0.drain(..) {
            if content {
                attributes.set_content(key, value);
            } else {
                attributes.set(key, value);
            }
        }
        if (1..=MOST_SPARE).contains(&self.0.capacity()) {
            let _ = SPARE.try_with(|spare| spare.set(self.0));
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
