//! Something that happened at one moment inside a span.

use std::time::SystemTime;

use crate::{
    Key,
    attributes::Attributes,
    clock::{Anchor, Ticks},
};

/// An event as it is kept: its time is a raw clock reading until somebody looks.
#[derive(Clone, Debug)]
pub(crate) struct StoredEvent {
    pub(crate) name: Key,
    pub(crate) at: Ticks,
    pub(crate) attributes: Attributes,
}

/// Something that happened at one moment inside a span, such as an `exception` or a retry.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    stored: &'a StoredEvent,
    anchor: &'a Anchor,
}

impl<'a> Event<'a> {
    pub(crate) fn new(stored: &'a StoredEvent, anchor: &'a Anchor) -> Self {
        Self { stored, anchor }
    }

    /// What happened.
    pub fn name(&self) -> &'a str {
        &self.stored.name
    }

    /// When it happened.
    pub fn time(&self) -> SystemTime {
        self.anchor.time_of(self.stored.at)
    }

    /// What is known about it.
    pub fn attributes(&self) -> &'a Attributes {
        &self.stored.attributes
    }
}
