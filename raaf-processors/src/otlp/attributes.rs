//! Translates attributes, by the table of [`OtlpSink`](crate::OtlpSink).

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use raaf_trace_model::{
    Kind,
    attributes::{Attributes, ValueRef},
    keys,
    span::{FinishedSpan, SpanError, Status},
};
use serde_json::json;

use super::value;

const INPUT: [&str; 2] = ["input.value", "input.mime_type"];
const OUTPUT: [&str; 2] = ["output.value", "output.mime_type"];
const AGENT_NAME: &str = "gen_ai.agent.name";
const TOOL_NAME: &str = "gen_ai.tool.name";
const OPEN_INFERENCE_KIND: &str = "openinference.span.kind";

pub(super) fn of(span: &FinishedSpan) -> Vec<KeyValue> {
    let set = span.attributes().stored();
    let mut wire = Wire { set, pairs: Vec::with_capacity(set.len() + 8) };
    wire.say_who(span);
    for (key, value) in set.iter() {
        wire.say(key, value);
    }
    wire.say_how_it_went(span);
    wire.say_of_the_trace(span);
    wire.pairs
}

/// Pairs so far. No key occurs twice: an attribute that was set under its key in OTLP takes the
/// place of the translated one.
struct Wire<'a> {
    set: &'a Attributes,
    pairs: Vec<KeyValue>,
}

impl<'a> Wire<'a> {
    fn put(&mut self, key: &str, value: AnyValue) {
        self.pairs.push(KeyValue {
            key: key.to_owned(),
            value: Some(value),
            ..KeyValue::default()
        });
    }

    fn put_unless_set(&mut self, key: &str, value: impl FnOnce() -> AnyValue) {
        if !self.set.contains(key) {
            self.put(key, value());
        }
    }

    /// Adds a name under that key, unless it or an attribute that is translated to it is set.
    fn name(&mut self, key: &str, name: &str, said_by: &str) {
        if !self.set.contains(said_by) {
            self.put_unless_set(key, || value::text(name));
        }
    }

    fn say_who(&mut self, span: &FinishedSpan) {
        let (kind, component) = (span.kind(), span.component_name());
        self.put(keys::COMPONENT_TYPE, value::text(kind.as_str()));
        self.put(keys::COMPONENT_NAME, value::text(component));
        self.put(keys::COMPONENT_METHOD, value::text(span.method()));
        match kind {
            Kind::Agent => self.name(AGENT_NAME, component, keys::AGENT_NAME),
            Kind::Tool => self.name(TOOL_NAME, component, keys::TOOL_NAME),
            Kind::Llm => self.name(keys::GEN_AI_REQUEST_MODEL, component, keys::AGENT_MODEL),
            _ => {}
        }
        if self.set.contains(keys::GEN_AI_OPERATION_NAME) {
            return;
        }
        match what(kind) {
            What::Operation(word) => self.put(keys::GEN_AI_OPERATION_NAME, value::text(word)),
            What::Kind(word) => self.put_unless_set(OPEN_INFERENCE_KIND, || value::text(word)),
        }
    }

    /// Adds an attribute under its key in OTLP.
    fn say(&mut self, key: &str, given: ValueRef<'a>) {
        match key {
            keys::INPUT => self.content(INPUT, given),
            keys::OUTPUT => self.content(OUTPUT, given),
            keys::TOOL_ARGUMENTS => {
                self.put_unless_set("gen_ai.tool.call.arguments", || as_text(given));
                if !self.set.contains(keys::INPUT) {
                    self.content(INPUT, given);
                }
            }
            keys::TOOL_RESULT => {
                self.put_unless_set("gen_ai.tool.call.result", || as_text(given));
                if !self.set.contains(keys::OUTPUT) {
                    self.content(OUTPUT, given);
                }
            }
            keys::GEN_AI_SYSTEM_INSTRUCTIONS => self.put(key, instructions(given)),
            _ => match translated(key) {
                Some(other) => self.put_unless_set(other, || value::any(given)),
                None => self.put(key, value::any(given)),
            },
        }
    }

