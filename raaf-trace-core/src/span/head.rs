//! Span data fixed at start.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use raaf_trace_model::{
    attributes::Key,
    id::SpanId,
    span::{SpanFacts, SpanHead},
};

use crate::{
    base::process::MadeIn,
    component::Component,
    provider::{clock::Ticks, running_trace::RunningTrace},
};

/// Span data fixed at start, with its component and trace.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) trace: Arc<RunningTrace>,
    pub(crate) component: Component,
    pub(crate) method: Key,
    /// Name of a manual span; other spans' names are made of kind, component and method.
    pub(crate) name: Option<Box<Key>>,
    pub(crate) start: Ticks,
    /// `true` if the span has no parent in this process: the root of a trace, or the first span
    /// here under a remote parent.
    pub(crate) local_root: bool,
    /// `true` once a span has started within it.
    pub(crate) has_children: AtomicBool,
    /// A span that was open at a fork is its parent's to end.
    pub(crate) made_in: MadeIn,
}

impl Head {
    /// Returns the data of this head, which outlives the engine.
    pub(crate) fn to_data(&self) -> SpanHead {
        self.facts(self.start).to_head()
    }

    /// Returns what is fixed about the finished span.
    #[inline]
    pub(crate) fn facts(&self, end: Ticks) -> SpanFacts<'_> {
        SpanFacts {
            span_id: self.id,
            parent_id: self.parent,
            trace: &*self.trace,
            component: self.component.info(),
            method: &self.method,
            name: self.name.as_deref(),
            start: self.trace.time_of(self.start),
            end: self.trace.time_of(end),
            local_root: self.local_root,
            has_children: self.has_children(),
        }
    }

    /// Records that a span starts within it.
    #[inline]
    pub(crate) fn note_child(&self) {
        if !self.has_children() {
            self.has_children.store(true, Ordering::Relaxed);
        }
    }

    fn has_children(&self) -> bool {
        self.has_children.load(Ordering::Relaxed)
    }

    /// Returns whether one of its names is beyond the limit.
    #[inline]
    pub(crate) fn has_long_name(&self) -> bool {
        let longest = self.component.longest_name().max(self.method.len());
        let limits = &self.trace.limits;
        limits.cuts_name(longest)
            || self.name.as_ref().is_some_and(|name| limits.cuts_name(name.len()))
    }
}
