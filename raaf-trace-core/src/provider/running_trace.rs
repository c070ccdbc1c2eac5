//! Data shared by all running spans of a trace.

use std::{mem, sync::Arc};

use raaf_trace_model::{
    attributes::{Attributes, SpanLimits},
    id::TraceId,
    propagation::{SpanContext, TraceFlags},
    span::{TraceData, TraceInfo},
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
    pub(crate) data: Arc<TraceData>,
    pub(crate) provider: Arc<Inner>,
    pub(crate) sampled: bool,
    /// Flags of a remote trace other than the sampling decision.
    pub(crate) flags: TraceFlags,
    pub(crate) limits: SpanLimits,
    /// Number of its root in this process.
    pub(crate) root: RootNumber,
    /// Anchor of the monotonic clock to wall-clock time, once per trace.
    anchor: Anchor,
}

impl RunningTrace {
    /// Starts a trace, or this process's part of a remote one.
    pub(crate) fn start(
        provider: &Arc<Inner>,
        remote: Option<&SpanContext>,
        info: TraceInfo,
    ) -> Self {
        let id = remote.map_or_else(|| provider.new_trace_id(), SpanContext::trace_id);
        let decided = remote.and_then(SpanContext::sampled);
        let data = TraceData {
            id,
            naming: provider.naming().clone(),
            state: remote.map(|remote| remote.trace_state().clone()).unwrap_or_default(),
            info: kept(info, provider),
            root: None,
        };
        Self {
            data: Arc::new(data),
            provider: Arc::clone(provider),
            sampled: decided.unwrap_or_else(|| provider.sampler().sample(id)),
            flags: remote.map(SpanContext::flags).unwrap_or_default(),
            limits: provider.limits(),
            root: provider.open_roots().next(),
            anchor: provider.clock().anchor(),
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
