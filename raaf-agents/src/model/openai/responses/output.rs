//! Output items as parts of a message.

use serde_json::{Map, Value as Json, json};

use super::{
    ANSWERED, CONVERSATION, MESSAGES, RESPONSE_ID, STORED, hosted,
    item::{arguments, is_commentary, text},
};
use crate::conversation::{Citation, Message, Part, ProviderData, Reasoning, ToolCall};

/// Field of reasoning that is a comment of the model on its work.
pub(super) const COMMENTARY: &str = "commentary";

/// Parts of an answer.
pub(super) struct Output<'a> {
    /// The server that sent them.
    origin: &'a str,
    parts: Vec<Part>,
    /// Members of the message items beside their content, and the number of parts of each.
    messages: Vec<Json>,
    /// Ids of the calls for the answer, which the message does not have.
    answered: Vec<Json>,
}

impl<'a> Output<'a> {
    pub(super) fn new(origin: &'a str) -> Self {
        Self { origin, parts: Vec::new(), messages: Vec::new(), answered: Vec::new() }
    }

    /// Adds an item.
    pub(super) fn add(&mut self, mut item: Map<String, Json>) -> Result<(), String> {
        let kind = text(&item, "type").unwrap_or_default().to_owned();
        // The API does not take back a null that it sent.
        item.retain(|_, value| !value.is_null());
        match kind.as_str() {
            "message" if is_commentary(&item) => self.add_commentary(item),
            "message" => self.add_message(item),
            "reasoning" => self.add_reasoning(item),
            "function_call" => self.add_call(item)?,
            hosted::APPROVAL => self.add_approval(item)?,
            _ => self.parts.push(Part::HostedCall(hosted::call(&item, Some(self.origin)))),
        }
        Ok(())
    }

    fn add_message(&mut self, mut item: Map<String, Json>) {
        let content = match item.remove("content") {
            Some(Json::Array(content)) => content,
            Some(Json::String(text)) => vec![json!({"type": "output_text", "text": text})],
            _ => Vec::new(),
        };
        let mut count = 0;
        for mut part in content {
            let parts = match part["type"].as_str() {
                None if part.is_string() => {
                    Part::Text(part.as_str().unwrap_or_default().to_owned())
                }
                None if part["text"].is_string() => Part::Text(owned(&mut part, "text")),
                Some("output_text" | "text") => Part::Text(owned(&mut part, "text")),
                Some("refusal") => Part::Refusal(owned(&mut part, "refusal")),
                _ => Part::Unknown(part.take()),
            };
            if matches!(&parts, Part::Text(text) | Part::Refusal(text) if text.is_empty()) {
                continue;
            }
            count += 1;
            self.parts.push(parts);
            let citations = part["annotations"].as_array().into_iter().flatten();
            self.parts.extend(citations.map(citation).map(Part::Citation));
        }
        if count > 0 {
            item.remove("type");
            item.remove("role");
            item.insert("parts".to_owned(), count.into());
            self.messages.push(item.into());
        }
    }

    fn add_commentary(&mut self, item: Map<String, Json>) {
        let mut reasoning = Reasoning::new(joined(item.get("content")));
        reasoning.field = Some(COMMENTARY.to_owned());
        reasoning.provider_data = Some(ProviderData::from_fields(self.origin, item));
        self.parts.push(Part::Reasoning(reasoning));
    }

    fn add_reasoning(&mut self, item: Map<String, Json>) {
        let mut reasoning = Reasoning::new(joined(item.get("content")));
        reasoning.summary = joined(item.get("summary"));
        reasoning.provider_data = Some(ProviderData::from_fields(self.origin, item));
        self.parts.push(Part::Reasoning(reasoning));
    }

    fn add_call(&mut self, mut item: Map<String, Json>) -> Result<(), String> {
        let arguments = arguments(&item).unwrap_or_default();
        for name in ["type", "arguments", "status"] {
            item.remove(name);
        }
        let id = match item.remove("call_id").or_else(|| item.get("id").cloned()) {
            Some(Json::String(id)) if !id.is_empty() && !self.has_call(&id) => id,
            _ => ToolCall::new_id(),
        };
        let Some(Json::String(name)) = item.remove("name") else {
            return Err("a tool call has no name".to_owned());
        };
        let mut call = ToolCall::from_text(id, name, arguments);
        call.provider_data = ProviderData::new(self.origin, item);
        self.parts.push(Part::ToolCall(call));
        Ok(())
    }

