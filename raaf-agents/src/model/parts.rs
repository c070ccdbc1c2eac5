//! Messages as OpenTelemetry's roles and parts, for spans.

use serde_json::{Value as Json, json};

use super::{AssistantMessage, Message};

pub(super) fn of_conversation(messages: &[Message]) -> Json {
    messages.iter().map(of_message).collect()
}

pub(super) fn of_response(message: &AssistantMessage, finish_reason: &str) -> Json {
    json!([{
        "role": "assistant",
        "parts": of_assistant(message),
        "finish_reason": finish_reason,
    }])
}

fn of_message(message: &Message) -> Json {
    match message {
        Message::System { content } => json!({"role": "system", "parts": [text(content)]}),
        Message::User { content } => json!({"role": "user", "parts": [text(content)]}),
        Message::Assistant(message) => {
            json!({"role": "assistant", "parts": of_assistant(message)})
        }
        Message::Tool { call_id, content, .. } => json!({
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": call_id, "response": content}],
        }),
    }
}

fn of_assistant(message: &AssistantMessage) -> Vec<Json> {
    let content = message.content.as_deref().map(text);
    let calls = message.tool_calls.iter().map(|call| {
        let arguments = serde_json::from_str(&call.arguments)
            .unwrap_or_else(|_| Json::String(call.arguments.clone()));
        json!({"type": "tool_call", "id": call.id, "name": call.name, "arguments": arguments})
    });
    content.into_iter().chain(calls).collect()
}

fn text(content: &str) -> Json {
    json!({"type": "text", "content": content})
}
