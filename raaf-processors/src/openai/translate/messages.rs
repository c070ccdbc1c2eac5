//! Translates messages with parts into the messages of OpenAI's Chat Completions.

use serde_json::{Map, Value as Json, json};

/// Returns the model's input, with the instructions first.
pub(super) fn input(instructions: Option<&str>, messages: Option<Json>) -> Option<Vec<Json>> {
    if instructions.is_none() && messages.is_none() {
        return None;
    }
    let instructions = instructions.map(|text| json!({"role": "system", "content": text}));
    let messages = messages.into_iter().flat_map(|messages| all(messages, "user"));
    Some(instructions.into_iter().chain(messages).collect())
}

/// Returns the model's output, with all fields of the API.
pub(super) fn output(messages: Option<Json>) -> Option<Vec<Json>> {
    let mut messages = all(messages?, "assistant");
    for message in messages.iter_mut().filter_map(Json::as_object_mut) {
        for field in ["content", "refusal", "audio", "function_call", "tool_calls"] {
            message.entry(field).or_insert(Json::Null);
        }
        message.entry("annotations").or_insert_with(|| json!([]));
    }
    Some(messages)
}

/// Parses messages in any form. Text that is not JSON is one message of `speaker`.
fn all(messages: Json, speaker: &str) -> Vec<Json> {
    match messages {
        Json::Array(messages) => {
            messages.into_iter().flat_map(|message| of_message(message, speaker)).collect()
        }
        Json::String(text) => match serde_json::from_str::<Json>(&text) {
            Ok(parsed @ (Json::Array(_) | Json::Object(_))) => all(parsed, speaker),
            _ => vec![json!({"role": speaker, "content": text})],
        },
        other => of_message(other, speaker),
    }
}

/// Fields of messages with a model's reasoning, which OpenAI's own SDK does not send either.
const REASONING_FIELDS: [&str; 4] =
    ["reasoning", "reasoning_content", "thinking", "thinking_blocks"];

/// Types of parts and items with a model's reasoning.
const REASONING_TYPES: [&str; 3] = ["reasoning", "thinking", "redacted_thinking"];

fn is_reasoning(part: &Json) -> bool {
    part["type"].as_str().is_some_and(|kind| REASONING_TYPES.contains(&kind))
}

/// Translates a message into one or, if its parts are results of several tools, several messages. A
/// message without parts is taken for a message of the API. Reasoning is left out.
fn of_message(message: Json, speaker: &str) -> Vec<Json> {
    if is_reasoning(&message) {
        return Vec::new();
    }
    let Json::Object(mut message) = message else {
        return vec![json!({"role": speaker, "content": message})];
    };
    message.retain(|field, _| !REASONING_FIELDS.contains(&field.as_str()));
    for parts in ["content", "parts"] {
        if let Some(Json::Array(parts)) = message.get_mut(parts) {
            parts.retain(|part| !is_reasoning(part));
        }
    }
    let Some(Json::Array(parts)) = message.remove("parts") else {
        return vec![Json::Object(message)];
    };
    let role = message.remove("role").unwrap_or_else(|| speaker.into());
    let mut said = Said::default();
    for part in parts {
        said.add(part);
    }
    said.into_messages(&role)
}

/// Parts of a message by type.
#[derive(Default)]
struct Said {
    content: Vec<Json>,
    calls: Vec<Json>,
    results: Vec<Json>,
}

impl Said {
    fn add(&mut self, part: Json) {
        let Json::Object(mut fields) = part else { return self.content.push(text(part)) };
        let mut take = |name: &str| fields.remove(name).unwrap_or_default();
        match take("type").as_str() {
            Some("text") => self.content.push(text(take("content"))),
            Some("tool_call") => self.calls.push(json!({
                "id": take("id"),
                "type": "function",
                "function": {"name": take("name"), "arguments": as_text(take("arguments"))},
            })),
            Some("tool_call_response") => self.results.push(json!({
                "role": "tool",
                "tool_call_id": take("id"),
                "content": as_text(take("response")),
            })),
            kind => {
                let kind = kind.map(Json::from);
                fields.extend(kind.map(|kind| ("type".to_owned(), kind)));
                self.content.push(Json::Object(fields));
            }
        }
    }

