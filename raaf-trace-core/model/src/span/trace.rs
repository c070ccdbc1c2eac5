//! What all spans of one trace share.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::{
    attributes::{Attributes, Key},
    id::{SpanId, TraceId},
    kind::Kind,
    naming::NamePattern,
    propagation::TraceState,
    redact::Redactor,
};

/// The part of a trace in this process. Every span refers to it, since children are delivered
/// before their root.
#[derive(Clone, Debug)]
pub struct TraceData {
    /// The trace's id.
    pub id: TraceId,
    /// How its spans are named.
    pub naming: NamePattern,
    /// Vendor data that came with a remote parent.
    pub state: TraceState,
    /// Workflow name, group and metadata.
    pub info: TraceInfo,
    /// The first span in this process, where it is known.
    pub root: Option<LocalRoot>,
}

impl TraceData {
    /// Returns this trace without the secrets that `redactor` finds in its metadata; `None` if
    /// there are none.
    pub(crate) fn redacted(&self, redactor: &Redactor) -> Option<Arc<Self>> {
        let info = self.info.redacted(redactor)?;
        Some(Arc::new(Self { info, ..self.clone() }))
    }
}

/// The first span of a trace in this process, which encloses all others here.
///
/// Children end first, so that a sink receives them before it receives this span; what it has to
/// know in advance is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalRoot {
    pub(super) id: SpanId,
    pub(super) kind: Kind,
    pub(super) name: SmolStr,
    pub(super) is_root: bool,
}

impl LocalRoot {
    /// Describes the local root with that id and parent.
    pub fn new(id: SpanId, parent: Option<SpanId>, kind: &Kind, component: &str) -> Self {
        Self { id, kind: kind.clone(), name: SmolStr::new(component), is_root: parent.is_none() }
    }

    /// Returns its id.
    pub fn span_id(&self) -> SpanId {
        self.id
    }

    /// Returns the kind of its component.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Returns the name of its component.
    pub fn component_name(&self) -> &str {
        &self.name
    }

    /// Returns whether it is the root of the whole trace: nothing in another process encloses it.
    pub fn is_root(&self) -> bool {
        self.is_root
    }
}

/// What a trace says about itself: the workflow's name, the group it belongs to (a conversation, a
/// job), and metadata.
#[derive(Clone, Debug, Default)]
pub struct TraceInfo {
    /// The workflow's name.
    pub workflow_name: Option<Key>,
    /// The group that links this trace with others.
    pub group_id: Option<Key>,
    /// Further facts about the whole trace.
    pub metadata: Attributes,
}

impl TraceInfo {
    /// Returns the workflow's name.
    pub fn workflow_name(&self) -> Option<&str> {
        self.workflow_name.as_deref()
    }

    /// Returns the id of the group that links this trace with others: a conversation, a job.
    pub fn group_id(&self) -> Option<&str> {
        self.group_id.as_deref()
    }

    /// Returns further facts about the trace.
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
