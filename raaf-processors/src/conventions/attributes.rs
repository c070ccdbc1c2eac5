//! Translates attributes, by the table of `OtlpSink`.

use std::borrow::Cow;

use raaf_trace_model::{
    Kind,
    attributes::{Attributes, ValueRef},
    keys,
    span::{FinishedSpan, SpanError, Status},
};
use serde_json::{Value as Json, json};

use super::{
    messages,
    operation::Operation,
    value::{self, Any, as_text},
};
const INPUT: [&str; 2] = ["input.value", "input.mime_type"];
const OUTPUT: [&str; 2] = ["output.value", "output.mime_type"];
const AGENT_NAME: &str = "gen_ai.agent.name";
const TOOL_NAME: &str = "gen_ai.tool.name";
const OPEN_INFERENCE_KIND: &str = "openinference.span.kind";
const LANGFUSE_PROMPT: [&str; 2] =
    ["langfuse.observation.prompt.name", "langfuse.observation.prompt.version"];

/// Metadata of a trace that backends look for on its spans.
const OF_EACH_SPAN: [&str; 5] =
    [keys::USER_ID, keys::SESSION_ID, keys::TAGS, keys::RELEASE, keys::ENVIRONMENT];

/// Metadata of a trace that the conventions define for model calls. On spans without an input, Langfuse
/// would show it as one.
const OF_MODEL_CALLS: [&str; 2] = [keys::GEN_AI_PROMPT_NAME, keys::GEN_AI_PROMPT_VERSION];

/// Passes the attributes of a span to `put`; with `texts`, those of model calls in a form for lists,
/// too. No key occurs twice: an attribute that was set under its key in OpenTelemetry takes the place of
/// the translated one.
pub fn attributes(span: &FinishedSpan, texts: bool, put: &mut dyn FnMut(&str, &Any<'_>)) {
    let set = span.attributes().stored();
    let mut wire = Wire { set, out: put };
    wire.say_who(span);
    for (key, value) in set.iter() {
        wire.say(key, value);
    }
    if texts && is_model_call(span) {
        wire.texts();
    }
    wire.say_how_it_went(span);
    wire.say_of_the_trace(span);
}

/// Pairs that are passed on.
struct Wire<'a> {
    set: &'a Attributes,
    out: &'a mut dyn FnMut(&str, &Any<'_>),
}

impl<'a> Wire<'a> {
    fn put(&mut self, key: &str, value: &Any<'_>) {
        (self.out)(key, value);
    }

