//! Messages as OpenTelemetry's roles and parts, for spans.

use serde_json::{Map, Value as Json, json};

use super::{Citation, HostedCall, Media, MediaSource, Message, Part};

pub(crate) fn of_conversation(messages: &[Message]) -> Json {
    messages.iter().map(of_message).collect()
}

pub(crate) fn of_response(message: &Message, finish_reason: &str) -> Json {
    let mut spoken = of_message(message);
    spoken["finish_reason"] = finish_reason.into();
    Json::Array(vec![spoken])
}

fn of_message(message: &Message) -> Json {
    object([("role", message.role.as_str().into()), ("parts", of_parts(&message.parts))])
}

/// Creates an object. Unlike `json!`, it does not copy the values, which can be long.
pub(crate) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let mut object = Map::new();
    // `collect` would sort the members first, which is slower for a few.
    for (name, value) in members {
        object.insert(name.to_owned(), value);
    }
    object.into()
}

fn of_parts(parts: &[Part]) -> Json {
    let mut shown = Vec::with_capacity(parts.len());
    for part in parts {
        show(part, &mut shown);
    }
    shown.into()
}

fn of_text(kind: &str, text: &str) -> Json {
    object([("type", kind.into()), ("content", text.into())])
}

/// Adds a part, or a hosted call and its result. Leaves out reasoning that only the provider can read.
fn show(part: &Part, shown: &mut Vec<Json>) {
    shown.push(match part {
        Part::Text(text) => of_text("text", text),
        Part::Json(json) => of_text("text", &json.to_string()),
        Part::Refusal(text) => of_text("refusal", text),
        Part::Reasoning(reasoning) if reasoning.readable().is_empty() => return,
        Part::Reasoning(reasoning) => of_text("reasoning", reasoning.readable()),
        Part::Image(media) => of_media(media, "image"),
        Part::Audio(media) => of_media(media, "audio"),
        Part::File(media) => of_media(media, "file"),
        Part::ToolCall(call) => {
            let arguments = serde_json::from_str(&call.arguments)
                .unwrap_or_else(|_| Json::String(call.arguments.clone()));
            object([
                ("type", "tool_call".into()),
                ("id", call.id.as_str().into()),
                ("name", call.name.as_str().into()),
                ("arguments", arguments),
            ])
        }
        Part::ToolResult(result) => object([
            ("type", "tool_call_response".into()),
            ("id", result.call_id.as_str().into()),
            ("response", of_content(&result.content)),
        ]),
        Part::HostedCall(call) => return show_hosted(call, shown),
        Part::Citation(citation) => of_citation(citation),
        Part::Unknown(json) => json.clone(),
    });
}

fn show_hosted(call: &HostedCall, shown: &mut Vec<Json>) {
    let mut asked = object([("type", call.tool.as_str().into())]);
    if !call.arguments.is_null() {
        asked["arguments"] = call.arguments.clone();
    }
    shown.push(object([
        ("type", "server_tool_call".into()),
        ("id", call.id.as_str().into()),
        ("name", call.display_name().into()),
        ("server_tool_call", asked),
    ]));
    if !call.result.is_empty() || call.error.is_some() {
        let mut answered = object([("type", call.tool.as_str().into())]);
        if !call.result.is_empty() {
            answered["response"] = of_content(&call.result);
        }
        if let Some(error) = &call.error {
            answered["error"] = error.as_str().into();
        }
        shown.push(object([
            ("type", "server_tool_call_response".into()),
            ("id", call.id.as_str().into()),
            ("server_tool_call_response", answered),
        ]));
    }
}

fn of_citation(citation: &Citation) -> Json {
    let mut shown = serde_json::to_value(citation).unwrap_or_default();
    shown["type"] = "citation".into();
    shown
}

/// Returns text or JSON as it is, and other content as a list of parts.
pub(crate) fn of_content(parts: &[Part]) -> Json {
    match parts {
        [Part::Text(text)] => text.as_str().into(),
        [Part::Json(json)] => json.clone(),
        parts => of_parts(parts),
    }
}

/// Describes media. Data are not repeated in each span: a conversation is sent with every turn.
fn of_media(media: &Media, modality: &str) -> Json {
    let mut part = match &media.source {
        MediaSource::Url(url) if !url.starts_with("data:") => json!({"type": "uri", "uri": url}),
        MediaSource::Url(url) => json!({"type": "blob", "size": url.len()}),
        MediaSource::FileId(id) => json!({"type": "file", "file_id": id}),
        MediaSource::Bytes(bytes) => json!({"type": "blob", "size": bytes.len()}),
    };
    part["modality"] = modality.into();
    for (key, value) in [("mime_type", &media.media_type), ("name", &media.name)] {
        if let Some(value) = value {
            part[key] = value.as_str().into();
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Reasoning, ToolCall};

    #[test]
    fn all_parts_are_shown_and_no_bytes() {
        let call = ToolCall::new("c", "look", &json!({"at": 1}));
        let messages = [
            Message::user([
                Part::text("hi"),
                Part::Image(Media::bytes("image/png", b"abc").with_name("a.png")),
                Part::Audio(Media::url("https://host/a.wav")),
                Part::File(Media::file_id("f1")),
            ]),
            Message::assistant([
                Part::Reasoning(Reasoning::new("hm")),
                Part::Reasoning(Reasoning::default()),
                Part::ToolCall(call.clone()),
            ]),
            Message::tool(&call, "one"),
            Message::tool(&call, json!({"b": 2})),
            Message::tool(&call, [Part::text("see"), Part::image_url("https://host/b.png")]),
        ];
        assert_eq!(
            of_conversation(&messages),
            json!([
                {"role": "user", "parts": [
                    {"type": "text", "content": "hi"},
                    {"type": "blob", "size": 3, "modality": "image", "mime_type": "image/png",
                     "name": "a.png"},
                    {"type": "uri", "uri": "https://host/a.wav", "modality": "audio"},
                    {"type": "file", "file_id": "f1", "modality": "file"},
                ]},
                {"role": "assistant", "parts": [
                    {"type": "reasoning", "content": "hm"},
                    {"type": "tool_call", "id": "c", "name": "look", "arguments": {"at": 1}},
                ]},
                {"role": "tool", "parts": [
                    {"type": "tool_call_response", "id": "c", "response": "one"},
                ]},
                {"role": "tool", "parts": [
                    {"type": "tool_call_response", "id": "c", "response": {"b": 2}},
                ]},
                {"role": "tool", "parts": [
                    {"type": "tool_call_response", "id": "c", "response": [
                        {"type": "text", "content": "see"},
                        {"type": "uri", "uri": "https://host/b.png", "modality": "image"},
                    ]},
                ]},
            ])
        );
    }
}
