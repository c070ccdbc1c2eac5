//! Span data fixed at start.

use std::{mem, sync::Arc};

use raaf_trace_model::{
    attributes::Key,
    id::SpanId,
    span::{FinishedSpan, SpanBody, SpanHead},
};

use crate::{
    component::Component,
    provider::{clock::Ticks, running_trace::RunningTrace},
};

/// Span data fixed at start, with its component and trace.
#[derive(Clone, Debug)]
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
}

/// Parts of a head that may be moved out, while the trace stays.
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
        let Self { id, parent, trace, component, method, name, start, local_root } = self;
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

    /// Moves the finished span out. The caller adds its outcome.
    #[inline]
    pub(crate) fn finish(self, body: &mut SpanBody, end: Ticks) -> FinishedSpan {
        let end = self.trace.time_of(end);
        FinishedSpan::from_parts(self.take(), mem::take(body), end)
    }
}
