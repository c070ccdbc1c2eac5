//! Spans as OpenAI's Agents SDK sends them to `/v1/traces/ingest`. There is no public schema; the fields
//! are those of `agents/tracing/span_data.py` in version 0.24 of the SDK.

use std::{collections::HashMap, time::SystemTime};

use raaf_trace_model::{
    attributes::{Attributes, Value},
    id::{SpanId, TraceId},
    keys,
    span::{FinishedSpan, FinishedSpanBuilder, Status},
};
use serde_json::Value as Json;

use super::Imported;

/// Reads traces and spans. Each trace becomes a root that covers its spans here. Invalid items are left
/// out, with the reason.
pub(super) fn all(items: &[Json]) -> Imported {
    let (spans, faults) = read(items, None);
    Imported { spans, faults }
}

/// Trace that has begun, with the first start and the last end of its spans so far.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) trace: Json,
    pub(super) times: Option<Times>,
}

type Times = (SystemTime, SystemTime);

/// Extends the times by those of a span.
pub(super) fn with(times: Option<Times>, span: &FinishedSpan) -> Times {
    let (start, end) = (span.start_time(), span.end_time());
    times.map_or((start, end), |(first, last)| (first.min(start), last.max(end)))
}

/// Reads a request, with the traces of earlier ones. Each request with a top span of a trace yields the
/// root again.
///
/// # Errors
///
/// The reason why one of its items makes no sense.
pub(super) fn spans_of<'a>(
    items: &'a [Json],
    earlier: &'a HashMap<TraceId, Begun>,
) -> Result<Vec<FinishedSpan>, String> {
    let (spans, mut faults) = read(items, Some(earlier));
    faults.drain(..).next().map_or(Ok(spans), Err)
}

fn read<'a>(
    items: &'a [Json],
    earlier: Option<&'a HashMap<TraceId, Begun>>,
) -> (Vec<FinishedSpan>, Vec<String>) {
    let is = |kind: &'static str| move |item: &&Json| item["object"] == kind;
    let own = items.iter().filter(is("trace"));
    let own = own.filter_map(|trace| Some((trace_id(trace, "id")?, trace)));
    let known = earlier.into_iter().flatten().map(|(id, begun)| (*id, &begun.trace));
    let traces: HashMap<_, _> = known.chain(own).collect();
    let (mut all, mut faults) = (Vec::new(), Vec::new());
    for item in items.iter().filter(is("trace.span")) {
        let of = trace_id(item, "trace_id").ok_or("its trace id is invalid".to_owned());
        let read = of.and_then(|of| span(item, of, traces.get(&of).copied()));
        match read {
            Ok(span) => all.push(span),
            Err(reason) => faults.push(format!("{}: {reason}", item["id"])),
        }
    }
    let mut roots: Vec<_> =
        traces.iter().filter_map(|(id, trace)| root(*id, trace, &all, earlier)).collect();
    roots.sort_by_key(FinishedSpan::start_time);
    all.append(&mut roots);
    (all, faults)
}

/// Returns the id of the root of a trace, which the SDK does not send as a span.
fn root_id(trace: TraceId) -> Option<SpanId> {
    SpanId::from_u64(trace.to_u128() as u64)
}

pub(super) fn trace_id(item: &Json, key: &str) -> Option<TraceId> {
    TraceId::parse(item[key].as_str()?).ok()
}

fn root(
    id: TraceId,
    trace: &Json,
    spans: &[FinishedSpan],
    earlier: Option<&HashMap<TraceId, Begun>>,
) -> Option<FinishedSpan> {
    let own = || spans.iter().filter(|span| span.trace_id() == id);
    if earlier.is_some() && own().all(|span| span.parent_id() != root_id(id)) {
        return None;
    }
    let before = earlier.and_then(|all| all.get(&id)?.times);
    let (start, end) = own().fold(before, |times, span| Some(with(times, span)))?;
    let name = trace["workflow_name"].as_str().unwrap_or("trace");
    let root = FinishedSpan::builder("trace", name).span_id(root_id(id)?).local_root(true);
    Some(
        of_trace(root.start(start), id, Some(trace))
            .lasting(end.duration_since(start).unwrap_or_default())
            .build(),
    )
}

