//! Where a span belongs, and how it starts.

use std::sync::Arc;

use crate::{
    Component, Key, Parent, SpanContext, SpanId, TracerProvider,
    attributes::Attributes,
    context::{
        chain::{Depth, Link},
        flow::{Current, Innermost},
    },
    parent,
    provider::{
        Inner, dispatch, global,
        trace_record::{Trace, TraceInfo},
    },
    span::{
        pool,
        record::{Head, Record},
    },
};

/// Where a span belongs: its trace, its parent and what encloses it.
#[derive(Debug)]
pub(crate) struct Origin {
    trace: Arc<Trace>,
    parent: Option<SpanId>,
    local_root: bool,
    link: Link,
    depth: Depth,
}

impl Origin {
    /// Where a span of `component` that starts in `current` belongs. `None` when its provider does
    /// not record.
    pub(crate) fn find(
        component: &Component,
        given: Option<&Parent>,
        current: Current,
    ) -> Option<Self> {
        Self::of_workflow(component, given, current, TraceInfo::default())
    }

    /// As [`find`](Self::find); `info` is what a new trace says about itself.
    pub(crate) fn of_workflow(
        component: &Component,
        given: Option<&Parent>,
        current: Current,
        info: TraceInfo,
    ) -> Option<Self> {
        match parent::choose(component, given, &current) {
            Innermost::Local(parent) => Self::under(&parent, current),
            Innermost::Remote(parent) => {
                let provider = provider_of_root(component, &current)?;
                Self::first(&provider, Some(&parent), info)
            }
            Innermost::None => {
                let provider = provider_of_root(component, &current)?;
                Self::first(&provider, None, info)
            }
        }
    }

    fn under(parent: &Arc<Record>, current: Current) -> Option<Self> {
        let head = parent.head();
        if !head.trace.provider.is_recording() {
            return None;
        }
        // The chain is that of this context as long as it stays within one trace.
        let enclosing = match current.innermost {
            Innermost::Local(innermost) if innermost.head().trace.id == head.trace.id => innermost,
            _ => Arc::clone(parent),
        };
        let (link, depth) = Link::within(enclosing);
        let trace = Arc::clone(&head.trace);
        Some(Self { trace, parent: Some(head.id), local_root: false, link, depth })
    }

    fn first(provider: &Arc<Inner>, parent: Option<&SpanContext>, info: TraceInfo) -> Option<Self> {
        if !provider.is_recording() {
            return None;
        }
        Some(Self {
            trace: Arc::new(Trace::start(provider, parent, info)),
            parent: parent.and_then(SpanContext::span_id),
            local_root: true,
            link: Link::None,
            depth: Depth::default(),
        })
    }
}

fn provider_of_root(component: &Component, current: &Current) -> Option<Arc<Inner>> {
    match component.provider().map(TracerProvider::inner).or(current.provider()) {
        Some(inner) => Some(Arc::clone(inner)),
        None => global::provider_if_recording(),
    }
}

/// Starts a span: `fill` adds its attributes, then processors hear of it.
pub(crate) fn start(
    origin: Origin,
    component: Component,
    method: Key,
    name: Option<Key>,
    fill: impl FnOnce(&mut Attributes),
) -> Arc<Record> {
    let Origin { trace, parent, local_root, link, depth } = origin;
    let sampled = trace.sampled;
    let mut record = pool::take();
    if let Some(record) = Arc::get_mut(&mut record) {
        let body = record.body_mut();
        body.attributes.set_limits(trace.limits);
        if sampled {
            fill(&mut body.attributes);
        }
        let id = trace.provider.new_span_id();
        let start = trace.provider.clock().now();
        record.fill(Head {
            id,
            parent,
            trace,
            component,
            method,
            name,
            start,
            local_root,
            link,
            depth,
        });
    }
    record.head().component.span_started(&record);
    if sampled {
        dispatch::started(&record);
    }
    record
}
