//! What is fixed when a span starts.

use std::{borrow::Cow, sync::Arc};

use smol_str::SmolStr;

use super::TraceData;
use crate::{attributes::Key, id::SpanId, kind::Kind, time::Timestamp};

/// A component as finished spans know it: kind and name, without identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentInfo {
    /// What it is.
    pub kind: Kind,
    /// What it is called.
    pub name: SmolStr,
}

/// What is fixed when a span starts.
#[derive(Clone, Debug)]
pub struct SpanHead {
    /// The span's id.
    pub span_id: SpanId,
    /// The parent's id; `None` for a root.
    pub parent_id: Option<SpanId>,
    /// What all spans of the trace share.
    pub trace: Arc<TraceData>,
    /// The component that runs.
    pub component: Arc<ComponentInfo>,
    /// The operation that runs.
    pub method: Key,
    /// A name of its own; other spans' names follow from kind, component and method.
    pub name: Option<Box<Key>>,
    /// When it started.
    pub start: Timestamp,
    /// Whether it has no parent in this process.
    pub local_root: bool,
}

impl SpanHead {
    /// Returns the span's own name, else the one that the trace's naming pattern makes.
    pub fn name(&self) -> Cow<'_, str> {
        if let Some(name) = &self.name {
            return Cow::Borrowed(name);
        }
        let ComponentInfo { kind, name } = &*self.component;
        Cow::Owned(self.trace.naming.render(kind.as_str(), name, &self.method))
    }
}

/// Accessors that all forms of a span share.
macro_rules! head_accessors {
    ($span:ty) => {
        impl $span {
            /// Returns the span's id.
            pub fn span_id(&self) -> crate::id::SpanId {
                self.head().span_id
            }

            /// Returns the trace's id.
            pub fn trace_id(&self) -> crate::id::TraceId {
                self.head().trace.id
            }

            /// Returns the parent's id; `None` for a root.
            pub fn parent_id(&self) -> Option<crate::id::SpanId> {
                self.head().parent_id
            }

            /// Returns whether the span has no parent in this process: it is the root of its
            /// trace, or the first span here under a parent in another process.
            pub fn is_local_root(&self) -> bool {
                self.head().local_root
            }

            /// Returns the span's name.
            pub fn name(&self) -> std::borrow::Cow<'_, str> {
                self.head().name()
            }

            /// Returns the kind of the component that runs.
            pub fn kind(&self) -> &crate::kind::Kind {
                &self.head().component.kind
            }

            /// Returns the name of the component that runs.
            pub fn component_name(&self) -> &str {
                &self.head().component.name
            }

            /// Returns the operation that runs.
            pub fn method(&self) -> &str {
                &self.head().method
            }

            /// Returns when the span started.
            pub fn start_time(&self) -> std::time::SystemTime {
                self.head().start.into()
            }

            /// Returns what the trace says about itself.
            pub fn trace(&self) -> &crate::span::TraceInfo {
                &self.head().trace.info
            }

            /// Returns the span that encloses all of its trace in this process, itself if it is
            /// that one. `None` where only a parent's id is known, as for spans read from a file.
            pub fn local_root(&self) -> Option<&crate::span::LocalRoot> {
                self.head().trace.root.as_ref()
            }

            /// Returns the vendor data that came with a remote parent.
            pub fn trace_state(&self) -> &crate::propagation::TraceState {
                &self.head().trace.state
            }
        }
    };
}

pub(super) use head_accessors;
