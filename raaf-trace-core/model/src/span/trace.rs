//! Data shared by all spans of a trace.

use std::{fmt, sync::Arc};

use smol_str::SmolStr;

use crate::{
    attributes::{Attributes, Key},
    id::{SpanId, TraceId},
    kind::Kind,
    naming::NamePattern,
    propagation::TraceState,
    redact::Redactor,
};

/// Data of the part of a trace in this process. Every span refers to it, since children are
/// delivered before their root.
#[derive(Clone, Debug)]
pub struct TraceData {
    /// Id of the trace.
    pub id: TraceId,
    /// Naming pattern of its spans.
    pub naming: NamePattern,
    /// Vendor data of a remote parent.
    pub state: TraceState,
    /// Workflow name, group and metadata.
    pub info: TraceInfo,
    /// First span in this process, if known.
    pub root: Option<LocalRoot>,
}

/// A trace, as the spans that end in it refer to it. Usually its data is not shared with another
/// thread: that gets a copy.
pub trait TraceSource: fmt::Debug {
    /// Returns the data.
    fn data(&self) -> &TraceData;

    /// Returns the data to be shared by spans.
    fn shared(&self) -> Arc<TraceData>;
}

impl TraceSource for Arc<TraceData> {
    fn data(&self) -> &TraceData {
        self
    }

    fn shared(&self) -> Arc<TraceData> {
        Self::clone(self)
    }
}

/// Maximum size of the strings of a trace that are not large, in bytes.
const SMALL: usize = 256;

impl TraceData {
    /// Returns whether it has neither metadata nor vendor data, so that a copy is cheap.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.info.metadata.is_empty() && self.info.metadata.has_no_losses() && self.state.is_empty()
    }

    /// Returns whether it is too large to be kept beyond the delivery of the trace's spans.
    #[inline]
    pub(crate) fn is_large(&self) -> bool {
        let Self { info, state, .. } = self;
        let length = |name: &Option<Key>| name.as_ref().map_or(0, |name| name.len());
        !info.metadata.is_empty()
            || !state.is_empty()
            || length(&info.workflow_name) + length(&info.group_id) > SMALL
    }

    /// Returns a trace of the same id without anything large.
    pub(crate) fn blank(&self) -> Self {
        let (state, info) = (TraceState::default(), TraceInfo::default());
        Self { id: self.id, naming: self.naming.clone(), state, info, root: None }
    }

    /// Returns this trace without the secrets that `redactor` finds in its metadata; `None` if
    /// there are none.
    pub(crate) fn redacted(&self, redactor: &Redactor) -> Option<Arc<Self>> {
        let info = self.info.redacted(redactor)?;
        Some(Arc::new(Self { info, ..self.clone() }))
    }
}

/// The first span of a trace in this process, which encloses all others here.
///
/// Children end first, so a sink receives them before this span. The data that it needs in advance
/// is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalRoot {
    pub(super) id: SpanId,
    pub(super) kind: Kind,
    pub(super) name: SmolStr,
    pub(super) is_root: bool,
}

impl LocalRoot {
    /// Creates a local root with that id and parent.
    #[inline]
    pub fn new(id: SpanId, parent: Option<SpanId>, kind: Kind, component: SmolStr) -> Self {
        Self { id, kind, name: component, is_root: parent.is_none() }
    }

    /// Returns the span's id.
    pub fn span_id(&self) -> SpanId {
        self.id
    }

    /// Returns the component's kind.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Returns the component's name.
    pub fn component_name(&self) -> &str {
        &self.name
    }

    /// Returns whether the span is the root of the whole trace, that is, has no parent in another
    /// process.
    pub fn is_root(&self) -> bool {
        self.is_root
    }
}

/// Workflow name, group (a conversation, a job) and metadata of a trace.
#[derive(Clone, Debug, Default)]
pub struct TraceInfo {
    /// Name of the workflow.
    pub workflow_name: Option<Key>,
    /// Id of the group of traces.
    pub group_id: Option<Key>,
    /// Metadata of the trace.
    pub metadata: Attributes,
}

impl TraceInfo {
    /// Returns the workflow's name.
    pub fn workflow_name(&self) -> Option<&str> {
        self.workflow_name.as_deref()
    }

    /// Returns the id of the group of traces, such as a conversation or a job.
    pub fn group_id(&self) -> Option<&str> {
        self.group_id.as_deref()
    }

    /// Returns the metadata of the trace.
    pub fn metadata(&self) -> &Attributes {
        &self.metadata
    }

    fn redacted(&self, redactor: &Redactor) -> Option<Self> {
        if self.metadata.is_empty() {
            return None;
        }
        let mut metadata = self.metadata.clone();
        (redactor.redact(&mut metadata, 0) > 0).then(|| Self { metadata, ..self.clone() })
    }
}
