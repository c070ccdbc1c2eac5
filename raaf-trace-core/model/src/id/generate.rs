//! ID generation.

use std::{
    fmt,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use super::{SpanId, TraceId};

/// Generator of trace and span ids.
///
/// Ids must be unique: a trace id across everything that one backend receives, a span id within its
/// trace.
pub trait IdGenerator: fmt::Debug + Send + Sync + 'static {
    /// Returns an id for a new trace.
    fn trace_id(&self) -> TraceId;

    /// Returns an id for a new span.
    fn span_id(&self) -> SpanId;
}

/// Generator of the ids 1, 2, 3 … for tests that compare whole outputs. Counts traces and spans
/// separately.
///
/// ```
/// # use raaf_trace_core::id::{IdGenerator, SequentialIds};
/// let ids = SequentialIds::default();
/// assert_eq!(ids.span_id().to_u64(), 1);
/// assert_eq!(ids.span_id().to_u64(), 2);
/// assert_eq!(ids.trace_id().to_u128(), 1);
/// ```
#[derive(Debug, Default)]
pub struct SequentialIds {
    traces: AtomicU64,
    spans: AtomicU64,
}

impl IdGenerator for SequentialIds {
    fn trace_id(&self) -> TraceId {
        first_some(|| {
            TraceId::from_u128(self.traces.fetch_add(1, Ordering::Relaxed).wrapping_add(1).into())
        })
    }

    fn span_id(&self) -> SpanId {
        first_some(|| SpanId::from_u64(self.spans.fetch_add(1, Ordering::Relaxed).wrapping_add(1)))
    }
}

/// Repeats `draw` until it returns an id. Zero is not an id; the probability is 2⁻⁶⁴.
pub(super) fn first_some<T>(draw: impl Fn() -> Option<T>) -> T {
    loop {
        if let Some(id) = draw() {
            return id;
        }
    }
}

/// Returns a number from the standard library's source of random hash keys.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequential_ids_skip_zero_when_they_wrap() {
        let ids = SequentialIds { spans: AtomicU64::new(u64::MAX), ..SequentialIds::default() };
        assert_eq!(ids.span_id().to_u64(), 1);
    }
}
