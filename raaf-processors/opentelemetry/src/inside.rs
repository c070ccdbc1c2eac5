//! Spans of OpenTelemetry that were started inside ours.

use std::{
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
};

use opentelemetry::trace as otel;
use raaf_trace_core::SpanId;

/// Our span in which each span of theirs was started, while that exists. Spans of theirs cannot refer
/// to it themselves.
static STARTED_IN: LazyLock<RwLock<HashMap<Key, SpanId>>> = LazyLock::new(RwLock::default);

type Key = (otel::TraceId, otel::SpanId);

fn key(span: &otel::SpanContext) -> Key {
    (span.trace_id(), span.span_id())
}

/// Returns our span in which a span of theirs was started.
pub(crate) fn started_in(span: &otel::SpanContext) -> Option<SpanId> {
    STARTED_IN.read().unwrap_or_else(PoisonError::into_inner).get(&key(span)).copied()
}

/// Record that a span of theirs was started inside ours, until this is dropped.
#[derive(Debug)]
pub(crate) struct Started(Key);

impl Started {
    pub(crate) fn record(span: &otel::SpanContext, inside: SpanId) -> Self {
        let key = key(span);
        STARTED_IN.write().unwrap_or_else(PoisonError::into_inner).insert(key, inside);
        Self(key)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        STARTED_IN.write().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_lasts_as_long_as_the_span() {
        let (trace, span) = (otel::TraceId::from_bytes([1; 16]), otel::SpanId::from_bytes([1; 8]));
        let flags = otel::TraceFlags::SAMPLED;
        let theirs = otel::SpanContext::new(trace, span, flags, false, otel::TraceState::default());
        let ours = SpanId::random();
        let started = Started::record(&theirs, ours);
        assert_eq!(started_in(&theirs), Some(ours));
        drop(started);
        assert_eq!(started_in(&theirs), None);
    }
}
