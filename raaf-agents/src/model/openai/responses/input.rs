//! Conversation as input items.

use serde_json::{Map, Value as Json, json};

use super::{
    super::{
        profile::InstructionsRole,
        wire::{
            Target,
            parts::{self, LeftOut, Place, Unsendable},
        },
    },
    ANSWERED, CONVERSATION, MESSAGES, RESPONSE_ID, ServerState, content, hosted,
    output::COMMENTARY,
};
use crate::{
    conversation::{Message, Part, Reasoning, Role, ToolCall, ToolResult, legal_tool_name},
    model::{ModelError, ModelRequest},
};

/// Result of a call for the answer, which does not call a tool.
const RECEIVED: &str = "received";

/// Input of a request.
pub(super) struct Input<'a> {
    pub(super) items: Vec<Json>,
    /// The response that the items continue.
    pub(super) previous: Option<&'a str>,
    pub(super) left_out: LeftOut,
}

/// Returns the part of a conversation that the server does not have. `is_stored` is false if the server
/// stores no responses.
pub(super) fn of_request<'a>(
    request: &'a ModelRequest,
    target: Target<'_>,
    state: &ServerState,
    is_stored: bool,
) -> Result<Input<'a>, ModelError> {
    let messages = &request.messages;
    let (from, previous) = known(messages, target.origin, state);
    let system = match target.profile.instructions {
        InstructionsRole::System => "system",
        InstructionsRole::Developer => "developer",
    };
    let latest = messages.iter().rposition(|message| message.role == Role::User);
    let mut answers = Answers { origin: target.origin, is_stored, items: Vec::new() };
    if let Some(last) = from.checked_sub(1).and_then(|at| messages.get(at)) {
        answers.add_answered(last);
    }
    let mut left_out = LeftOut::default();
    for (at, message) in messages.iter().enumerate().skip(from) {
        let is_old = latest.is_some_and(|latest| at < latest);
        let place = Place { number: at + 1, message, is_old };
        match message.role {
            Role::Assistant => answers.add(message, &mut left_out),
            Role::Tool => {
                let calling = messages[..at].iter().rfind(|other| other.role == Role::Assistant);
                for (at, part) in message.parts.iter().enumerate() {
                    let Part::ToolResult(result) = part else {
                        let remedy = "a message of a tool has results (`Message::tool`)";
                        place.stand_in(
                            at,
                            Unsendable::new(parts::name(part), remedy),
                            &mut left_out,
                        )?;
                        continue;
                    };
                    let id = result.call_id.as_str();
                    let mut calls = calling.into_iter().flat_map(Message::tool_calls);
                    let call = calls.find(|call| call.id == id);
                    if let Some(call) = call.filter(|call| call.hosted_by.is_some()) {
                        answers.add_approval(call, result);
                        continue;
                    }
                    let output = content::of_result(place, at, result, &mut left_out)?;
                    answers.items.push(
                        json!({"type": "function_call_output", "call_id": id, "output": output}),
                    );
                }
            }
            role => {
                let role = if role == Role::System { system } else { "user" };
                let content = content::of_message(place, &mut left_out)?;
                answers.items.push(json!({"type": "message", "role": role, "content": content}));
            }
        }
    }
    if answers.items.is_empty() && request.instructions.is_none() && previous.is_none() {
        let message = "it has no messages; expected at least one, or instructions".to_owned();
        return Err(ModelError::Unsupported { message });
    }
    Ok(Input { items: answers.items, previous, left_out })
}

/// Returns the number of messages that the server has, and the id of the last response among them.
fn known<'a>(
    messages: &'a [Message],
    origin: &str,
    state: &ServerState,
) -> (usize, Option<&'a str>) {
    let data = |message: &'a Message, name: &str| {
        message.provider_data.as_ref()?.fields_for(origin)?.get(name)?.as_str()
    };
    match state {
        ServerState::None => (0, None),
        ServerState::PreviousResponse => {
            let ids = messages.iter().enumerate().rev();
            let mut ids = ids.filter_map(|(at, message)| Some((at, data(message, RESPONSE_ID)?)));
            ids.next().map_or((0, None), |(at, id)| (at + 1, Some(id)))
        }
        ServerState::Conversation(id) => {
            let is_in = |message: &'a Message| data(message, CONVERSATION) == Some(id.as_str());
            (messages.iter().rposition(is_in).map_or(0, |at| at + 1), None)
        }
    }
}

/// Items that answers of the model are made of.
struct Answers<'a> {
    /// The server.
    origin: &'a str,
    is_stored: bool,
    items: Vec<Json>,
}