    fn into_messages(self, role: &Json) -> Vec<Json> {
        let Self { content, calls, results } = self;
        let mut messages = Vec::with_capacity(results.len() + 1);
        if results.is_empty() || !content.is_empty() || !calls.is_empty() {
            let mut message = Map::new();
            message.insert("role".to_owned(), role.clone());
            message.insert("content".to_owned(), joined(content));
            if !calls.is_empty() {
                message.insert("tool_calls".to_owned(), Json::Array(calls));
            }
            messages.push(Json::Object(message));
        }
        messages.extend(results);
        messages
    }
}

/// Joins content: a single text becomes a string, no content becomes null, anything else a list.
fn joined(mut content: Vec<Json>) -> Json {
    match content.as_mut_slice() {
        [] => Json::Null,
        [only] if only["type"] == "text" => only["text"].take(),
        _ => Json::Array(content),
    }
}

fn text(content: Json) -> Json {
    json!({"type": "text", "text": as_text(content)})
}

/// Returns a string as it is, and anything else as JSON text.
fn as_text(value: Json) -> String {
    match value {
        Json::String(text) => text,
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_part(text: &str) -> Json {
        json!({"type": "text", "content": text})
    }

    #[test]
    fn parts_become_messages_of_the_api() {
        let call =
            json!({"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": 1}});
        let result = json!({"type": "tool_call_response", "id": "c1", "response": [2]});
        let messages = json!([
            {"role": "user", "parts": [text_part("Hi!")]},
            {"role": "assistant", "parts": [call]},
            {"role": "tool", "parts": [result]},
            {"role": "user", "parts": [text_part("a"), {"type": "image", "url": "u"}]},
        ]);
        assert_eq!(
            Json::from(input(Some("Be brief."), Some(messages)).unwrap()),
            json!([
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hi!"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function",
                     "function": {"name": "search", "arguments": r#"{"q":1}"#}},
                ]},
                {"role": "tool", "tool_call_id": "c1", "content": "[2]"},
                {"role": "user", "content": [
                    {"type": "text", "text": "a"},
                    {"type": "image", "url": "u"},
                ]},
            ])
        );
    }

    #[test]
    fn reasoning_is_left_out() {
        let thought = json!({"type": "reasoning", "content": "hidden"});
        let messages = json!([
            {"role": "assistant", "content": "ok", "reasoning_content": "hidden"},
            {"role": "assistant", "parts": [thought, text_part("ok")]},
            {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "ok"}]},
            {"type": "reasoning", "summary": []},
        ]);
        let sent = Json::from(input(None, Some(messages)).unwrap());
        assert_eq!(
            sent,
            json!([
                {"role": "assistant", "content": "ok"},
                {"role": "assistant", "content": "ok"},
                {"role": "assistant", "content": [{"type": "text", "text": "ok"}]},
            ])
        );
    }

    #[test]
    fn an_answer_has_all_fields_of_the_api() {
        let answer = json!([{"role": "assistant", "parts": [text_part("Hi.")]}]);
        assert_eq!(
            Json::from(output(Some(answer)).unwrap()),
            json!([{
                "role": "assistant", "content": "Hi.", "refusal": null, "annotations": [],
                "audio": null, "function_call": null, "tool_calls": null,
            }])
        );
    }

    #[test]
    fn what_has_no_parts_is_taken_as_it_is() {
        let own = json!([{"role": "user", "content": [{"type": "input_text"}], "name": "Ann"}]);
        assert_eq!(Json::from(input(None, Some(own.clone())).unwrap()), own);
        assert_eq!(Json::from(input(None, Some(own.to_string().into())).unwrap()), own);
        let plain = |text: &str| json!([{"role": "user", "content": text}]);
        for text in ["just words", "17", r#"["\ud800"]"#, "{"] {
            assert_eq!(Json::from(input(None, Some(text.into())).unwrap()), plain(text));
        }
        assert_eq!(input(None, None), None);
        assert_eq!(output(None), None);
    }

    #[test]
    fn odd_messages_are_kept() {
        let odd = json!([7, {"parts": []}, {"role": "user", "parts": [5, {"no": "type"}]}]);
        assert_eq!(
            Json::from(input(None, Some(odd)).unwrap()),
            json!([
                {"role": "user", "content": 7},
                {"role": "user", "content": null},
                {"role": "user", "content": [{"type": "text", "text": "5"}, {"no": "type"}]},
            ])
        );
    }
}
