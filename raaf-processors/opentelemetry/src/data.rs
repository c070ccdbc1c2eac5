//! Conversion of finished spans.

use opentelemetry::{
    Array, InstrumentationScope, KeyValue, StringValue, Value,
    trace::{self as otel, Event, Link, Status},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use raaf_processors::conventions::{self, Any, OtlpNames, SpanKind};
use raaf_trace_core::{Attributes, FinishedSpan};

use crate::convert;

/// Returns a span as OpenTelemetry's SDK has it, with the ids of ours.
pub(crate) fn of(span: &FinishedSpan, names: OtlpNames, scope: &InstrumentationScope) -> SpanData {
    let parent = span.parent_id();
    let mut attributes = Vec::new();
    conventions::attributes(span, true, &mut |key, value| attributes.push(pair(key, value)));
    SpanData {
        span_context: otel::SpanContext::new(
            convert::trace_id(span.trace_id()),
            convert::span_id(Some(span.span_id())),
            // Unsampled spans never reach a sink.
            otel::TraceFlags::SAMPLED,
            false,
            convert::trace_state(span.trace_state()),
        ),
        parent_span_id: convert::span_id(parent),
        parent_span_is_remote: parent.is_some() && span.is_local_root(),
        span_kind: kind(span),
        name: names.of(span).into(),
        start_time: span.start_time(),
        end_time: span.end_time(),
        attributes,
        dropped_attributes_count: span.losses().dropped_attributes,
        events: events(span),
        links: links(span),
        status: match conventions::status(span) {
            conventions::Status::Unset => Status::Unset,
            conventions::Status::Ok => Status::Ok,
            conventions::Status::Error(message) => Status::error(message.into_owned()),
        },
        instrumentation_scope: scope.clone(),
    }
}

fn kind(span: &FinishedSpan) -> otel::SpanKind {
    match conventions::kind(span) {
        SpanKind::Server => otel::SpanKind::Server,
        SpanKind::Client => otel::SpanKind::Client,
        SpanKind::Producer => otel::SpanKind::Producer,
        SpanKind::Consumer => otel::SpanKind::Consumer,
        _ => otel::SpanKind::Internal,
    }
}

fn events(span: &FinishedSpan) -> SpanEvents {
    let mut events = SpanEvents::default();
    events.events.extend(span.events().map(|event| {
        let (attributes, dropped) = pairs(event.attributes());
        Event::new(event.name().to_owned(), event.time(), attributes, dropped)
    }));
    events.dropped_count = span.dropped_events();
    events
}

fn links(span: &FinishedSpan) -> SpanLinks {
    let mut links = SpanLinks::default();
    links.links.extend(span.links().map(|link| {
        let (attributes, dropped) = pairs(link.attributes());
        Link::new(convert::to_otel(link.context(), true), attributes, dropped)
    }));
    links.dropped_count = span.dropped_links();
    links
}

fn pairs(attributes: &Attributes) -> (Vec<KeyValue>, u32) {
    let pairs = attributes.iter().map(|(key, value)| pair(key, &conventions::any(value)));
    (pairs.collect(), attributes.losses().dropped_attributes)
}

fn pair(key: &str, value: &Any<'_>) -> KeyValue {
    KeyValue::new(key.to_owned(), self::value(value))
}

fn value(value: &Any<'_>) -> Value {
    match value {
        Any::Bool(value) => Value::Bool(*value),
        Any::Int(value) => Value::I64(*value),
        Any::Double(value) => Value::F64(*value),
        Any::List(values) => Value::Array(list(values)),
        other => Value::String(text(other)),
    }
}

fn text(value: &Any<'_>) -> StringValue {
    match value {
        Any::Text(text) => text.clone().into_owned().into(),
        _ => String::new().into(),
    }
}

/// Returns a list, whose items are of one type.
fn list(values: &[Any<'_>]) -> Array {
    let ints =
        values.iter().map(|value| if let Any::Int(value) = value { Some(*value) } else { None });
    let doubles =
        values.iter().map(|value| if let Any::Double(value) = value { Some(*value) } else { None });
    let bools =
        values.iter().map(|value| if let Any::Bool(value) = value { Some(*value) } else { None });
    match values.first() {
        Some(Any::Int(_)) => Array::I64(ints.flatten().collect()),
        Some(Any::Double(_)) => Array::F64(doubles.flatten().collect()),
        Some(Any::Bool(_)) => Array::Bool(bools.flatten().collect()),
        _ => Array::String(values.iter().map(text).collect()),
    }
}
