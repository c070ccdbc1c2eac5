//! Entries of the baggage as attributes of spans.

use std::sync::Arc;

use raaf_trace_model::{attributes::Attributes, propagation::Baggage};

use crate::provider::running_trace::RunningTrace;

/// Sets the entries that the provider chooses of the baggage in which a span starts, or if that has
/// none, of the baggage in which its trace began.
#[inline]
pub(crate) fn copy(
    trace: &RunningTrace,
    here: impl FnOnce() -> Option<Arc<Baggage>>,
    attributes: &mut Attributes,
) {
    if trace.provider.copies_baggage() {
        copy_from(trace, here().as_ref().or(trace.baggage.as_ref()), attributes);
    }
}

#[cold]
fn copy_from(trace: &RunningTrace, baggage: Option<&Arc<Baggage>>, attributes: &mut Attributes) {
    let Some(baggage) = baggage else { return };
    for key in trace.provider.baggage_keys() {
        if let Some(value) = baggage.get(key) {
            attributes.set(key.clone(), value);
        }
    }
}
