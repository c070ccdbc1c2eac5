//! Span data fixed at start.

use std::{borrow::Cow, sync::Arc};

use smol_str::SmolStr;

use super::TraceData;
use crate::{attributes::Key, id::SpanId, kind::Kind, time::Timestamp};

/// Kind and name of a component, without its identity, as in finished spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentInfo {
    /// Kind of the component.
    pub kind: Kind,
    /// Name of the component.
    pub name: SmolStr,
}

/// Span data fixed at start.
#[derive(Clone, Debug)]
pub struct SpanHead {
    /// Id of the span.
    pub span_id: SpanId,
    /// Id of the parent; `None` for a root.
    pub parent_id: Option<SpanId>,
    /// Data shared by all spans of the trace.
    pub trace: Arc<TraceData>,
    /// Component that runs.
    pub component: Arc<ComponentInfo>,
    /// Method that runs.
    pub method: Key,
    /// Name of the span, if it is not made of kind, component and method.
    pub name: Option<Box<Key>>,
    /// Start time.
    pub start: Timestamp,
    /// `true` if the span has no parent in this process.
    pub local_root: bool,
    /// `true` if other spans started within it. A full queue drops spans without any first. Not
    /// written to files.
    pub has_children: bool,
}

impl SpanHead {
    /// Returns the span's own name, or the one made by the trace's naming pattern.
    pub fn name(&self) -> Cow<'_, str> {
        if let Some(name) = &self.name {
            return Cow::Borrowed(name);
        }
        let ComponentInfo { kind, name } = &*self.component;
        Cow::Owned(self.trace.naming.render(kind.as_str(), name, &self.method))
    }

    /// Passes the parts of the span's name to `push`, in order.
    pub(crate) fn name_parts(&self, mut push: impl FnMut(&str)) {
        if let Some(name) = &self.name {
            return push(name);
        }
        let ComponentInfo { kind, name } = &*self.component;
        self.trace.naming.render_to(kind.as_str(), name, &self.method, push);
    }
}

/// Declares the accessors that all forms of a span share.
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

            /// Returns whether the span has no parent in this process: it is the root of its trace,
            /// or the first span here under a parent in another process.
            pub fn is_local_root(&self) -> bool {
                self.head().local_root
            }

            /// Returns the span's name.
            pub fn name(&self) -> std::borrow::Cow<'_, str> {
                self.head().name()
            }

            /// Returns the component's kind.
            pub fn kind(&self) -> &crate::kind::Kind {
                &self.head().component.kind
            }

            /// Returns the component's name.
            pub fn component_name(&self) -> &str {
                &self.head().component.name
            }

            /// Returns the method.
            pub fn method(&self) -> &str {
                &self.head().method
            }

            /// Returns the start time.
            pub fn start_time(&self) -> std::time::SystemTime {
                self.head().start.into()
            }

            /// Returns workflow name, group and metadata of the trace.
            pub fn trace(&self) -> &crate::span::TraceInfo {
                &self.head().trace.info
            }

            /// Returns the local root, which encloses all other spans of the trace in this process.
            /// `None` where only a parent's id is known, as for spans read from a file.
            pub fn local_root(&self) -> Option<&crate::span::LocalRoot> {
                self.head().trace.root.as_ref()
            }

            /// Returns the vendor data of a remote parent.
            pub fn trace_state(&self) -> &crate::propagation::TraceState {
                &self.head().trace.state
            }
        }
    };
}

pub(super) use head_accessors;
