//! Spans of OTLP. For spans of this project, the additions and the renamed attributes of the exporter are
//! undone.

use std::{collections::HashMap, error::Error};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value as Any},
};
use prost::Message as _;
use raaf_testkit::read;
use raaf_trace_model::{
    id::{SpanId, TraceId},
    keys,
    span::FinishedSpan,
};
use serde_json::{Map, Value as Json, json};

use super::Imported;

type Fields = Map<String, Json>;

/// Metadata of a trace that the exporter adds to its spans.
const METADATA: [&str; 7] = [
    keys::USER_ID,
    keys::SESSION_ID,
    keys::TAGS,
    keys::RELEASE,
    keys::ENVIRONMENT,
    keys::GEN_AI_PROMPT_NAME,
    keys::GEN_AI_PROMPT_VERSION,
];

/// Keys in OTLP, with the keys of the attributes that they replace.
const RENAMED: [(&str, &str); 6] = [
    ("gen_ai.tool.name", keys::TOOL_NAME),
    ("gen_ai.tool.call.arguments", keys::TOOL_ARGUMENTS),
    ("gen_ai.tool.call.result", keys::TOOL_RESULT),
    ("gen_ai.tool.call.id", keys::TOOL_CALL_ID),
    ("gen_ai.tool.type", keys::TOOL_TYPE),
    ("gen_ai.tool.description", keys::TOOL_DESCRIPTION),
];

/// Further keys of agents, with the keys of the attributes that they replace.
const OF_AGENTS: [(&str, &str); 4] = [
    (AGENT_NAME, keys::AGENT_NAME),
    (keys::GEN_AI_REQUEST_MODEL, keys::AGENT_MODEL),
    (keys::GEN_AI_REQUEST_TEMPERATURE, keys::AGENT_TEMPERATURE),
    (keys::GEN_AI_REQUEST_MAX_TOKENS, keys::AGENT_MAX_TOKENS),
];

const AGENT_NAME: &str = "gen_ai.agent.name";

/// Keys whose values are lists.
const LISTS: [&str; 4] = [
    keys::GEN_AI_SYSTEM_INSTRUCTIONS,
    keys::GEN_AI_INPUT_MESSAGES,
    keys::GEN_AI_OUTPUT_MESSAGES,
    keys::GEN_AI_TOOL_DEFINITIONS,
];

/// Keys that repeat values of other keys.
const COPIES: [&str; 7] = [
    "llm.token_count.prompt_details.cache_write",
    "llm.token_count.completion_details.reasoning",
    "llm.cost.total",
    "llm.prompt_template.version",
    "langfuse.release",
    "langfuse.observation.prompt.name",
    "langfuse.observation.prompt.version",
];

/// Reads a request in protobuf.
///
/// # Errors
///
/// Returns the reason if the body is not such a request.
pub(crate) fn binary(body: &[u8]) -> Result<Imported, String> {
    let request = ExportTraceServiceRequest::decode(body).map_err(|error| no_request(&error))?;
    spans(&request, body)
}

/// Reads a request in JSON. Enumerations may be words, and fields null, as some programs write them.
///
/// # Errors
///
/// Returns the reason if the body is not such a request.
pub(crate) fn json_text(body: &[u8]) -> Result<Imported, String> {
    if let Ok(request) = serde_json::from_slice::<ExportTraceServiceRequest>(body) {
        return spans(&request, &request.encode_to_vec());
    }
    json(serde_json::from_slice(body).map_err(|error| no_request(&error))?)
}

/// Reads a request in parsed JSON, like [`json_text`].
///
/// # Errors
///
/// Returns the reason if the body is not such a request.
pub(crate) fn json(mut body: Json) -> Result<Imported, String> {
    loosen(&mut body);
    let request: ExportTraceServiceRequest =
        serde_json::from_value(body).map_err(|error| no_request(&error))?;
    spans(&request, &request.encode_to_vec())
}

fn no_request(error: &dyn Error) -> String {
    format!("not an OTLP trace request: {error}")
}