    fn put_unless_set<'v>(&mut self, key: &str, value: impl FnOnce() -> Any<'v>) {
        if !self.set.contains(key) {
            self.put(key, &value());
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
        self.put(keys::COMPONENT_TYPE, &value::text(kind.as_str()));
        self.put(keys::COMPONENT_NAME, &value::text(component));
        // Readers assume `run` if the attribute is missing.
        if span.method() != "run" {
            self.put(keys::COMPONENT_METHOD, &value::text(span.method()));
        }
        match kind {
            Kind::Agent => self.name(AGENT_NAME, component, keys::AGENT_NAME),
            Kind::Pipeline | Kind::Trace | Kind::Runner => {
                self.name(AGENT_NAME, component, keys::PIPELINE_NAME);
            }
            Kind::Tool => self.name(TOOL_NAME, component, keys::TOOL_NAME),
            Kind::Llm => self.name(keys::GEN_AI_REQUEST_MODEL, component, keys::AGENT_MODEL),
            _ => {}
        }
        if self.set.contains(keys::GEN_AI_OPERATION_NAME) {
            return;
        }
        let Operation { name, inference } = Operation::of(kind);
        if let Some(name) = name {
            self.put(keys::GEN_AI_OPERATION_NAME, &value::text(name));
        }
        if let Some(inference) = inference {
            self.put_unless_set(OPEN_INFERENCE_KIND, || value::text(inference));
        }
    }

    /// Adds an attribute under its key in OTLP.
    fn say(&mut self, key: &str, given: ValueRef<'a>) {
        match key {
            keys::INPUT => self.content(INPUT, given, &as_text(given)),
            keys::OUTPUT => self.content(OUTPUT, given, &as_text(given)),
            keys::TOOL_ARGUMENTS | keys::TOOL_RESULT => {
                let (tool, by_hand, content) = match key {
                    keys::TOOL_ARGUMENTS => ("gen_ai.tool.call.arguments", keys::INPUT, INPUT),
                    _ => ("gen_ai.tool.call.result", keys::OUTPUT, OUTPUT),
                };
                let text = as_text(given);
                self.put_unless_set(tool, || value::text(&*text));
                if !self.set.contains(by_hand) {
                    self.content(content, given, &text);
                }
            }
            keys::GEN_AI_SYSTEM_INSTRUCTIONS => self.put(key, &instructions(given)),
            // A span that has both names is the agent's.
            keys::PIPELINE_NAME if self.set.contains(keys::AGENT_NAME) => {}
            _ => match translated(key) {
                Some(other) => self.put_unless_set(other, || value::any(given)),
                None => self.put_with_copy(key, given),
            },
        }
    }

    /// Adds an attribute under its key, and under the key that a backend has for it.
    fn put_with_copy(&mut self, key: &str, given: ValueRef<'_>) {
        self.put(key, &value::any(given));
        if let Some(copy) = copied(key) {
            self.put_unless_set(copy, || value::any(given));
        }
    }

    /// Adds input or output as text, with its MIME type, as `OpenInference` defines it.
    fn content(&mut self, [key, mime_key]: [&str; 2], given: ValueRef<'_>, text: &str) {
        if self.set.contains(key) {
            return;
        }
        self.put(key, &value::text(text));
        let mime = if given.as_str().is_some() { "text/plain" } else { "application/json" };
        self.put_unless_set(mime_key, || value::text(mime));
    }

    /// Adds the texts of a model call's last message and of its answer.
    fn texts(&mut self) {
        let set = self.set;
        for (given, by_hand, wire) in [
            (keys::GEN_AI_INPUT_MESSAGES, keys::INPUT, INPUT),
            (keys::GEN_AI_OUTPUT_MESSAGES, keys::OUTPUT, OUTPUT),
        ] {
            let given = set.get(given).filter(|_| !set.contains(by_hand));
            if let Some(text) = given.map(messages::last).filter(|text| !text.is_empty()) {
                self.content(wire, ValueRef::Str(&text), &text);
            }
        }
    }

    /// Adds the parts of the outcome that status and times do not contain.
    fn say_how_it_went(&mut self, span: &FinishedSpan) {
        let all = span.attributes();
        for key in [keys::RESULT_TYPE, keys::ERROR_CHAIN] {
            if let Some(given) = all.get(key) {
                self.put_unless_set(key, || value::any(given));
            }
        }
        // The status has it together with the causes.
        if let Some(Cow::Owned(_)) = span.error().and_then(SpanError::with_causes)
            && let Some(message) = span.error().and_then(SpanError::message)
        {
            self.put(keys::ERROR_MESSAGE, &value::text(message));
        }
        let error = span.error().map(SpanError::kind);
        let how = match span.status() {
            status @ (Status::Cancelled | Status::Stale) => Some(status.as_str()),
            Status::Error => error,
            _ => None,
        };
        if let Some(how) = how {
            self.put(keys::ERROR_TYPE, &value::text(how));
        }
        let failed = matches!(span.status(), Status::Error | Status::Cancelled | Status::Stale);
        if failed && is_model_call(span) {
            let reasons = json!(["error"]);
            let reasons = || value::any(ValueRef::Json(&reasons));
            self.put_unless_set(keys::GEN_AI_RESPONSE_FINISH_REASONS, reasons);
        }
    }

    /// Adds the workflow, and the metadata that backends look for on spans, to each span, because
    /// children are sent before their root, and the other metadata to the root.
    fn say_of_the_trace(&mut self, span: &FinishedSpan) {
        let trace = span.trace();
        if let Some(name) = trace.workflow_name() {
            self.put_unless_set(keys::WORKFLOW_NAME, || value::text(name));
        }
        if let Some(group) = trace.group_id() {
            self.name(keys::GEN_AI_CONVERSATION_ID, group, keys::WORKFLOW_GROUP_ID);
        }
        let mut metadata = serde_json::Map::new();
        for (key, given) in trace.metadata().iter() {
            let of_call = OF_MODEL_CALLS.contains(&key);
            if OF_EACH_SPAN.contains(&key) || (of_call && is_model_call(span)) {
                if !self.set.contains(key) {
                    self.put_with_copy(key, given);
                }
            } else if span.is_local_root() && !of_call {
                metadata.insert(key.to_owned(), json!(given));
            }
        }
        if !metadata.is_empty() {
            let metadata = Json::Object(metadata);
            self.put_unless_set("metadata", || value::any(ValueRef::Json(&metadata)));
        }
        if is_model_call(span) {
            self.link_prompt(trace.metadata());
        }
    }

    /// Links a model call with its prompt in Langfuse, which numbers the versions of prompts, and
    /// expects a name and a version or neither.
    fn link_prompt(&mut self, metadata: &Attributes) {
        let set = self.set;
        let [name, version] = OF_MODEL_CALLS.map(|key| set.get(key).or_else(|| metadata.get(key)));
        let number = |given: ValueRef<'_>| given.as_i64().or_else(|| given.as_str()?.parse().ok());
        if let (Some(name), Some(version)) = (name, version.and_then(number)) {
            self.put_unless_set(LANGFUSE_PROMPT[0], || value::any(name));
            self.put_unless_set(LANGFUSE_PROMPT[1], || Any::Int(version));
        }
    }
}

