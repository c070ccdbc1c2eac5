//! Parents of roots in the trace of another library.

use std::fmt;

use raaf_trace_model::propagation::SpanContext;

use crate::base::panics;

/// A user's function that returns the parent of a root.
pub(crate) struct OuterParent(Box<dyn Fn() -> Option<SpanContext> + Send + Sync>);

impl OuterParent {
    pub(crate) fn new(parent: impl Fn() -> Option<SpanContext> + Send + Sync + 'static) -> Self {
        Self(Box::new(parent))
    }

    /// Calls the function. A panic counts as `None`.
    pub(crate) fn get(&self) -> Option<SpanContext> {
        panics::caught(|| (self.0)()).ok().flatten()
    }
}

impl fmt::Debug for OuterParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OuterParent")
    }
}