/// Replaces names of enumerations by numbers, removes fields that are null, and turns doubles that JSON
/// cannot express, such as `NaN`, into strings.
fn loosen(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(loosen),
        Json::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            for (key, value) in fields.iter_mut() {
                let number = match (key.as_str(), value.as_str()) {
                    ("kind", Some(word)) => kind(word),
                    ("code", Some(word)) => code(word),
                    _ => None,
                };
                match number {
                    Some(number) => *value = number.into(),
                    None => loosen(value),
                }
            }
            if fields.get("doubleValue").is_some_and(Json::is_string) {
                let text = fields.remove("doubleValue").unwrap_or_default();
                fields.insert("stringValue".to_owned(), text);
            }
        }
        _ => {}
    }
}

fn kind(word: &str) -> Option<usize> {
    let words = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
    let word = word.strip_prefix("SPAN_KIND_")?;
    words.iter().position(|known| *known == word)
}

fn code(word: &str) -> Option<usize> {
    let word = word.strip_prefix("STATUS_CODE_")?;
    ["UNSET", "OK", "ERROR"].iter().position(|known| *known == word)
}

/// Returns the spans of a request. `body` is its form in protobuf.
fn spans(request: &ExportTraceServiceRequest, body: &[u8]) -> Result<Imported, String> {
    let resources = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    let all = resources.flat_map(|scope| &scope.spans);
    let ours: HashMap<_, _> = all
        .filter(|span| get(&span.attributes, keys::COMPONENT_TYPE).is_some())
        .filter_map(|span| {
            let trace = TraceId::from_bytes(span.trace_id.as_slice().try_into().ok()?)?;
            let id = SpanId::from_bytes(span.span_id.as_slice().try_into().ok()?)?;
            Some(((trace, id), (added(&span.attributes), sources(&span.attributes))))
        })
        .collect();
    let read = read::otlp(body).map_err(|fault| fault.to_string())?;
    let faults = read.faults().iter().map(ToString::to_string).collect();

    let mut of_traces = HashMap::<TraceId, Fields>::new();
    let mut lines = Vec::new();
    for span in read.as_written() {
        let Some((added, sources)) = ours.get(&(span.trace_id(), span.span_id())) else {
            lines.push((span, None));
            continue;
        };
        let mut line = serde_json::to_value(span).map_err(|error| error.to_string())?;
        if let Some(sources) = sources {
            line["error_sources"] = sources.clone();
        }
        let metadata = restore(span, added, &mut line);
        of_traces.entry(span.trace_id()).or_default().extend(metadata);
        lines.push((span, Some(line)));
    }
    let spans = lines.into_iter().map(|(span, line)| {
        let Some(mut line) = line else { return Ok(span.clone()) };
        if let Some(metadata) = of_traces.get(&span.trace_id()).filter(|all| !all.is_empty()) {
            line["metadata"] = json!(metadata);
        }
        serde_json::from_value(line).map_err(|error| error.to_string())
    });
    Ok(Imported { spans: spans.collect::<Result<_, _>>()?, faults })
}

fn get<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Any> {
    let found = attributes.iter().find(|pair| pair.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

/// Returns the keys of names and operations that the exporter has added: it writes them after the
/// component and before the span's own attributes.
fn added(attributes: &[KeyValue]) -> Vec<&str> {
    let text = |pair: &KeyValue| match pair.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) => Some(text.clone()),
        _ => None,
    };
    let component = attributes.iter().find(|pair| pair.key == keys::COMPONENT_NAME).and_then(text);
    let first = attributes.iter().skip_while(|pair| pair.key.starts_with("component."));
    let mut first = first.map(|pair| (pair.key.as_str(), text(pair))).peekable();
    let names = [AGENT_NAME, "gen_ai.tool.name", keys::GEN_AI_REQUEST_MODEL];
    let name = first.next_if(|(key, text)| names.contains(key) && *text == component);
    let operation = first.next_if(|(key, _)| *key == keys::GEN_AI_OPERATION_NAME);
    let kind = first.next_if(|(key, _)| *key == "openinference.span.kind");
    let [name, operation, kind] = [name, operation, kind].map(|pair| pair.map(|(key, _)| key));
    // Model calls have no kind there. One that has set its operation may have set its model before that.
    let by_model = name == Some(keys::GEN_AI_REQUEST_MODEL);
    let added = match (kind, operation) {
        (Some(_), _) => [name, operation, kind],
        (None, Some(_)) if by_model => [name, operation, None],
        _ => [name.filter(|_| !by_model), None, None],
    };
    added.into_iter().flatten().collect()
}

