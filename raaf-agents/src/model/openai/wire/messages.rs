//! Messages in requests.

use std::borrow::Cow;

use serde_json::{Map, Value as Json, json};

use super::{
    super::profile::{InstructionsRole, ReasoningBack},
    parts::{LeftOut, Place},
    reasoning::IN_CONTENT,
    request::Target,
};
use crate::{
    conversation::{Message, Reasoning, Role, ToolCall, legal_tool_name},
    model::{ModelError, ModelRequest},
};

/// Returns the messages of a request: instructions and the conversation, and the parts of it that are
/// left out.
pub(super) fn messages(
    request: &ModelRequest,
    instructions: Option<Cow<'_, str>>,
    target: Target<'_>,
) -> Result<(Vec<Json>, LeftOut), ModelError> {
    let role = match target.profile.instructions {
        InstructionsRole::System => "system",
        InstructionsRole::Developer => "developer",
    };
    let mut bodies = Vec::with_capacity(request.messages.len() + 1);
    if let Some(instructions) = instructions {
        bodies.push(json!({"role": role, "content": instructions}));
    }
    let latest = request.messages.iter().rposition(|message| message.role == Role::User);
    let (profile, mut left_out) = (target.profile, LeftOut::default());
    // Media that tools returned.
    let mut shown: Vec<Json> = Vec::new();
    for (at, message) in request.messages.iter().enumerate() {
        let is_old = latest.is_some_and(|latest| at < latest);
        let place = Place { number: at + 1, message, is_old };
        if message.role == Role::Tool {
            bodies.extend(place.results(&mut shown, profile, &mut left_out)?);
            continue;
        }
        push_shown(&mut shown, &mut bodies);
        bodies.push(match message.role {
            Role::Assistant => {
                let reasons = match profile.reasoning_back {
                    ReasoningBack::Never => false,
                    ReasoningBack::SinceUser => latest.is_none_or(|latest| at > latest),
                    ReasoningBack::Always => true,
                };
                let text = place.answer(&mut left_out);
                assistant_message(message, text, reasons, target.origin)
            }
            other => {
                let role = if other == Role::System { role } else { "user" };
                json!({"role": role, "content": place.content(profile, &mut left_out)?})
            }
        });
    }
    push_shown(&mut shown, &mut bodies);
    if bodies.is_empty() {
        let message = "it has no messages; expected at least one, or instructions".to_owned();
        return Err(ModelError::Unsupported { message });
    }
    Ok((bodies, left_out))
}

fn push_shown(shown: &mut Vec<Json>, bodies: &mut Vec<Json>) {
    if !shown.is_empty() {
        bodies.push(json!({"role": "user", "content": std::mem::take(shown)}));
    }
}