    /// Adds the request of a hosted MCP server for an approval.
    fn add_approval(&mut self, item: Map<String, Json>) -> Result<(), String> {
        let missing = |what: &str| format!("a request for an approval has no {what}");
        let id = text(&item, "id").filter(|id| !self.has_call(id)).ok_or_else(|| missing("id"))?;
        let name = text(&item, "name").ok_or_else(|| missing("name"))?;
        let mut call = ToolCall::from_text(id, name, arguments(&item).unwrap_or_default());
        call.hosted_by = Some(text(&item, "server_label").unwrap_or_default().to_owned());
        call.provider_data = ProviderData::new(self.origin, item);
        self.parts.push(Part::ToolCall(call));
        Ok(())
    }

    fn has_call(&self, id: &str) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::ToolCall(call) if call.id == id))
    }

    /// Replaces a call of the tool for the answer by the answer, and returns it. Beside other calls it is
    /// premature, and left out.
    pub(super) fn take_answer(&mut self, tool: Option<&str>) -> Option<String> {
        let tool = tool?;
        let is_other = |part: &Part| matches!(part, Part::ToolCall(call) if call.name != tool);
        let is_only = !self.parts.iter().any(is_other);
        let mut answer = None;
        self.parts.retain(|part| match part {
            Part::ToolCall(call) if call.name == tool => {
                answer.get_or_insert_with(|| call.arguments.clone());
                self.answered.push(call.id.as_str().into());
                false
            }
            _ => true,
        });
        let answer = answer.filter(|_| is_only)?;
        self.parts.retain(|part| !matches!(part, Part::Text(_) | Part::Citation(_)));
        self.messages.clear();
        self.parts.push(Part::Text(answer.clone()));
        Some(answer)
    }

    /// Returns the message, with what its server needs to continue it.
    pub(super) fn into_message(
        self,
        id: Option<&str>,
        conversation: Option<String>,
        is_stored: Option<bool>,
    ) -> Message {
        let mut message = Message::assistant(self.parts);
        let mut fields = Map::new();
        if let Some(id) = id.filter(|_| is_stored != Some(false)) {
            fields.insert(RESPONSE_ID.to_owned(), id.into());
            if is_stored == Some(true) {
                fields.insert(STORED.to_owned(), true.into());
            }
        }
        if let Some(id) = conversation {
            fields.insert(CONVERSATION.to_owned(), id.into());
        }
        if !self.messages.is_empty() {
            fields.insert(MESSAGES.to_owned(), self.messages.into());
        }
        if !self.answered.is_empty()
            && (fields.contains_key(RESPONSE_ID) || fields.contains_key(CONVERSATION))
        {
            fields.insert(ANSWERED.to_owned(), self.answered.into());
        }
        message.provider_data = ProviderData::new(self.origin, fields);
        message
    }
}

/// Returns a source, in the forms of all kinds of annotations.
pub(super) fn citation(annotation: &Json) -> Citation {
    let text = |names: [&str; 2]| {
        let mut texts = names.into_iter().filter_map(|name| annotation[name].as_str());
        texts.next().map(str::to_owned)
    };
    let number = |names: [&str; 2]| names.into_iter().find_map(|name| annotation[name].as_u64());
    Citation {
        kind: annotation["type"].as_str().unwrap_or_default().to_owned(),
        url: text(["url", "uri"]),
        title: text(["title", "filename"]),
        file_id: text(["file_id", "id"]),
        start: number(["start_index", "start"]),
        end: number(["end_index", "end"]),
    }
}

/// Joins the texts of a list by empty lines.
fn joined(list: Option<&Json>) -> String {
    let parts = list.and_then(Json::as_array).into_iter().flatten();
    let texts = parts.filter_map(|part| part.as_str().or_else(|| part["text"].as_str()));
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn owned(part: &mut Json, name: &str) -> String {
    match part.get_mut(name).map(Json::take) {
        Some(Json::String(text)) => text,
        _ => String::new(),
    }
}
