//! Data shared by all running spans of a trace.

use std::{
    mem,
    sync::{Arc, OnceLock},
};

use raaf_trace_model::{
    attributes::{Attributes, SpanLimits},
    id::TraceId,
    propagation::{Baggage, SpanContext, TraceFlags, TraceState},
    span::{LocalRoot, TraceData, TraceInfo, TraceSource},
    time::Timestamp,
};

use crate::provider::{
    Inner,
    clock::{Anchor, Ticks},
    open_roots::RootNumber,
};

/// A trace with running spans in this process: its data, and the engine behind it. Finished spans
/// keep only the data.
#[derive(Clone, Debug)]
pub(crate) struct RunningTrace {
    data: TraceData,
    /// The data, once spans share it; then instead of `data`.
    shared: OnceLock<Arc<TraceData>>,
    pub(crate) provider: Arc<Inner>,
    pub(crate) sampled: bool,
    /// Flags of a remote trace other than the sampling decision.
    pub(crate) flags: TraceFlags,
    pub(crate) limits: SpanLimits,
    /// Number of its root in this process.
    pub(crate) root: RootNumber,
    /// Baggage in which it began, if the provider chooses entries of it.
    pub(crate) baggage: Option<Arc<Baggage>>,
    /// Anchor of the monotonic clock to wall-clock time, once per trace.
    anchor: Anchor,
}

impl RunningTrace {
    /// Starts a trace, or this process's part of a remote one.
    pub(crate) fn start(
        provider: &Arc<Inner>,
        remote: Option<&SpanContext>,
        info: TraceInfo,
        baggage: Option<Arc<Baggage>>,
    ) -> Self {
        let id = remote.map_or_else(|| provider.new_trace_id(), SpanContext::trace_id);
        let decided = remote.and_then(SpanContext::sampled);
        let mut data = TraceData {
            id,
            naming: provider.naming().clone(),
            state: remote.map(|remote| remote.trace_state().clone()).unwrap_or_default(),
            info: kept(info, provider),
            root: None,
        };
        let shared = if data.is_plain() {
            OnceLock::new()
        } else {
            let TraceData { id, ref naming, .. } = data;
            let naming = naming.clone();
            let (state, info) = (TraceState::default(), TraceInfo::default());
            let shared = mem::replace(&mut data, TraceData { id, naming, state, info, root: None });
            Arc::new(shared).into()
        };
        Self {
            data,
            shared,
            provider: Arc::clone(provider),
            sampled: decided.unwrap_or_else(|| provider.sampler().sample(id)),
            flags: remote.map(SpanContext::flags).unwrap_or_default(),
            limits: provider.limits(),
            root: provider.open_roots().next(),
            baggage,
            anchor: provider.clock().anchor(),
        }
    }

    /// Sets the first span of the trace in this process. Has no effect once spans share the data.
    pub(crate) fn set_root(&mut self, root: LocalRoot) {
        match self.shared.get_mut() {
            None => self.data.root = Some(root),
            Some(shared) => {
                if let Some(data) = Arc::get_mut(shared) {
                    data.root = Some(root);
                }
            }
        }
    }

    #[inline]
    pub(crate) fn id(&self) -> TraceId {
        self.data.id
    }

    /// Returns the wall-clock time of a reading of the provider's clock.
    #[inline]
    pub(crate) fn time_of(&self, ticks: Ticks) -> Timestamp {
        self.anchor.time_of(ticks)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.time_of(self.provider.clock().now())
    }

    /// Returns the same trace for spans without content. Spans that start within one of those refer
    /// to it as well, and thus have no content either.
    pub(crate) fn without_content(self: &Arc<Self>) -> Arc<Self> {
        if !self.limits.include_content {
            return Arc::clone(self);
        }
        let limits = self.limits.with_content(false);
        Arc::new(Self { limits, ..Self::clone(self) })
    }
}

impl TraceSource for RunningTrace {
    #[inline]
    fn data(&self) -> &TraceData {
        self.shared.get().map_or(&self.data, |shared| shared)
    }

    fn shared(&self) -> Arc<TraceData> {
        Arc::clone(self.shared.get_or_init(|| Arc::new(self.data.clone())))
    }
}

/// Applies the provider's limits and redactor to a trace's own data.
fn kept(mut info: TraceInfo, provider: &Inner) -> TraceInfo {
    let limits = provider.limits();
    let names = [&mut info.workflow_name, &mut info.group_id].into_iter().flatten();
    let cuts = names.map(|name| limits.fit_name(name)).sum();
    if cuts > 0 || !info.metadata.is_empty() {
        let given = mem::replace(&mut info.metadata, Attributes::with_limits(limits));
        info.metadata.add_cuts(cuts);
        info.metadata.merge(given);
        provider.redactor().redact(&mut info.metadata, 0);
    }
    info
}
