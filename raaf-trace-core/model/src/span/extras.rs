//! What few spans have.

use std::sync::Arc;

use smol_str::SmolStr;

use super::{Link, SpanHead};
use crate::{
    attributes::{Key, SpanLimits},
    kind::Kind,
    time::Timestamp,
};

/// What few spans have, kept apart so that all others stay small.
#[derive(Clone, Debug, Default)]
pub struct SpanExtras {
    /// References to other spans, in the order in which they were added.
    pub links: Vec<Link>,
    /// Links beyond the limit.
    pub dropped_links: u32,
    /// What replaces parts of the head when the span ends.
    pub changes: HeadChanges,
}

impl SpanExtras {
    /// Adds a link within `limits`, unless the span already has as many as it may.
    pub fn add_link(&mut self, limits: SpanLimits, link: Link) {
        if self.links.len() >= limits.max_links as usize {
            self.dropped_links = self.dropped_links.saturating_add(1);
        } else {
            self.links.push(link.limited(limits));
        }
    }
}

/// Parts of a [`SpanHead`] that were given after the span started, or by a clock of somebody else.
#[derive(Clone, Debug, Default)]
pub struct HeadChanges {
    /// What kind of component ran.
    pub kind: Option<Kind>,
    /// The component's name.
    pub component_name: Option<SmolStr>,
    /// The operation that ran.
    pub method: Option<Key>,
    /// The span's own name.
    pub name: Option<Key>,
    /// When the span started.
    pub start: Option<Timestamp>,
    /// When the span ended.
    pub end: Option<Timestamp>,
}

impl HeadChanges {
    /// Puts what was changed into `head`. The end is not part of it.
    pub fn apply_to(&self, head: &mut SpanHead) {
        if let Some(kind) = &self.kind {
            Arc::make_mut(&mut head.component).kind = kind.clone();
        }
        if let Some(name) = &self.component_name {
            Arc::make_mut(&mut head.component).name = name.clone();
        }
        if let Some(method) = &self.method {
            head.method = method.clone();
        }
        if let Some(name) = &self.name {
            head.name = Some(Box::new(name.clone()));
        }
        if let Some(start) = self.start {
            head.start = start;
        }
    }
}
