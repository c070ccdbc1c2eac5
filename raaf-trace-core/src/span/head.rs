//! What is fixed when a span starts.

use std::{mem, sync::Arc};

use raaf_trace_model::{
    attributes::Key,
    id::SpanId,
    span::{FinishedSpan, SpanBody, SpanHead},
};

use crate::{
    base::process::MadeIn,
    component::Component,
    provider::{clock::Ticks, running_trace::RunningTrace},
};

/// What is fixed when a span starts, with the component and the trace behind it.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) trace: Arc<RunningTrace>,
    pub(crate) component: Component,
    pub(crate) method: Key,
    /// A manual span's own name; other spans' names follow from kind, component and method.
    pub(crate) name: Option<Box<Key>>,
    pub(crate) start: Ticks,
    /// Whether it has no parent in this process: a trace's root, or the first span that a remote
    /// parent leads to here.
    pub(crate) local_root: bool,
    /// A span that was open at a fork is its parent's to end.
    pub(crate) made_in: MadeIn,
}

/// A head whose own parts may be moved out, while the trace stays.
pub(crate) struct HeadParts<'a> {
    pub(crate) trace: &'a RunningTrace,
    id: SpanId,
    parent: Option<SpanId>,
    component: &'a Component,
    method: &'a mut Key,
    name: &'a mut Option<Box<Key>>,
    start: Ticks,
    local_root: bool,
}

impl Head {
    /// Returns the data of this head, which outlives the engine.
    pub(crate) fn to_data(&self) -> SpanHead {
        self.clone().parts_mut().take()
    }

    #[inline]
    pub(crate) fn parts_mut(&mut self) -> HeadParts<'_> {
        let Self { id, parent, trace, component, method, name, start, local_root, .. } = self;
        let (id, parent, start, local_root) = (*id, *parent, *start, *local_root);
        HeadParts { trace, id, parent, component, method, name, start, local_root }
    }
}

impl HeadParts<'_> {
    #[inline]
    fn take(self) -> SpanHead {
        SpanHead {
            span_id: self.id,
            parent_id: self.parent,
            trace: Arc::clone(&self.trace.data),
            component: Arc::clone(self.component.info()),
            method: mem::replace(self.method, Key::from_static("")),
            name: self.name.take(),
            start: self.trace.time_of(self.start),
            local_root: self.local_root,
        }
    }

    /// Moves the finished span out; how it ended is for the caller to add.
    #[inline]
    pub(crate) fn finish(self, body: &mut SpanBody, end: Ticks) -> FinishedSpan {
        let end = self.trace.time_of(end);
        FinishedSpan::from_parts(self.take(), mem::take(body), end)
    }
}
