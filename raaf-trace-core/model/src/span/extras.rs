//! Rarely used span fields.

use std::sync::Arc;

use smol_str::SmolStr;

use super::{Link, SpanHead};
use crate::{
    attributes::{Key, SpanLimits},
    kind::Kind,
    time::Timestamp,
};

/// Rarely used span fields, allocated on demand to keep spans small.
#[derive(Clone, Debug, Default)]
pub struct SpanExtras {
    /// Links to other spans, in the order they were added.
    pub links: Vec<Link>,
    /// Number of links beyond the limit.
    pub dropped_links: u32,
    /// Changes to the head, applied when the span ends.
    pub changes: HeadChanges,
}

impl SpanExtras {
    /// Adds a link within `limits`, unless the limit of links is reached.
    pub fn add_link(&mut self, limits: SpanLimits, link: Link) {
        if self.links.len() >= limits.max_links as usize {
            self.dropped_links = self.dropped_links.saturating_add(1);
        } else {
            self.links.push(link.limited(limits));
        }
    }
}

/// Changes to a [`SpanHead`] after the span started, or times of another clock.
#[derive(Clone, Debug, Default)]
pub struct HeadChanges {
    /// Kind of the component.
    pub kind: Option<Kind>,
    /// Name of the component.
    pub component_name: Option<SmolStr>,
    /// Method.
    pub method: Option<Key>,
    /// Name of the span.
    pub name: Option<Key>,
    /// Start time.
    pub start: Option<Timestamp>,
    /// End time.
    pub end: Option<Timestamp>,
}

impl HeadChanges {
    /// Cuts names to their limit. Returns the number of cuts.
    pub fn fit(&mut self, limits: SpanLimits) -> u32 {
        let Self { kind, component_name, method, name, .. } = self;
        let mut cuts = 0;
        if let Some(kind) = kind.as_mut().filter(|kind| limits.cuts_name(kind.custom_len())) {
            *kind = limits.kind(kind);
            cuts += 1;
        }
        if let Some(name) = component_name.as_mut().filter(|name| limits.cuts_name(name.len())) {
            *name = limits.name(name);
            cuts += 1;
        }
        cuts + [method, name].into_iter().flatten().map(|name| limits.fit_name(name)).sum::<u32>()
    }

    /// Applies the changes to `head`, except the end time.
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
