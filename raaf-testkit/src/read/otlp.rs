//! OpenTelemetry's protocol.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value::Value as Any},
    trace::v1::{Span, SpanFlags, Status as OtlpStatus, status::StatusCode},
};
use prost::Message as _;
use raaf_trace_model::{
    id::{SpanId, TraceId},
    keys,
    propagation::{SpanContext, TraceState},
    span::{FinishedSpan, FinishedSpanBuilder, Status},
};
use serde_json::{Value as Json, json};

use super::{Fault, ReadSpans, mapping::Facts};

/// Reads the body of an OTLP request, an `ExportTraceServiceRequest` as protobuf, of whatever
/// wrote it. Needs the feature `otlp`.
///
/// | of a span here | is, of the first that is there |
/// | --- | --- |
/// | kind | `component.type`; `openinference.span.kind`, lower case; by `gen_ai.operation.name`: `invoke_agent` and `create_agent` an agent, `execute_tool` a tool, `invoke_workflow` a pipeline, anything else an llm; else `component` |
/// | component | `component.name`; by kind `gen_ai.agent.name`, `agent.name`, `gen_ai.tool.name`, `tool.name`, `gen_ai.request.model`, `llm.model_name`, of workflows `gen_ai.agent.name`, `gen_ai.workflow.name`, `workflow.name`; else the span's name |
/// | method | `component.method`, else `run` |
/// | status | the status's code; an error of type `cancelled` or `stale` is that |
/// | error's type | `error.type`; `exception.type` of the last event that has one; else, where there is a message, `error` |
/// | error's message | `error.message`; the status's message; that of the same event |
/// | workflow, group | `workflow.name` or `gen_ai.workflow.name`; `workflow.group_id` or `gen_ai.conversation.id` |
/// | attributes | all, under the keys that they have on the wire, without those that a span knows of itself (`component.*`, `error.*`, `success`, `duration_ms`) |
///
/// Lists and maps become JSON, bytes hex digits. Resources and scopes are not looked at, and links
/// without valid ids are left out.
///
/// # Errors
///
/// Returns an error if the body is no such request. Spans in it that make no sense, such as one
/// without an id, are [faults](ReadSpans::faults) instead.
///
/// # Examples
///
/// ```
/// use opentelemetry_proto::tonic::{
///     collector::trace::v1::ExportTraceServiceRequest,
///     trace::v1::{ResourceSpans, ScopeSpans, Span},
/// };
/// use prost::Message as _;
/// use raaf_testkit::{assert_span_tree, read};
///
/// let span = Span {
///     trace_id: vec![1; 16],
///     span_id: vec![1; 8],
///     name: "import".to_owned(),
///     ..Span::default()
/// };
/// let spans = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
/// let resource = ResourceSpans { scope_spans: vec![spans], ..ResourceSpans::default() };
/// let body = ExportTraceServiceRequest { resource_spans: vec![resource] }.encode_to_vec();
///
/// let read = read::otlp(&body)?;
/// assert_span_tree!(read, { component "import" [status = unset] });
/// # Ok::<(), read::Fault>(())
/// ```
pub fn otlp(body: &[u8]) -> Result<ReadSpans, Fault> {
    ExportTraceServiceRequest::decode(body).map(read).map_err(|error| whole(&error))
}

/// Reads the JSON form of a request; see [`otlp`](otlp()).
///
/// # Errors
///
/// Returns the errors of [`otlp`](otlp()).
pub fn otlp_json(body: impl AsRef<[u8]>) -> Result<ReadSpans, Fault> {
    serde_json::from_slice(body.as_ref()).map(read).map_err(|error| whole(&error))
}

fn whole(error: &dyn std::error::Error) -> Fault {
    Fault { what: "request", number: 1, reason: format!("not an OTLP trace request: {error}") }
}

fn read(request: ExportTraceServiceRequest) -> ReadSpans {
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    let (mut spans, mut faults) = (Vec::new(), Vec::new());
    for (span, number) in scopes.flat_map(|scope| scope.spans).zip(1..) {
        match read_span(span) {
            Ok(span) => spans.push(span),
            Err(reason) => {
                faults.push(Fault { what: "span", number, reason: reason.to_owned() });
            }
        }
    }
    ReadSpans::new(spans, faults)
}