fn assistant_message(message: &Message, text: String, reasons: bool, origin: &str) -> Json {
    let mut body = Map::new();
    body.insert("role".to_owned(), "assistant".into());
    let calls: Vec<Json> = message.tool_calls().map(|call| call_body(call, origin)).collect();
    // Servers require content if there are no calls.
    let content = if text.is_empty() && !calls.is_empty() { Json::Null } else { text.into() };
    body.insert("content".to_owned(), content);
    if reasons {
        for reasoning in message.reasoning() {
            add_reasoning(reasoning, &mut body, origin);
        }
    }
    if !calls.is_empty() {
        body.insert("tool_calls".to_owned(), calls.into());
    }
    let data = message.provider_data.as_ref().and_then(|data| data.fields_for(origin));
    body.extend(data.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    body.into()
}

/// Puts reasoning where it came from.
fn add_reasoning(reasoning: &Reasoning, body: &mut Map<String, Json>, origin: &str) {
    let data = reasoning.provider_data.as_ref().and_then(|data| data.fields_for(origin));
    let Some(data) = data else { return };
    match reasoning.field.as_deref() {
        Some(IN_CONTENT) => {
            let thinking = json!({
                "type": "thinking", "thinking": [{"type": "text", "text": reasoning.text}],
            });
            let text = body.get("content").and_then(Json::as_str).filter(|text| !text.is_empty());
            let text = text.map(|text| json!({"type": "text", "text": text}));
            let parts: Vec<_> = [thinking].into_iter().chain(text).collect();
            body.insert("content".to_owned(), parts.into());
        }
        Some(field) => drop(body.insert(field.to_owned(), reasoning.text.as_str().into())),
        None => {}
    }
    body.extend(data.iter().map(|(key, value)| (key.clone(), value.clone())));
}

fn call_body(call: &ToolCall, origin: &str) -> Json {
    // Servers reject a history with arguments that are not an object, or with illegal names of tools.
    let arguments = match call.parse_arguments() {
        Ok(arguments) if !arguments.is_empty() => call.arguments.as_str(),
        _ => "{}",
    };
    let mut body = json!({
        "id": call.id, "type": "function",
        "function": {"name": legal_tool_name(&call.name), "arguments": arguments},
    });
    let data = call.provider_data.as_ref().and_then(|data| data.fields_for(origin));
    for (key, value) in data.into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::{super::super::profile::Profile, *};
    use crate::conversation::{Media, Part, ProviderData};

    fn sent(messages: impl IntoIterator<Item = Message>, origin: &str) -> Json {
        let profile = Profile::for_host("localhost");
        let request = ModelRequest::new(messages);
        super::messages(&request, None, Target { model: "m", profile: &profile, origin })
            .unwrap()
            .0
            .into()
    }

    #[test]
    fn a_message_without_content_can_be_sent() {
        let call = ToolCall::new("c", "search", &json!({}));
        let sent = sent(
            [Message::user("hi"), Message::assistant(Vec::new()), Message::calls([call])],
            "host",
        );
        assert_eq!(sent[1], json!({"role": "assistant", "content": ""}));
        assert_eq!(sent[2]["content"], Json::Null);
    }

    #[test]
    fn arguments_and_names_that_no_tool_has_are_never_sent() {
        for arguments in ["{\"query\":", "{\"a\":1}{\"b\":2}", "[1]", "null", "", " "] {
            let call = ToolCall::from_text("c", "search me", arguments);
            let sent = sent([Message::calls([call])], "host");
            let sent = &sent[0]["tool_calls"][0]["function"];
            assert_eq!(*sent, json!({"name": "search_me", "arguments": "{}"}), "{arguments}");
        }
    }

    #[test]
    fn media_are_parts_and_those_of_tools_follow_them() {
        let call = ToolCall::new("c", "look", &json!({}));
        let result = [Part::text("two pictures"), Part::Image(Media::bytes("image/png", b"abc"))];
        let messages = [
            Message::user([
                Part::text("see"),
                Part::Image(Media::url("https://host/a.png").with_detail("low")),
                Part::Audio(Media::bytes("audio/mpeg", b"abc")),
                Part::File(Media::bytes("application/pdf", b"abc").with_name("a.pdf")),
                Part::File(Media::file_id("f1")),
            ]),
            Message::calls([call.clone()]),
            Message::tool(&call, result),
        ];
        let sent = sent(messages, "host");
        assert_eq!(
            sent[0]["content"],
            json!([
                {"type": "text", "text": "see"},
                {"type": "image_url", "image_url": {"url": "https://host/a.png", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "YWJj", "format": "mp3"}},
                {"type": "file", "file": {
                    "file_data": "data:application/pdf;base64,YWJj", "filename": "a.pdf"}},
                {"type": "file", "file": {"file_id": "f1"}},
            ])
        );
        assert_eq!(sent[2]["content"], "two pictures\n[attached to the next message]");
        assert_eq!(
            sent[3],
            json!({"role": "user", "content": [
                {"type": "text", "text": "Results of tools:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,YWJj"}},
            ]})
        );
    }

    #[test]
    fn what_the_provider_sent_goes_back_to_it_alone() {
        let fields = |key: &str| [(key.to_owned(), json!("sig"))];
        let mut call = ToolCall::new("c", "look", &json!({}));
        call.provider_data = ProviderData::new("host", fields("extra_content"));
        let mut reasoning = Reasoning::new("hm");
        reasoning.field = Some("reasoning".to_owned());
        reasoning.provider_data = ProviderData::new("host", fields("reasoning_details"));
        let message = Message::assistant([Part::Reasoning(reasoning), Part::ToolCall(call)]);
        let messages = [message.clone(), Message::user("go on"), message];
        let here = sent(messages.clone(), "host");
        assert_eq!(here[2]["reasoning"], "hm");
        assert_eq!(here[2]["reasoning_details"], "sig");
        assert_eq!(here[2]["tool_calls"][0]["extra_content"], "sig");
        assert_eq!(here[0].get("reasoning"), None, "before the user's message");
        assert_eq!(here[0]["tool_calls"][0]["extra_content"], "sig");
        let elsewhere = sent(messages, "elsewhere").to_string();
        assert!(!elsewhere.contains("sig"), "{elsewhere}");
    }
}
