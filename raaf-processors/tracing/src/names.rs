//! Names of fields in several conventions, mapped to keys and to kinds of spans.

use raaf_trace_core::{Kind, Span, Value, keys};
use serde_json::Value as Json;

/// Returns the key under which the fact of a field is stored.
pub(crate) fn key_of(field: &'static str) -> &'static str {
    match field {
        "gen_ai.agent.name" => keys::AGENT_NAME,
        "gen_ai.agent.id" => keys::AGENT_ID,
        "gen_ai.tool.name" => keys::TOOL_NAME,
        "gen_ai.tool.description" => keys::TOOL_DESCRIPTION,
        "gen_ai.tool.type" => keys::TOOL_TYPE,
        "gen_ai.tool.call.id" => keys::TOOL_CALL_ID,
        "gen_ai.tool.call.arguments" => keys::TOOL_ARGUMENTS,
        "gen_ai.tool.call.result" => keys::TOOL_RESULT,
        "gen_ai.system" => keys::GEN_AI_PROVIDER_NAME,
        "gen_ai.usage.prompt_tokens" => keys::GEN_AI_USAGE_INPUT_TOKENS,
        "gen_ai.usage.completion_tokens" => keys::GEN_AI_USAGE_OUTPUT_TOKENS,
        "gen_ai.usage.reasoning_tokens" => keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
        "gen_ai.usage.cache_creation.input_tokens" | "gen_ai.usage.cache_creation_input_tokens" => {
            keys::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS
        }
        "gen_ai.usage.cache_read_input_tokens" => keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
        "gen_ai.prompt" | "input.value" => keys::INPUT,
        "gen_ai.completion" | "output.value" => keys::OUTPUT,
        other => other,
    }
}

/// Returns whether an attribute is content.
pub(crate) fn is_content(key: &str) -> bool {
    const PREFIXES: [&str; 5] = [
        "gen_ai.prompt.",
        "gen_ai.completion.",
        "llm.input_messages",
        "llm.output_messages",
        "traceloop.entity.",
    ];
    [
        keys::INPUT,
        keys::OUTPUT,
        keys::TOOL_ARGUMENTS,
        keys::TOOL_RESULT,
        keys::GEN_AI_SYSTEM_INSTRUCTIONS,
        keys::GEN_AI_EVALUATION_EXPLANATION,
        keys::EXCEPTION_MESSAGE,
        keys::EXCEPTION_STACKTRACE,
        "message",
    ]
    .contains(&key)
        || is_messages(key)
        || PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

fn is_messages(key: &str) -> bool {
    key.starts_with("gen_ai.") && key.ends_with("messages")
}

/// Returns content in the form that sinks expect: messages as JSON, instructions as a text. Fields of
/// `tracing` can hold neither lists nor objects.
pub(crate) fn parsed(key: &str, value: Value) -> Value {
    let instructions = key == keys::GEN_AI_SYSTEM_INSTRUCTIONS;
    if !instructions && !is_messages(key) {
        return value;
    }
    let json = value.as_ref().as_str().filter(|text| text.starts_with(['[', '{']));
    let Some(json) = json.and_then(|text| serde_json::from_str::<Json>(text).ok()) else {
        return value;
    };
    if !instructions {
        return Value::json(&json);
    }
    let texts = json.as_array().into_iter().flatten().map(|part| part["content"].as_str());
    match texts.collect::<Option<Vec<_>>>() {
        Some(texts) if !texts.is_empty() => Value::from(texts.join("\n").as_str()),
        _ => value,
    }
}

/// Sets kind, component name and method of a span by `gen_ai.operation.name` and what else is known by
/// its end.
pub(crate) fn classify(span: &Span) {
    let text =
        |key| span.attribute(key).and_then(|value| value.as_ref().as_str().map(str::to_owned));
    let Some(operation) = text(keys::GEN_AI_OPERATION_NAME) else { return };
    let model = || text(keys::GEN_AI_RESPONSE_MODEL);
    let model = || text(keys::GEN_AI_REQUEST_MODEL).or_else(model);
    let (kind, name) = match &*operation {
        "invoke_agent" | "create_agent" => (Kind::Agent, text(keys::AGENT_NAME)),
        "execute_tool" => (Kind::Tool, text(keys::TOOL_NAME)),
        "invoke_workflow" => (Kind::Pipeline, text("gen_ai.workflow.name")),
        "transcription" => (Kind::Transcription, model()),
        _ => (Kind::Llm, model()),
    };
    span.set_kind(kind).set_method("run");
    span.set_component_name(name.as_deref().unwrap_or(&operation));
}
