//! What all spans of one trace share.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::{
    Component, Key, Kind, Redactor, SpanContext, SpanId, SpanLimits, TraceId,
    attributes::Attributes, clock::Anchor, propagation::TraceState, provider::Inner,
};

/// One trace in this process. Every span refers to it, since children are exported before their
/// root.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) id: TraceId,
    pub(crate) sampled: bool,
    pub(crate) provider: Arc<Inner>,
    pub(crate) limits: SpanLimits,
    /// Ties the monotonic clock to wall time, once a trace.
    pub(crate) anchor: Anchor,
    pub(crate) state: TraceState,
    pub(crate) info: TraceInfo,
    pub(crate) root: Option<LocalRoot>,
}

impl Trace {
    /// Starts a trace, or this process's part of a remote one.
    pub(crate) fn start(
        provider: &Arc<Inner>,
        remote: Option<&SpanContext>,
        info: TraceInfo,
    ) -> Self {
        let id = remote.map_or_else(|| provider.new_trace_id(), SpanContext::trace_id);
        let decided = remote.and_then(SpanContext::sampled);
        Self {
            id,
            sampled: decided.unwrap_or_else(|| provider.sampler().sample(id)),
            provider: Arc::clone(provider),
            limits: provider.limits(),
            anchor: provider.clock().anchor(),
            state: remote.map(|remote| remote.trace_state().clone()).unwrap_or_default(),
            info: info.kept_by(provider),
            root: None,
        }
    }

    /// The same trace without the secrets that `redactor` finds; `None` if there are none.
    pub(crate) fn redacted(&self, redactor: &Redactor) -> Option<Arc<Self>> {
        if self.info.metadata.is_empty() {
            return None;
        }
        let mut metadata = self.info.metadata.clone();
        if redactor.redact(&mut metadata, 0) == 0 {
            return None;
        }
        let mut trace = self.clone();
        trace.info.metadata = metadata;
        Some(Arc::new(trace))
    }

    /// The same trace for spans that keep no content. Spans that start within one of those refer
    /// to this record too, and so keep none either.
    pub(crate) fn without_content(self: &Arc<Self>) -> Arc<Self> {
        if !self.limits.include_content {
            return Arc::clone(self);
        }
        let limits = self.limits.with_content(false);
        Arc::new(Self { limits, ..Self::clone(self) })
    }
}

/// The first span of a trace in this process, which encloses all others here.
///
/// Children end first, so a sink receives them before it receives this span; what it has to know
/// of it in advance is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalRoot {
    id: SpanId,
    kind: Kind,
    name: SmolStr,
    is_root: bool,
}

impl LocalRoot {
    pub(crate) fn new(id: SpanId, parent: Option<SpanId>, component: &Component) -> Self {
        Self {
            id,
            kind: component.kind().clone(),
            name: SmolStr::new(component.name()),
            is_root: parent.is_none(),
        }
    }

    /// Its id.
    pub fn span_id(&self) -> SpanId {
        self.id
    }

    /// What kind of component it stands for.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The name of its component.
    pub fn component_name(&self) -> &str {
        &self.name
    }

    /// Whether it is the root of the whole trace: nothing in another process encloses it.
    pub fn is_root(&self) -> bool {
        self.is_root
    }
}

/// What a trace says about itself: the name of the workflow, the group it belongs to (a
/// conversation, a job), and whatever else was given to [`trace`](crate::trace()).
#[derive(Clone, Debug, Default)]
pub struct TraceInfo {
    pub(crate) workflow_name: Option<Key>,
    pub(crate) group_id: Option<Key>,
    pub(crate) metadata: Attributes,
}

impl TraceInfo {
    /// The same within the provider's limits and without secrets.
    fn kept_by(mut self, provider: &Inner) -> Self {
        if !self.metadata.is_empty() {
            let given =
                std::mem::replace(&mut self.metadata, Attributes::with_limits(provider.limits()));
            self.metadata.merge(given);
            provider.redactor().redact(&mut self.metadata, 0);
        }
        self
    }

    /// The workflow's name.
    pub fn workflow_name(&self) -> Option<&str> {
        self.workflow_name.as_deref()
    }

    /// What links this trace with others: a conversation, a job.
    pub fn group_id(&self) -> Option<&str> {
        self.group_id.as_deref()
    }

    /// Whatever else is known of the trace.
    pub fn metadata(&self) -> &Attributes {
        &self.metadata
    }
}
