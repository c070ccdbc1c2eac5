//! Translates a finished span into an OTLP span.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::{
    common::v1::KeyValue,
    trace::v1::{
        Span, SpanFlags, Status as WireStatus,
        span::{Event as WireEvent, SpanKind},
        status::StatusCode,
    },
};
use raaf_trace_model::{
    Kind,
    span::{Event, FinishedSpan, Status},
};

use super::{attributes, names::OtlpNames, value};

/// The W3C sampled flag. Unsampled spans never reach a sink.
const SAMPLED: u32 = 1;

pub(super) fn of(span: &FinishedSpan, names: OtlpNames) -> Span {
    let parent = span.parent_id();
    Span {
        trace_id: span.trace_id().to_bytes().to_vec(),
        span_id: span.span_id().to_bytes().to_vec(),
        parent_span_id: parent.map(|id| id.to_bytes().to_vec()).unwrap_or_default(),
        trace_state: span.trace_state().to_string(),
        flags: flags(parent.is_some() && span.is_local_root()),
        name: names.of(span),
        kind: kind(span.kind()).into(),
        start_time_unix_nano: nanos(span.start_time()),
        end_time_unix_nano: nanos(span.end_time()),
        attributes: attributes::of(span),
        dropped_attributes_count: span.losses().dropped_attributes,
        events: span.events().map(event).collect(),
        dropped_events_count: span.dropped_events(),
        status: Some(status(span)),
        ..Span::default()
    }
}

fn flags(parent_is_remote: bool) -> u32 {
    let remote = if parent_is_remote { SpanFlags::ContextIsRemoteMask as u32 } else { 0 };
    SAMPLED | SpanFlags::ContextHasIsRemoteMask as u32 | remote
}

/// Span kind: model calls are calls to another service.
fn kind(kind: &Kind) -> SpanKind {
    match kind {
        Kind::Llm | Kind::Response | Kind::Speech | Kind::Transcription => SpanKind::Client,
        _ => SpanKind::Internal,
    }
}

/// Returns nanoseconds since 1970; 0 for earlier times.
fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn event(event: &Event) -> WireEvent {
    let pair = |(key, value)| KeyValue {
        key: str::to_owned(key),
        value: Some(value::any(value)),
        ..KeyValue::default()
    };
    WireEvent {
        time_unix_nano: nanos(event.time()),
        name: event.name().to_owned(),
        attributes: event.attributes().iter().map(pair).collect(),
        dropped_attributes_count: event.attributes().losses().dropped_attributes,
    }
}

fn status(span: &FinishedSpan) -> WireStatus {
    let (code, message) = match span.status() {
        Status::Ok => (StatusCode::Ok, ""),
        Status::Error => {
            (StatusCode::Error, span.error().and_then(|error| error.message()).unwrap_or_default())
        }
        // OpenTelemetry has neither status; the attribute `error.type` distinguishes them from
        // failures.
        status @ (Status::Cancelled | Status::Stale) => (StatusCode::Error, status.as_str()),
        _ => (StatusCode::Unset, ""),
    };
    WireStatus { code: code.into(), message: message.to_owned() }
}
