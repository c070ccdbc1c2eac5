//! One attribute.

use super::{Key, Value, ValueRef};

/// An attribute: key, value, and whether it is content.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeEntry {
    pub(super) key: Key,
    pub(super) value: Value,
    pub(super) content: bool,
    /// Created on demand, only where content is recorded. Ignored when spans are compared.
    pub(super) on_demand: bool,
}

impl AttributeEntry {
    /// Returns the attribute's key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Returns the attribute's value.
    pub fn value(&self) -> ValueRef<'_> {
        self.value.as_ref()
    }

    /// Returns whether the attribute was set as content: a prompt, a completion, a tool's arguments
    /// or result.
    pub fn is_content(&self) -> bool {
        self.content
    }

    /// Returns the value for changes. The caller keeps it within the limits.
    pub(crate) fn value_mut(&mut self) -> &mut Value {
        &mut self.value
    }
}
