//! Temporary replacement of the global provider.

use std::fmt;

use crate::provider::{
    TracerProvider,
    global::{self, InPlace},
};

/// Replaces the global provider by `provider` until the override is dropped, which restores the
/// previous state. If there was none, the next use builds the default provider.
///
/// For tests of code that uses the global provider; the program itself calls [`init`](crate::init).
/// The global provider belongs to the whole process: do not override it concurrently, and drop
/// several overrides in reverse order.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{
///     MemoryExporter, TracerProvider, provider::override_global_provider,
///     sink::SimpleProcessor, trace,
/// };
///
/// let memory = MemoryExporter::new();
/// let processor = SimpleProcessor::new(memory.clone());
/// let overriding =
///     override_global_provider(TracerProvider::builder().with(processor).build());
/// trace("nightly").in_span(|| ());
/// drop(overriding);
/// assert_eq!(memory.len(), 1);
/// ```
pub fn override_global_provider(provider: TracerProvider) -> GlobalOverride {
    GlobalOverride { before: Some(global::put_aside(provider)) }
}

/// Guard that ends an override of the global provider when it is dropped; see
/// [`override_global_provider`].
#[must_use = "the override ends when this is dropped"]
pub struct GlobalOverride {
    before: Option<InPlace>,
}

impl Drop for GlobalOverride {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            // Its handle may be the last one, whose drop waits for spans to be delivered.
            drop(global::put_back(before));
        }
    }
}

impl fmt::Debug for GlobalOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobalOverride").field("before", &self.before).finish()
    }
}
