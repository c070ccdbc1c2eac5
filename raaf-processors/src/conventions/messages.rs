//! Text of a model call's messages, for lists of spans.

use std::{borrow::Cow, fmt::Write as _};

use raaf_trace_model::attributes::ValueRef;
use serde_json::Value as Json;

/// Returns the text of the last message. Messages have parts, as the conventions have them, or are
/// those of Chat Completions; anything else is a text.
pub(super) fn last(given: ValueRef<'_>) -> String {
    let messages = match (given.as_str(), given.as_json()) {
        (Some(text), _) => match serde_json::from_str(text) {
            Ok(messages @ (Json::Array(_) | Json::Object(_))) => Cow::Owned(messages),
            _ => return text.to_owned(),
        },
        (None, Some(messages)) => Cow::Borrowed(messages),
        (None, None) => return given.to_string(),
    };
    let last = messages.as_array().map_or(Some(&*messages), |messages| messages.last());
    let mut text = String::new();
    if let Some(message) = last {
        add(message, &mut text);
    }
    text
}

/// Adds the text of a message or of a part of one: texts, results of tools, and calls as
/// `name(arguments)`, a line each.
fn add(part: &Json, text: &mut String) {
    if let Some(name) = part["name"].as_str().filter(|_| part.get("arguments").is_some()) {
        let arguments = shown(&part["arguments"]);
        return line(text, &format!("{name}({arguments})"));
    }
    if let Some(said) = part.get("response").or_else(|| part.get("result")) {
        return line(text, &shown(said));
    }
    let said = [part, &part["content"], &part["text"]].into_iter().find_map(Json::as_str);
    if let Some(said) = said {
        line(text, said);
    }
    for field in ["parts", "content", "tool_calls"] {
        for part in part[field].as_array().into_iter().flatten() {
            // Chat Completions has calls of functions one level further down.
            add(part.get("function").unwrap_or(part), text);
        }
    }
}

fn shown(said: &Json) -> Cow<'_, str> {
    said.as_str().map_or_else(|| Cow::Owned(said.to_string()), Cow::Borrowed)
}

fn line(text: &mut String, said: &str) {
    let separator = if text.is_empty() { "" } else { "\n" };
    // Writing to a string does not fail.
    let _ = write!(text, "{separator}{said}");
}

#[cfg(test)]
mod tests {
    use raaf_trace_model::attributes::Value;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_message_is_shown_as_text() {
        let part = |part: Json| json!([{"role": "user", "parts": []}, {"parts": [part]}]);
        for (messages, text) in [
            (part(json!({"type": "text", "content": "hi"})), "hi"),
            (
                part(json!({"type": "tool_call", "name": "f", "arguments": {"n": 7}})),
                r#"f({"n":7})"#,
            ),
            (part(json!({"type": "tool_call_response", "response": "rain"})), "rain"),
            (part(json!({"type": "tool_call_response", "response": [1]})), "[1]"),
            (json!([{"role": "user", "content": "hi"}]), "hi"),
            (json!([{"content": [{"type": "text", "text": "a"}, {"text": "b"}]}]), "a\nb"),
            (
                json!([{"content": null, "tool_calls": [
                    {"id": "1", "function": {"name": "f", "arguments": "{}"}},
                ]}]),
                "f({})",
            ),
            (json!(["hi"]), "hi"),
            (json!([]), ""),
            (json!({"role": "user", "content": "hi"}), "hi"),
        ] {
            assert_eq!(last(Value::json(&messages).as_ref()), text, "{messages}");
            assert_eq!(last(ValueRef::Str(&messages.to_string())), text, "{messages}");
        }
        assert_eq!(last(ValueRef::Str("no JSON")), "no JSON");
        assert_eq!(last(ValueRef::Int(7)), "7");
    }
}