fn read_span(span: Span) -> Result<FinishedSpan, &'static str> {
    let trace_id = span.trace_id.try_into().ok().and_then(TraceId::from_bytes);
    let span_id = span.span_id.try_into().ok().and_then(SpanId::from_bytes);
    let parent_id = match &*span.parent_span_id {
        // Protobuf leaves the field out, and some write zeros instead.
        [] => None,
        zeros if zeros.iter().all(|byte| *byte == 0) => None,
        bytes => {
            let id = bytes.try_into().ok().and_then(SpanId::from_bytes);
            Some(id.ok_or("its parent's id does not have 8 bytes")?)
        }
    };
    let attributes = pairs(span.attributes);
    let facts = Facts(&attributes);
    let kind = facts.kind();
    let component = facts.component(&kind, &span.name).to_owned();
    let remote = span.flags & SpanFlags::ContextIsRemoteMask as u32 != 0;
    let start = time(span.start_time_unix_nano);
    let mut built = FinishedSpan::builder(kind, component)
        .trace_id(trace_id.ok_or("its trace id does not have 16 bytes, or all are zero")?)
        .span_id(span_id.ok_or("its id does not have 8 bytes, or all are zero")?)
        .parent_id(parent_id)
        .local_root(parent_id.is_none() || remote)
        .method(facts.method().to_owned())
        .name(span.name)
        .start(start)
        .end(time(span.end_time_unix_nano))
        .dropped_events(span.dropped_events_count)
        .trace_state(TraceState::parse(&span.trace_state));
    let mut exception = None;
    for event in span.events {
        let pairs = pairs(event.attributes);
        if pairs.iter().any(|(key, _)| key == keys::EXCEPTION_TYPE) {
            exception = Some(pairs.clone());
        }
        built = built.event(event.name, time(event.time_unix_nano), |own| {
            own.extend(pairs);
        });
    }
    for link in span.links {
        let trace_id = link.trace_id.try_into().ok().and_then(TraceId::from_bytes);
        let span_id = link.span_id.try_into().ok().and_then(SpanId::from_bytes);
        if let (Some(trace_id), Some(span_id)) = (trace_id, span_id) {
            let to = SpanContext::new(trace_id, span_id)
                .with_trace_state(TraceState::parse(&link.trace_state));
            built = built.link(to, |own| own.extend(pairs(link.attributes)));
        }
    }
    built = ended(built, span.status.as_ref(), &facts, &Facts(&exception.unwrap_or_default()));
    if let Some(name) = facts.first(&[keys::WORKFLOW_NAME, "gen_ai.workflow.name"]) {
        built = built.workflow_name(name.to_owned());
    }
    if let Some(id) = facts.first(&[keys::WORKFLOW_GROUP_ID, keys::GEN_AI_CONVERSATION_ID]) {
        built = built.group_id(id.to_owned());
    }
    Ok(built
        .attributes(|own| own.extend(attributes.into_iter().filter(|(key, _)| !known(key))))
        .build())
}

/// Returns whether a span has the key's fact as a field rather than as an attribute.
fn known(key: &str) -> bool {
    key.starts_with("component.")
        || key.starts_with("error.")
        || [keys::SUCCESS, keys::DURATION_MS].contains(&key)
}

fn ended(
    span: FinishedSpanBuilder,
    status: Option<&OtlpStatus>,
    facts: &Facts<'_>,
    exception: &Facts<'_>,
) -> FinishedSpanBuilder {
    let Some(status) = status else { return span.status(Status::Unset) };
    match status.code() {
        StatusCode::Unset => return span.status(Status::Unset),
        StatusCode::Ok => return span.status(Status::Ok),
        StatusCode::Error => {}
    }
    let kind = facts.said(keys::ERROR_TYPE).or_else(|| exception.text(keys::EXCEPTION_TYPE));
    match kind {
        Some("cancelled") => return span.status(Status::Cancelled),
        Some("stale") => return span.status(Status::Stale),
        _ => {}
    }
    let title = Some(status.message.as_str()).filter(|message| !message.is_empty());
    let message = facts
        .text(keys::ERROR_MESSAGE)
        .or(title)
        .or_else(|| exception.text(keys::EXCEPTION_MESSAGE));
    match (kind, message) {
        (kind, Some(message)) => span.error(kind.unwrap_or("error"), message),
        (Some(kind), None) => span.error_type(kind),
        (None, None) => span.status(Status::Error),
    }
}

fn time(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn pairs(attributes: Vec<KeyValue>) -> Vec<(String, Json)> {
    attributes.into_iter().map(|pair| (pair.key, json(pair.value))).collect()
}

fn json(value: Option<AnyValue>) -> Json {
    match value.and_then(|value| value.value) {
        None | Some(Any::StringValueStrindex(_)) => Json::Null,
        Some(Any::StringValue(text)) => Json::String(text),
        Some(Any::BoolValue(value)) => Json::Bool(value),
        Some(Any::IntValue(value)) => json!(value),
        Some(Any::DoubleValue(value)) if value.is_finite() => json!(value),
        Some(Any::DoubleValue(value)) => Json::String(value.to_string()),
        Some(Any::ArrayValue(list)) => {
            list.values.into_iter().map(|value| json(Some(value))).collect()
        }
        Some(Any::KvlistValue(map)) => pairs(map.values).into_iter().collect(),
        Some(Any::BytesValue(bytes)) => {
            let hex = |byte| char::from_digit(byte, 16).unwrap_or('?');
            let digits = bytes.into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
            Json::String(digits.map(|digit| hex(digit.into())).collect())
        }
    }
}