/// Returns the sources of an error, if they are a list of strings.
fn sources(attributes: &[KeyValue]) -> Option<Json> {
    let text = |any: &Any| match any {
        Any::StringValue(text) => Some(Json::from(text.as_str())),
        _ => None,
    };
    match get(attributes, keys::ERROR_CHAIN)? {
        Any::ArrayValue(list) => {
            list.values.iter().map(|item| text(item.value.as_ref()?)).collect()
        }
        _ => None,
    }
}

/// Restores the line of a span of this project. Returns the trace's metadata from its attributes.
fn restore(span: &FinishedSpan, added: &[&str], line: &mut Json) -> Fields {
    let kind = span.kind().clone();
    let named = FinishedSpan::builder(kind.clone(), span.component_name());
    line["name"] = json!(named.method(span.method().to_owned()).build().name());
    let trace =
        [("workflow_name", keys::WORKFLOW_NAME), ("group_id", keys::GEN_AI_CONVERSATION_ID)];
    for (field, key) in trace {
        // Empty strings are restored, too.
        if let Some(Json::String(text)) = take(line, key) {
            line[field] = text.into();
        }
    }
    let Some(attributes) = line["attributes"].as_object_mut() else { return Fields::new() };
    let is_call = matches!(kind.as_str(), "llm" | "response");

    for key in added {
        attributes.remove(*key);
    }
    for copy in COPIES {
        attributes.remove(copy);
    }
    if span.status().success() == Some(false) && is_call {
        let reasons = attributes.get(keys::GEN_AI_RESPONSE_FINISH_REASONS);
        if reasons.is_some_and(|reasons| *reasons == json!(["error"])) {
            attributes.remove(keys::GEN_AI_RESPONSE_FINISH_REASONS);
        }
    }
    for (of, by_tool, messages, key) in [
        ("input", "gen_ai.tool.call.arguments", keys::GEN_AI_INPUT_MESSAGES, keys::INPUT),
        ("output", "gen_ai.tool.call.result", keys::GEN_AI_OUTPUT_MESSAGES, keys::OUTPUT),
    ] {
        content(attributes, of, by_tool, (is_call, messages), key);
    }
    let of_kind = match kind.as_str() {
        "agent" => &OF_AGENTS[..],
        "pipeline" | "runner" | "trace" => &[(AGENT_NAME, keys::PIPELINE_NAME)],
        _ => &[],
    };
    for (key, own) in RENAMED.iter().chain(of_kind) {
        if let Some(value) = attributes.remove(*key) {
            attributes.insert((*own).to_owned(), value);
        }
    }
    for key in LISTS {
        let Some(value) = attributes.get_mut(key) else { continue };
        let list = value.as_str().and_then(|text| serde_json::from_str::<Vec<Json>>(text).ok());
        if let Some(list) = list {
            *value = list.into();
        }
    }
    metadata(attributes)
}

/// Restores an input or an output. A tool has it under another key, too; for a model call with messages, it
/// is only the text of the last one, and is removed.
fn content(
    attributes: &mut Fields,
    of: &str,
    by_tool: &str,
    (is_call, messages): (bool, &str),
    key: &str,
) {
    let Some(value) = attributes.remove(&format!("{of}.value")) else { return };
    let is_json = attributes.remove(&format!("{of}.mime_type")) == Some("application/json".into());
    let parsed =
        value.as_str().filter(|_| is_json).and_then(|text| serde_json::from_str(text).ok());
    let given = parsed.unwrap_or_else(|| value.clone());
    if let Some(tool) = attributes.get_mut(by_tool)
        && *tool == value
    {
        *tool = given;
    } else if !(is_call && attributes.contains_key(messages)) {
        attributes.insert(key.to_owned(), given);
    }
}

fn metadata(attributes: &mut Fields) -> Fields {
    let mut metadata = Fields::new();
    if let Some(Json::String(text)) = attributes.get("metadata")
        && let Ok(all) = serde_json::from_str::<Fields>(text)
    {
        metadata = all;
        attributes.remove("metadata");
    }
    for key in METADATA {
        metadata.extend(attributes.remove_entry(key));
    }
    metadata
}

fn take(line: &mut Json, key: &str) -> Option<Json> {
    line["attributes"].as_object_mut()?.remove(key)
}
