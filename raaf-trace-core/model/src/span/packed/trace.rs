//! Traces of packed spans.

use std::sync::Arc;

use crate::{
    attributes::{Attributes, Key, SpanLimits},
    id::TraceId,
    naming::NamePattern,
    propagation::TraceState,
    span::{FinishedSpan, LocalRoot, TraceData, TraceInfo, TraceSource},
};

/// A trace. Memory that one thread allocates and another one frees is slow, so that the thread which
/// delivers the spans makes the data that they share.
#[derive(Clone, Debug)]
pub(super) struct PackedTrace {
    data: PackedTraceData,
    pub(super) limits: SpanLimits,
}

#[derive(Clone, Debug)]
enum PackedTraceData {
    Plain {
        id: TraceId,
        naming: NamePattern,
        workflow_name: Option<Key>,
        group_id: Option<Key>,
        root: Option<LocalRoot>,
    },
    Shared(Arc<TraceData>),
}

impl PackedTrace {
    pub(super) fn of(data: &TraceData, source: &dyn TraceSource, limits: SpanLimits) -> Self {
        let data = if data.is_plain() {
            PackedTraceData::Plain {
                id: data.id,
                naming: data.naming.clone(),
                workflow_name: data.info.workflow_name.clone(),
                group_id: data.info.group_id.clone(),
                root: data.root.clone(),
            }
        } else {
            PackedTraceData::Shared(source.shared())
        };
        Self { data, limits }
    }

    /// Returns the data for spans: that of the span before, if it is of the same trace.
    pub(super) fn unpack(&self, before: Option<&FinishedSpan>) -> Arc<TraceData> {
        match &self.data {
            PackedTraceData::Shared(data) => Arc::clone(data),
            PackedTraceData::Plain { id, naming, workflow_name, group_id, root } => {
                let before = before.map(|span| &span.head.trace);
                let is_same = |before: &&Arc<TraceData>| {
                    before.id == *id && before.root == *root && before.is_plain()
                };
                if let Some(before) = before.filter(is_same) {
                    return Arc::clone(before);
                }
                let (workflow_name, group_id) = (workflow_name.clone(), group_id.clone());
                Arc::new(TraceData {
                    id: *id,
                    naming: naming.clone(),
                    state: TraceState::default(),
                    info: TraceInfo { workflow_name, group_id, metadata: Attributes::new() },
                    root: root.clone(),
                })
            }
        }
    }
}
