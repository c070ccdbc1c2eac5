//! Conversion of ids and span contexts.

use opentelemetry::trace as otel;
use raaf_trace_core::{
    SpanContext, SpanId, TraceId,
    propagation::{TraceFlags, TraceState},
};

pub(crate) fn trace_id(id: TraceId) -> otel::TraceId {
    otel::TraceId::from_bytes(id.to_bytes())
}

pub(crate) fn span_id(id: Option<SpanId>) -> otel::SpanId {
    id.map_or(otel::SpanId::INVALID, |id| otel::SpanId::from_bytes(id.to_bytes()))
}

pub(crate) fn trace_state(state: &TraceState) -> otel::TraceState {
    // OpenTelemetry checks keys by the stricter rules of level 1 of W3C Trace Context.
    let is_theirs = |pair: &(&str, &str)| otel::TraceState::from_key_value([*pair]).is_ok();
    otel::TraceState::from_key_value(state.iter().filter(is_theirs)).unwrap_or_default()
}

/// Returns the span context for OpenTelemetry.
pub(crate) fn to_otel(context: &SpanContext, is_remote: bool) -> otel::SpanContext {
    otel::SpanContext::new(
        trace_id(context.trace_id()),
        span_id(context.span_id()),
        otel::TraceFlags::new(context.flags().to_u8()),
        is_remote,
        trace_state(context.trace_state()),
    )
}

/// Returns the span context of OpenTelemetry; `None` if it is not valid.
pub(crate) fn from_otel(context: &otel::SpanContext) -> Option<SpanContext> {
    let trace_id = TraceId::from_bytes(context.trace_id().to_bytes())?;
    let span_id = SpanId::from_bytes(context.span_id().to_bytes())?;
    let context = SpanContext::new(trace_id, span_id)
        .with_flags(TraceFlags::from_u8(context.trace_flags().to_u8()))
        .with_trace_state(TraceState::parse(&context.trace_state().header()));
    Some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_they_refuse_leaves_the_others() {
        let state = TraceState::parse("a=1,tenant@a-vendor-with-a-long-name=2,b@c=3");
        assert_eq!(state.len(), 3);
        assert_eq!(trace_state(&state).header(), "a=1,b@c=3");
    }
}
