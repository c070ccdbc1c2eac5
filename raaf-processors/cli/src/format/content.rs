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
        // Spans from other programs have objects and lists as text.
        ValueRef::Str(text) if text.starts_with(['{', '[']) => pretty(text),
        other => other.to_string(),
    };
    lines(&text)
}

/// Returns compact JSON on several lines. Other text, and JSON that this would change, stays as it is.
fn pretty(text: &str) -> String {
    let json = serde_json::from_str::<serde_json::Value>(text).ok();
    let json = json.filter(|json| serde_json::to_string(json).is_ok_and(|again| again == text));
    json.and_then(|json| serde_json::to_string_pretty(&json).ok())
        .unwrap_or_else(|| text.to_owned())
}

/// Returns the text with escaped control characters, except line breaks.
pub(crate) fn lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| Escaped(line).to_string()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_a_text_is_shown_as_json_unless_that_changes_it() {
        assert_eq!(shown(ValueRef::Str(r#"{"a":[1]}"#)), "{\n  \"a\": [\n    1\n  ]\n}");
        for text in ["{not", "[1, 2]", "[100000000000000000000000]", "text", "5"] {
            assert_eq!(shown(ValueRef::Str(text)), text);
        }
    }
}
