//! What is fixed when a span starts.

use std::sync::Arc;

use crate::{Component, Key, SpanId, clock::Ticks, provider::trace_record::Trace};

/// What is fixed when a span starts, and goes along when it is finished.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) trace: Arc<Trace>,
    pub(crate) component: Component,
    pub(crate) method: Key,
    /// A manual span's own name; other spans' names follow from kind, component and method.
    pub(crate) name: Option<Box<Key>>,
    pub(crate) start: Ticks,
    /// Whether it has no parent in this process: a trace's root, or the first span that a remote
    /// parent leads to here.
    pub(crate) local_root: bool,
}
