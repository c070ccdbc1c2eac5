//! Contents of spans: inputs, outputs and messages.

use raaf_trace_model::{attributes::ValueRef, escape::Escaped, keys, span::Record};

/// Keys of contents in the order in which they are shown.
const KEYS: [&str; 7] = [
    keys::GEN_AI_SYSTEM_INSTRUCTIONS,
    keys::GEN_AI_INPUT_MESSAGES,
    keys::INPUT,
    keys::TOOL_ARGUMENTS,
    keys::TOOL_RESULT,
    keys::OUTPUT,
    keys::GEN_AI_OUTPUT_MESSAGES,
];

/// Returns the contents of a span, each with its key, as texts that keep their lines and have no other
/// control characters.
pub(crate) fn contents(record: &Record) -> Vec<(&'static str, String)> {
    let Some(span) = record.ended() else { return Vec::new() };
    let attributes = span.attributes();
    let shown = KEYS.into_iter().filter_map(|key| Some((key, shown(attributes.get(key)?))));
    shown.collect()
}

fn shown(value: ValueRef<'_>) -> String {
    let text = match value {
        ValueRef::Json(json) => serde_json::to_string_pretty(json).unwrap_or_default(),
        other => other.to_string(),
    };
    lines(&text)
}

/// Returns a text that keeps its lines and has no other control characters.
pub(crate) fn lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| Escaped(line).to_string()).collect();
    lines.join("\n")
}