fn of_trace(
    mut span: FinishedSpanBuilder,
    id: TraceId,
    trace: Option<&Json>,
) -> FinishedSpanBuilder {
    span = span.trace_id(id);
    let Some(trace) = trace else { return span };
    if let Some(name) = trace["workflow_name"].as_str() {
        span = span.workflow_name(name.to_owned());
    }
    if let Some(group) = trace["group_id"].as_str() {
        span = span.group_id(group.to_owned());
    }
    for (key, value) in trace["metadata"].as_object().into_iter().flatten() {
        span = span.metadata(key.clone(), Value::json(value));
    }
    span
}

fn span(item: &Json, id: TraceId, trace: Option<&Json>) -> Result<FinishedSpan, String> {
    let data = &item["span_data"];
    let (kind, component) = part(data);
    let start = time(&item["started_at"])?;
    let end = if item["ended_at"].is_null() { start } else { time(&item["ended_at"])? };
    let parent = match &item["parent_id"] {
        Json::Null => root_id(id),
        parent => Some(span_id(parent)?),
    };
    let mut span = of_trace(FinishedSpan::builder(kind, component), id, trace)
        .span_id(span_id(&item["id"])?)
        .parent_id(parent)
        .local_root(false)
        .start(start)
        .lasting(end.duration_since(start).unwrap_or_default())
        .status(Status::Ok)
        .attributes(|attributes| describe(data, attributes));
    if !item["error"].is_null() {
        let (kind, message) = error(&item["error"]);
        span = span.error(kind, message).status(Status::Error);
    }
    Ok(span.build())
}

/// Returns the type and the message of an error. Its other data follow the message.
fn error(error: &Json) -> (String, String) {
    let text = |json: &Json| json.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let data = &error["data"];
    let kind = text(&data["type"]);
    let is_more = match data.as_object() {
        Some(fields) => fields.keys().any(|key| key != "type" || kind.is_none()),
        None => !data.is_null(),
    };
    let more = is_more.then(|| data.to_string());
    let message = text(error).or_else(|| text(&error["message"]));
    let message: Vec<_> = message.into_iter().chain(more).collect();
    (kind.unwrap_or_else(|| "error".to_owned()), message.join(": "))
}

/// Returns kind and component of a span.
fn part(data: &Json) -> (String, String) {
    let text = |key: &str| data[key].as_str().map(str::to_owned);
    let name = || text("name");
    let kind = data["type"].as_str().unwrap_or("custom");
    let (kind, component) = match kind {
        "function" => ("tool", name()),
        "generation" => ("llm", text("model")),
        "response" => ("llm", text("model").or(Some("response".to_owned()))),
        "handoff" => ("handoff", text("to_agent")),
        "mcp_tools" => ("mcp", text("server")),
        "speech" | "transcription" | "speech_group" => (kind, text("model")),
        _ => (kind, name()),
    };
    (kind.to_owned(), component.unwrap_or_else(|| kind.to_owned()))
}