    /// Adds input or output with its MIME type, as `OpenInference` defines it.
    fn content(&mut self, [key, mime_key]: [&str; 2], given: ValueRef<'_>) {
        if self.set.contains(key) {
            return;
        }
        self.put(key, as_text(given));
        let mime = if given.as_str().is_some() { "text/plain" } else { "application/json" };
        self.put_unless_set(mime_key, || value::text(mime));
    }

    /// Adds the parts of the outcome that status and times do not contain.
    fn say_how_it_went(&mut self, span: &FinishedSpan) {
        let all = span.attributes();
        for key in [keys::RESULT_TYPE, keys::RESULT_SUCCESS, keys::ERROR_CHAIN] {
            if let Some(given) = all.get(key) {
                self.put_unless_set(key, || value::any(given));
            }
        }
        let error = span.error().map(SpanError::kind);
        let how = match span.status() {
            status @ (Status::Cancelled | Status::Stale) => Some(status.as_str()),
            Status::Error => error,
            _ => None,
        };
        if let Some(how) = how {
            self.put(keys::ERROR_TYPE, value::text(how));
        }
    }

    /// Adds the workflow to each span, because children are sent before their root.
    fn say_of_the_trace(&mut self, span: &FinishedSpan) {
        let trace = span.trace();
        for (key, text) in [
            (keys::WORKFLOW_NAME, trace.workflow_name()),
            (keys::WORKFLOW_GROUP_ID, trace.group_id()),
        ] {
            if let (Some(text), Some(other)) = (text, translated(key))
                && !self.set.contains(key)
            {
                self.put_unless_set(other, || value::text(text));
            }
        }
        if span.is_local_root() && !trace.metadata().is_empty() {
            let metadata = json!(trace.metadata());
            self.put_unless_set("metadata", || value::any(ValueRef::Json(&metadata)));
        }
    }
}

/// Operation of a kind of component.
enum What {
    /// An operation of the conventions for generative AI.
    Operation(&'static str),
    /// A kind of `OpenInference`, where those conventions define no operation.
    Kind(&'static str),
}

fn what(kind: &Kind) -> What {
    match kind {
        Kind::Agent => What::Operation("invoke_agent"),
        Kind::Tool => What::Operation("execute_tool"),
        Kind::Llm | Kind::Response => What::Operation("chat"),
        Kind::Guardrail => What::Kind("GUARDRAIL"),
        Kind::Speech | Kind::Transcription => What::Kind("LLM"),
        _ => What::Kind("CHAIN"),
    }
}

/// Returns the key in OTLP of an attribute that has another one there.
fn translated(key: &str) -> Option<&'static str> {
    Some(match key {
        keys::AGENT_NAME => AGENT_NAME,
        keys::AGENT_ID => "gen_ai.agent.id",
        keys::AGENT_MODEL => keys::GEN_AI_REQUEST_MODEL,
        keys::AGENT_TEMPERATURE => keys::GEN_AI_REQUEST_TEMPERATURE,
        keys::AGENT_MAX_TOKENS => keys::GEN_AI_REQUEST_MAX_TOKENS,
        keys::TOOL_NAME => TOOL_NAME,
        keys::TOOL_CALL_ID => "gen_ai.tool.call.id",
        keys::WORKFLOW_NAME => "gen_ai.workflow.name",
        keys::WORKFLOW_GROUP_ID => keys::GEN_AI_CONVERSATION_ID,
        _ => return None,
    })
}

/// Returns text as it is, and anything else as JSON.
fn as_text(given: ValueRef<'_>) -> AnyValue {
    value::text(given.to_string())
}

/// Returns a list of parts, which the conventions require even for a single text.
fn instructions(given: ValueRef<'_>) -> AnyValue {
    match given.as_str() {
        Some(text) if !is_list(text) => {
            value::text(json!([{"type": "text", "content": text}]).to_string())
        }
        _ => as_text(given),
    }
}

fn is_list(text: &str) -> bool {
    text.trim_start().starts_with('[')
        && serde_json::from_str::<Vec<serde::de::IgnoredAny>>(text).is_ok()
}
