//! What is fixed when a span starts.

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
}

impl Head {
    /// Returns the data of this head, which outlives the engine.
    pub(crate) fn to_data(&self) -> SpanHead {
        SpanHead {
            span_id: self.id,
            parent_id: self.parent,
            trace: Arc::clone(&self.trace.data),
            component: Arc::clone(self.component.info()),
            method: self.method.clone(),
            name: self.name.clone(),
            start: self.trace.time_of(self.start),
            local_root: self.local_root,
        }
    }

    /// Moves the body out into the finished span; how it ended is for the caller to add.
    pub(crate) fn finish(&self, body: &mut SpanBody, end: Ticks) -> FinishedSpan {
        FinishedSpan::from_parts(self.to_data(), mem::take(body), self.trace.time_of(end))
    }

    /// As [`finish`](Self::finish), over a span that is not needed any more, whose memory the body
    /// gets: nothing is moved that was written a moment ago.
    #[inline]
    pub(crate) fn finish_over(&self, span: &mut FinishedSpan, body: &mut SpanBody, end: Ticks) {
        span.write_over(body, self.trace.time_of(end), |head| {
            head.span_id = self.id;
            head.parent_id = self.parent;
            head.trace = Arc::clone(&self.trace.data);
            head.component = Arc::clone(self.component.info());
            head.method = self.method.clone();
            head.name.clone_from(&self.name);
            head.start = self.trace.time_of(self.start);
            head.local_root = self.local_root;
        });
    }
}