/// Sets the attributes from the data of a span.
fn describe(data: &Json, attributes: &mut Attributes) {
    let kind = data["type"].as_str().unwrap_or_default();
    let Some(fields) = data.as_object() else { return };
    for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let value_of = || match value {
            Json::String(text) => Value::from(text.as_str()),
            Json::Bool(flag) => Value::Bool(*flag),
            Json::Number(number) if number.is_i64() => {
                Value::Int(number.as_i64().unwrap_or_default())
            }
            other => Value::json(other),
        };
        match (kind, key.as_str()) {
            (_, "type" | "name") => {}
            ("function", "input") => _ = attributes.set_content(keys::TOOL_ARGUMENTS, value_of()),
            ("function", "output") => _ = attributes.set_content(keys::TOOL_RESULT, value_of()),
            ("generation", "input") => {
                _ = attributes.set_content(keys::GEN_AI_INPUT_MESSAGES, value_of());
            }
            ("generation", "output") => {
                _ = attributes.set_content(keys::GEN_AI_OUTPUT_MESSAGES, value_of());
            }
            (_, "input") => _ = attributes.set_content(keys::INPUT, value_of()),
            (_, "output") => _ = attributes.set_content(keys::OUTPUT, value_of()),
            (_, "model") => _ = attributes.set(keys::GEN_AI_REQUEST_MODEL, value_of()),
            (_, "usage") => {
                // Chat Completions has other names.
                for (theirs, ours) in [
                    ("/prompt_tokens", keys::GEN_AI_USAGE_INPUT_TOKENS),
                    ("/completion_tokens", keys::GEN_AI_USAGE_OUTPUT_TOKENS),
                    ("/input_tokens", keys::GEN_AI_USAGE_INPUT_TOKENS),
                    ("/output_tokens", keys::GEN_AI_USAGE_OUTPUT_TOKENS),
                    (
                        "/input_tokens_details/cached_tokens",
                        keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
                    ),
                    (
                        "/output_tokens_details/reasoning_tokens",
                        keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
                    ),
                ] {
                    if let Some(count) = value.pointer(theirs).and_then(Json::as_i64) {
                        attributes.set(ours, count);
                    }
                }
            }
            (_, key) => _ = attributes.set(format!("{kind}.{key}"), value_of()),
        }
    }
}

/// Reads an id, which has 24 digits: the last 16 are ours.
fn span_id(id: &Json) -> Result<SpanId, &'static str> {
    let digits = id.as_str().and_then(|id| id.strip_prefix("span_"));
    let digits = digits.and_then(|digits| digits.get(digits.len().checked_sub(16)?..));
    digits
        .and_then(|digits| SpanId::parse(digits).ok())
        .ok_or("the id of it or of its parent is invalid")
}

fn time(text: &Json) -> Result<SystemTime, String> {
    let text = text.as_str().unwrap_or_default();
    // The SDK writes an offset of zero.
    let utc = text.strip_suffix("+00:00").map(|time| format!("{time}Z"));
    humantime::parse_rfc3339(utc.as_deref().unwrap_or(text))
        .map_err(|error| format!("`{}` is no time: {error}", text.escape_debug()))
}

#[cfg(test)]
mod tests {
    use raaf_trace_model::span::SpanError;
    use serde_json::json;

    use super::*;

    #[test]
    fn spans_are_read_as_the_sdk_sends_them() {
        let items = json!([
            { "object": "trace", "id": "trace_6f5f50ba94314747a180a44c02365ab1",
              "workflow_name": "Customer service", "group_id": "chat_1", "metadata": { "tier": "gold" } },
            { "object": "trace.span", "id": "span_31713aa135cf4200ad578f11",
              "trace_id": "trace_6f5f50ba94314747a180a44c02365ab1", "parent_id": null,
              "started_at": "2026-11-22T06:24:10.500000+00:00", "ended_at": "2026-11-22T06:24:11.500000+00:00",
              "span_data": { "type": "function", "name": "lookup", "input": "{\"id\":1}", "output": "none", "mcp_data": null },
              "error": { "message": "not found", "data": { "type": "KeyError" } } },
        ]);
        let read = all(items.as_array().unwrap()).spans;
        let [span, root] = &read[..] else { panic!("a span and its root: {read:?}") };
        assert_eq!((root.component_name(), root.duration()), ("Customer service", span.duration()));
        assert_eq!(span.parent_id(), Some(root.span_id()));
        assert_eq!((span.kind().as_str(), span.component_name()), ("tool", "lookup"));
        assert_eq!(span.span_id().hex().as_str(), "35cf4200ad578f11");
        assert_eq!(span.duration().as_secs(), 1);
        assert_eq!(span.trace().workflow_name(), Some("Customer service"));
        assert_eq!(span.error().map(SpanError::kind), Some("KeyError"));
        assert_eq!(span.attributes().get(keys::TOOL_RESULT), Some("none".into()));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let item = json!([{ "object": "trace.span", "id": "span_1", "started_at": "now",
            "trace_id": "trace_6f5f50ba94314747a180a44c02365ab1" }]);
        let faults = all(item.as_array().unwrap()).faults;
        assert_eq!(faults, ["\"span_1\": `now` is no time: timestamp format is invalid"]);
    }
}
