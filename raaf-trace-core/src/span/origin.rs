//! Placing a span.

use std::sync;

use crate::{
    component::Component,
    context::{
        chain::{Depth, Link},
        current::{Current, Innermost},
        parent::{self, Named},
    },
    provider::{Inner, TracerProvider, global, running_trace::RunningTrace},
    span::{record::Shared, stray},
};
use raaf_trace_model::{
    attributes::{AttributeLosses, SpanLimits},
    id::SpanId,
    propagation::{Baggage, SpanContext},
    span::{LocalRoot, TraceInfo, TraceSource as _},
};

/// Place of a span in its trace: trace, parent and enclosing spans.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(super) trace: sync::Arc<RunningTrace>,
    pub(super) parent: Option<SpanId>,
    pub(super) local_root: bool,
    /// It is a root, and nothing was handed over to where it starts.
    pub(super) without_context: bool,
    pub(super) link: Link,
    pub(super) depth: Depth,
    /// Id of the span, if it was drawn or given before.
    pub(super) id: Option<SpanId>,
    /// Baggage of which entries become attributes; `None` unless the provider chooses any.
    pub(super) baggage: Option<sync::Arc<Baggage>>,
}

impl Origin {
    /// Finds the place of a span of `component` that starts in `current`: under the named parent,
    /// otherwise by the default rule. `None` when its provider does not record.
    pub(crate) fn find(
        component: &Component,
        named: Option<Named>,
        current: &Current,
    ) -> Option<Self> {
        Self::of_workflow(component, named, current, TraceInfo::default())
    }

    /// Does the same as [`find`](Self::find) with data for a new trace in `info`.
    pub(crate) fn of_workflow(
        component: &Component,
        named: Option<Named>,
        current: &Current,
        info: TraceInfo,
    ) -> Option<Self> {
        let Named { innermost, baggage } =
            named.unwrap_or_else(|| parent::choose(component, current).into());
        let baggage = baggage.as_ref().or(current.baggage());
        let remote = match innermost {
            Innermost::Local(parent) => return Self::under(&parent, current, baggage),
            Innermost::Remote(parent) => Some(parent),
            Innermost::None => None,
        };
        let provider = provider_of_root(component, current)?;
        if !provider.is_recording() {
            return None;
        }
        let remote = remote.or_else(|| provider.outer_parent().map(sync::Arc::new));
        let mut origin = Self::first(&provider, remote.as_deref(), info, baggage);
        origin.without_context = remote.is_none() && stray::is_without_context(component, current);
        let keeps = |around: &Shared| around.head().trace.limits.include_content;
        let keeps = current.innermost.local().is_none_or(keeps);
        Some(origin.with_content(keeps))
    }

    /// Returns the limits of spans in its trace.
    pub(crate) fn limits(&self) -> SpanLimits {
        self.trace.limits
    }

    /// Returns the losses of the trace's own data, if its trace begins here.
    pub(crate) fn losses_of_trace(&self) -> AttributeLosses {
        let info = self.local_root.then(|| &self.trace.data().info);
        info.map(|info| info.metadata.losses()).unwrap_or_default()
    }

    /// Removes content from the span and from spans within it, unless `include`.
    pub(crate) fn with_content(mut self, include: bool) -> Self {
        if !include {
            self.trace = self.trace.without_content();
        }
        self
    }

    /// Sets the id of the span, if one is given.
    pub(crate) fn with_id(mut self, id: Option<SpanId>) -> Self {
        self.id = id;
        self
    }

    /// Records a trace's first span in this process.
    pub(super) fn begin(&mut self, id: SpanId, component: &Component) {
        // A trace that begins here is not shared yet.
        if self.local_root
            && let Some(trace) = sync::Arc::get_mut(&mut self.trace)
        {
            let info = component.info();
            let (mut kind, mut name) = (info.kind.clone(), info.name.clone());
            if trace.limits.cuts_name(component.longest_name()) {
                (kind, name) = (trace.limits.kind(&kind), trace.limits.name(&name));
            }
            trace.set_root(LocalRoot::new(id, self.parent, kind, name));
        }
    }

    fn under(
        parent: &Shared,
        current: &Current,
        baggage: Option<&sync::Arc<Baggage>>,
    ) -> Option<Self> {
        let recording = parent.head().trace.provider.is_recording();
        if !recording {
            return None;
        }
        let head = parent.head();
        head.note_child();
        let innermost = current.innermost.local().unwrap_or(parent);
        let (enclosing, trace) = around(innermost, parent);
        let (link, depth) = Link::within(enclosing);
        let baggage = chosen_of(&trace.provider, baggage);
        Some(Self {
            trace,
            parent: Some(head.id),
            local_root: false,
            without_context: false,
            link,
            depth,
            id: None,
            baggage,
        })
    }

    fn first(
        provider: &sync::Arc<Inner>,
        parent: Option<&SpanContext>,
        info: TraceInfo,
        baggage: Option<&sync::Arc<Baggage>>,
    ) -> Self {
        let baggage = chosen_of(provider, baggage);
        let trace = RunningTrace::start(provider, parent, info, baggage.clone());
        Self {
            trace: sync::Arc::new(trace),
            parent: parent.and_then(SpanContext::span_id),
            local_root: true,
            without_context: false,
            link: Link::None,
            depth: Depth::default(),
            id: None,
            baggage,
        }
    }
}

/// Returns the baggage if the provider chooses entries of it.
fn chosen_of(provider: &Inner, baggage: Option<&sync::Arc<Baggage>>) -> Option<sync::Arc<Baggage>> {
    baggage.filter(|_| provider.copies_baggage()).cloned()
}

fn provider_of_root(component: &Component, current: &Current) -> Option<sync::Arc<Inner>> {
    match component.provider().map(TracerProvider::inner).or(current.provider()) {
        Some(inner) => Some(sync::Arc::clone(inner)),
        None => global::provider_if_recording(),
    }
}

/// Returns whether a provider may record a span that starts in `current`, without a component or a
/// named parent.
pub(crate) fn is_recorded(current: &Current) -> bool {
    match (current.innermost.local(), current.provider()) {
        (Some(parent), _) => parent.head().trace.provider.is_recording(),
        (None, Some(provider)) => provider.is_recording(),
        (None, None) => global::provider_if_recording().is_some(),
    }
}

/// Returns the link of a span that starts under `parent` while `innermost` is current, and the
/// record of its trace. The chain is that of its context while it stays within one trace.
#[inline]
pub(super) fn around<'a>(
    innermost: &'a Shared,
    parent: &'a Shared,
) -> (&'a Shared, sync::Arc<RunningTrace>) {
    let (inner, outer) = (&innermost.head().trace, &parent.head().trace);
    if sync::Arc::ptr_eq(inner, outer) {
        return (innermost, sync::Arc::clone(outer));
    }
    around_across(innermost, parent)
}

/// Leaves content out where either of the two leaves it out, so that inner spans do not record it
/// elsewhere.
#[cold]
fn around_across<'a>(
    innermost: &'a Shared,
    parent: &'a Shared,
) -> (&'a Shared, sync::Arc<RunningTrace>) {
    let (inner, outer) = (&innermost.head().trace, &parent.head().trace);
    let same_trace = inner.id() == outer.id();
    let trace = if inner.limits.include_content {
        sync::Arc::clone(outer)
    } else if same_trace && sync::Arc::ptr_eq(&inner.provider, &outer.provider) {
        sync::Arc::clone(inner)
    } else {
        outer.without_content()
    };
    (if same_trace { innermost } else { parent }, trace)
}