impl Answers<'_> {
    /// Adds results of calls that the message does not have, to a conversation that has them at the server.
    fn add_answered(&mut self, message: &Message) {
        let data = message.provider_data.as_ref().and_then(|data| data.fields_for(self.origin));
        let ids = data.and_then(|data| data.get(ANSWERED)?.as_array()).into_iter().flatten();
        let result =
            |id| json!({"type": "function_call_output", "call_id": id, "output": RECEIVED});
        self.items.extend(ids.map(result));
    }

    fn add(&mut self, message: &Message, left_out: &mut LeftOut) {
        let data = message.provider_data.as_ref().and_then(|data| data.fields_for(self.origin));
        let known = data.and_then(|data| data.get(MESSAGES)?.as_array());
        let mut known = known.into_iter().flatten().filter_map(Json::as_object);
        let mut open = Open::default();
        for part in &message.parts {
            match part {
                Part::Json(json) => {
                    open.push("output_text", "text", &json.to_string(), &mut known, self);
                }
                // Other servers do not know refusals.
                Part::Refusal(text) if data.is_some() => {
                    open.push("refusal", "refusal", text, &mut known, self);
                }
                Part::Text(text) | Part::Refusal(text) => {
                    open.push("output_text", "text", text, &mut known, self);
                }
                Part::Citation(_) => {}
                Part::Reasoning(reasoning) => {
                    open.close(self);
                    self.add_reasoning(reasoning);
                }
                Part::ToolCall(call) => {
                    open.close(self);
                    self.add_call(call);
                }
                Part::HostedCall(call) => {
                    open.close(self);
                    match hosted::item(call, self.origin) {
                        Some(item) => self.items.push(item),
                        None => left_out.0.push(parts::name(part)),
                    }
                }
                other => left_out.0.push(parts::name(other)),
            }
        }
        open.close(self);
    }

    /// Adds reasoning that came from this server, as it came. Without an encrypted form or text, a server
    /// that stores nothing cannot find it.
    fn add_reasoning(&mut self, reasoning: &Reasoning) {
        let fields = reasoning.provider_data.as_ref().and_then(|data| data.fields_for(self.origin));
        let Some(fields) = fields.filter(|fields| fields.contains_key("type")) else { return };
        let is_comment = reasoning.field.as_deref() == Some(COMMENTARY);
        let is_whole = fields.contains_key("encrypted_content") || !reasoning.text.is_empty();
        if self.is_stored || is_comment || is_whole {
            self.items.push(fields.clone().into());
        }
    }

    fn add_call(&mut self, call: &ToolCall) {
        let data = call.provider_data.as_ref().and_then(|data| data.fields_for(self.origin));
        if call.hosted_by.is_some() {
            self.items.extend(data.cloned().map(Json::from));
            return;
        }
        // Servers fail on a history with arguments that are not an object.
        let arguments = match call.parse_arguments() {
            Ok(arguments) if !arguments.is_empty() => call.arguments.as_str(),
            _ => "{}",
        };
        let mut item = json!({
            "type": "function_call", "call_id": call.id, "name": legal_tool_name(&call.name),
            "arguments": arguments,
        });
        for (key, value) in data.into_iter().flatten() {
            item[key] = value.clone();
        }
        self.items.push(item);
    }

    /// Adds a decision, if the request for it came from this server.
    fn add_approval(&mut self, call: &ToolCall, result: &ToolResult) {
        let data = call.provider_data.as_ref();
        if data.is_none_or(|data| data.fields_for(self.origin).is_none()) {
            return;
        }
        let mut item = json!({
            "type": "mcp_approval_response",
            "approval_request_id": call.id,
            "approve": !result.is_error,
        });
        if result.is_error {
            item["reason"] = result.text().into();
        }
        self.items.push(item);
    }
}

/// Message item in the making.
#[derive(Default)]
struct Open {
    content: Vec<Json>,
    /// Members that the server gave it.
    members: Option<Map<String, Json>>,
    /// The number of parts that it had.
    length: Option<u64>,
}

impl Open {
    fn push<'a>(
        &mut self,
        kind: &str,
        member: &str,
        text: &str,
        known: &mut impl Iterator<Item = &'a Map<String, Json>>,
        to: &mut Answers<'_>,
    ) {
        if self.content.is_empty() {
            let mut members = known.next().cloned().unwrap_or_default();
            self.length = members.remove("parts").and_then(|parts| parts.as_u64());
            self.members = Some(members);
        }
        let mut part = json!({"type": kind, member: text});
        if kind == "output_text" {
            part["annotations"] = json!([]);
        }
        self.content.push(part);
        if self.length == Some(self.content.len() as u64) {
            self.close(to);
        }
    }

    fn close(&mut self, to: &mut Answers<'_>) {
        let Self { content, members, .. } = std::mem::take(self);
        if content.is_empty() {
            return;
        }
        let mut item = json!({"type": "message", "role": "assistant", "content": content});
        for (key, value) in members.into_iter().flatten() {
            item[key] = value;
        }
        to.items.push(item);
    }
}