fn is_model_call(span: &FinishedSpan) -> bool {
    matches!(span.kind(), Kind::Llm | Kind::Response)
}

/// Returns the key under which an attribute is sent, too: that of `OpenInference`, or of Langfuse.
fn copied(key: &str) -> Option<&'static str> {
    Some(match key {
        // Phoenix prices the tokens of a call itself, and reads neither in OpenTelemetry's terms.
        keys::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS => "llm.token_count.prompt_details.cache_write",
        keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS => {
            "llm.token_count.completion_details.reasoning"
        }
        keys::GEN_AI_USAGE_COST => "llm.cost.total",
        keys::GEN_AI_PROMPT_VERSION => "llm.prompt_template.version",
        keys::RELEASE => "langfuse.release",
        _ => return None,
    })
}

/// Returns the key in OTLP of an attribute that has another one there.
fn translated(key: &str) -> Option<&'static str> {
    Some(match key {
        keys::AGENT_NAME | keys::PIPELINE_NAME => AGENT_NAME,
        keys::AGENT_MODEL => keys::GEN_AI_REQUEST_MODEL,
        keys::AGENT_TEMPERATURE => keys::GEN_AI_REQUEST_TEMPERATURE,
        keys::AGENT_MAX_TOKENS => keys::GEN_AI_REQUEST_MAX_TOKENS,
        keys::TOOL_NAME => TOOL_NAME,
        keys::TOOL_CALL_ID => "gen_ai.tool.call.id",
        keys::TOOL_TYPE => "gen_ai.tool.type",
        keys::TOOL_DESCRIPTION => "gen_ai.tool.description",
        keys::WORKFLOW_GROUP_ID => keys::GEN_AI_CONVERSATION_ID,
        _ => return None,
    })
}

/// Returns a list of parts, which the conventions require even for a single text.
fn instructions(given: ValueRef<'_>) -> Any<'_> {
    match given.as_str() {
        Some(text) if !is_list(text) => {
            value::text(json!([{"type": "text", "content": text}]).to_string())
        }
        _ => value::text(as_text(given)),
    }
}

fn is_list(text: &str) -> bool {
    text.trim_start().starts_with('[')
        && serde_json::from_str::<Vec<serde::de::IgnoredAny>>(text).is_ok()
}
