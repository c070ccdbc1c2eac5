//! Spans that only their thread knows.

use std::sync::{Arc, atomic::AtomicBool};

use raaf_trace_model::{
    attributes::Key,
    id::{SpanId, TraceId},
    span::{ComponentInfo, SpanBody, SpanFacts, SpanHead},
};

use crate::{
    base::process::MadeIn,
    component::{Component, table::ComponentNumber},
    context::{published::Facts, stack::TraceNumber},
    provider::{clock::Ticks, running_trace::RunningTrace},
    span::head::Head,
};

/// An open span of a synchronous call, as long as nothing else refers to it: words that refer to
/// tables of its thread, so that nothing is counted. When somebody takes the span elsewhere, such as
/// in a captured context, it becomes a shared record.
// Each is an independent fact, not a state.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) trace: TraceNumber,
    pub(crate) component: ComponentNumber,
    /// Address that identifies the component.
    pub(crate) address: usize,
    pub(crate) method: Key,
    pub(crate) start: Ticks,
    /// `true` if the chain of enclosing spans goes on below.
    pub(crate) linked: bool,
    pub(crate) local_root: bool,
    pub(crate) has_children: bool,
    pub(crate) sampled: bool,
    /// `true` if code of the user is called for its id, or by processors when it starts, or if it gets
    /// entries of the baggage.
    pub(crate) waits: bool,
    /// `true` once the start time is set and counted.
    pub(crate) has_started: bool,
    pub(crate) made_in: MadeIn,
    pub(crate) body: SpanBody,
}

impl Frame {
    /// Creates a frame to be written over.
    #[cold]
    pub(crate) fn blank() -> Box<Self> {
        Box::new(Self {
            id: SpanId::MIN,
            parent: None,
            trace: TraceNumber::default(),
            component: ComponentNumber::default(),
            address: 0,
            method: Key::from_static(""),
            start: Ticks::default(),
            linked: false,
            local_root: false,
            has_children: false,
            sampled: false,
            waits: false,
            has_started: false,
            made_in: MadeIn::here(),
            body: SpanBody::default(),
        })
    }

    /// Returns what other threads need.
    #[inline]
    pub(crate) fn published(&self, trace_id: TraceId) -> Facts {
        Facts { component: self.address, span_id: self.id, trace_id, start: self.start }
    }

    /// Sets the start time, and counts the start.
    #[inline]
    pub(crate) fn start(&mut self, trace: &RunningTrace) {
        self.has_started = true;
        self.start = trace.provider.clock().now();
        if self.sampled {
            trace.provider.counts().span_started();
        }
    }

    /// Returns the head of the shared record that it becomes.
    pub(crate) fn to_head(&self, trace: Arc<RunningTrace>, component: Component) -> Head {
        Head {
            id: self.id,
            parent: self.parent,
            trace,
            component,
            method: self.method.clone(),
            name: None,
            start: self.start,
            local_root: self.local_root,
            has_children: AtomicBool::new(self.has_children),
            made_in: self.made_in.clone(),
        }
    }

    /// Returns the data for processors that receive starts.
    pub(crate) fn head_data(&mut self, parts: (&RunningTrace, &Arc<ComponentInfo>)) -> SpanHead {
        self.facts(parts, self.start).0.to_head()
    }

    /// Returns what is fixed about the finished span, and its body.
    #[inline]
    pub(crate) fn facts<'a>(
        &'a mut self,
        (trace, component): (&'a RunningTrace, &'a Arc<ComponentInfo>),
        end: Ticks,
    ) -> (SpanFacts<'a>, &'a mut SpanBody) {
        let facts = SpanFacts {
            span_id: self.id,
            parent_id: self.parent,
            trace,
            component,
            method: &self.method,
            name: None,
            start: trace.time_of(self.start),
            end: trace.time_of(end),
            local_root: self.local_root,
            has_children: self.has_children,
        };
        (facts, &mut self.body)
    }
}
