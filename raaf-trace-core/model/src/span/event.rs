//! Span events.

use std::time::SystemTime;

use crate::{
    attributes::{Attributes, Key},
    time::Timestamp,
};

/// An event at one point in time within a span, such as an `exception` or a retry.
#[derive(Clone, Debug)]
pub struct Event {
    name: Key,
    time: Timestamp,
    attributes: Attributes,
}

impl Event {
    /// Creates an event.
    pub fn new(name: impl Into<Key>, time: Timestamp, attributes: Attributes) -> Self {
        Self { name: name.into(), time, attributes }
    }

    /// Returns the event's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the event's time.
    pub fn time(&self) -> SystemTime {
        self.time.into()
    }

    pub(super) fn timestamp(&self) -> Timestamp {
        self.time
    }

    /// Returns the event's attributes.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    pub(super) fn attributes_mut(&mut self) -> &mut Attributes {
        &mut self.attributes
    }
}
