//! What all running spans of one trace share.

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
};

/// One trace in this process while spans of it run: its data, and the engine behind it. Finished
/// spans keep only the data.
#[derive(Clone, Debug)]
pub(crate) struct RunningTrace {
    pub(crate) data: Arc<TraceData>,
    pub(crate) provider: Arc<Inner>,
    pub(crate) sampled: bool,
    /// What the flags of a remote trace say apart from that.
    pub(crate) flags: TraceFlags,
    pub(crate) limits: SpanLimits,
    /// Ties the monotonic clock to wall time, once a trace.
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
            anchor: provider.clock().anchor(),
        }
    }

    #[inline]
    pub(crate) fn id(&self) -> TraceId {
        self.data.id
    }

    /// Returns the wall time of a reading of the provider's clock.
    #[inline]
    pub(crate) fn time_of(&self, ticks: Ticks) -> Timestamp {
        self.anchor.time_of(ticks)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.time_of(self.provider.clock().now())
    }

    /// Returns the same trace for spans that keep no content. Spans that start within one of those
    /// refer to it too, and so keep none either.
    pub(crate) fn without_content(self: &Arc<Self>) -> Arc<Self> {
        if !self.limits.include_content {
            return Arc::clone(self);
        }
        let limits = self.limits.with_content(false);
        Arc::new(Self { limits, ..Self::clone(self) })
    }
}

/// Keeps within the provider's limits and without secrets what a trace says about itself.
fn kept(mut info: TraceInfo, provider: &Inner) -> TraceInfo {
    if !info.metadata.is_empty() {
        let limited = Attributes::with_limits(provider.limits());
        let given = mem::replace(&mut info.metadata, limited);
        info.metadata.merge(given);
        provider.redactor().redact(&mut info.metadata, 0);
    }
    info
}
