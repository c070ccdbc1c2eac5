//! Streamed responses: deltas and their assembly.

use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    malformed,
    response::{UsageBody, arguments, generated_id, usage},
};
use crate::model::{
    AssistantMessage, FinishReason, ModelChunk, ModelError, ModelResponse, ToolCall, ToolCallDelta,
    Usage,
};

/// Bound on the length of an assembled response, in bytes.
const MAX_LENGTH: usize = 64 << 20;

#[derive(Deserialize)]
struct Event {
    id: Option<String>,
    model: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<UsageBody>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    #[serde(default)]
    arguments: Json,
}

/// Assembles deltas into a response.
#[derive(Default)]
pub(in super::super) struct Assembly {
    content: Option<String>,
    calls: Vec<PartialCall>,
    finish_reason: Option<FinishReason>,
    usage: Usage,
    id: Option<String>,
    model: Option<String>,
    length: usize,
}

struct PartialCall {
    /// The server's index. Some servers give all calls the same.
    index: Option<u64>,
    has_own_id: bool,
    call: ToolCall,
}

impl Assembly {
    /// Adds an event and returns the new chunks.
    pub(in super::super) fn add(&mut self, event: Json) -> Result<Vec<ModelChunk>, ModelError> {
        let event: Event =
            serde_json::from_value(event).map_err(|error| malformed(&error.to_string()))?;
        self.id = self.id.take().or(event.id);
        self.model = self.model.take().or(event.model);
        if let Some(body) = event.usage {
            self.usage = usage(body);
        }
        let mut chunks = Vec::new();
        let Some(choice) = event.choices.and_then(|choices| choices.into_iter().next()) else {
            return Ok(chunks);
        };
        if let Some(reason) = choice.finish_reason {
            self.finish_reason = Some(FinishReason::from(reason.as_str()));
        }
        let Some(Delta { content, refusal, tool_calls }) = choice.delta else { return Ok(chunks) };
        // A refusal replaces the content.
        for text in [content, refusal].into_iter().flatten().filter(|text| !text.is_empty()) {
            self.grow(text.len())?;
            self.content.get_or_insert_default().push_str(&text);
            chunks.push(ModelChunk::Text(text));
        }
        for call in tool_calls.into_iter().flatten() {
            chunks.extend(self.add_call(call)?);
        }
        Ok(chunks)
    }

    fn add_call(&mut self, delta: CallDelta) -> Result<Option<ModelChunk>, ModelError> {
        let CallDelta { index, id, function } = delta;
        let id = id.filter(|id| !id.is_empty());
        let (name, arguments) = function
            .map(|function| (function.name, arguments(function.arguments)))
            .unwrap_or_default();
        self.grow(arguments.len())?;
        let is_new = |call: &PartialCall| {
            let other_id = call.has_own_id && id.as_ref().is_some_and(|id| *id != call.call.id);
            call.index != index || other_id
        };
        let known = self.calls.iter().rposition(|call| !is_new(call));
        let position = known.unwrap_or(self.calls.len());
        let mut delta = ToolCallDelta::arguments(position, arguments);
        if let Some(PartialCall { call, .. }) = self.calls.get_mut(position) {
            call.arguments.push_str(&delta.arguments);
            let new = !delta.arguments.is_empty();
            return Ok(new.then_some(ModelChunk::ToolCall(delta)));
        }
        let name = name.ok_or_else(|| malformed("a tool call has no name"))?;
        self.grow(size_of::<PartialCall>())?;
        let has_own_id = id.is_some();
        let id = id.unwrap_or_else(|| generated_id(position));
        let call = ToolCall::from_text(id.clone(), name.clone(), delta.arguments.clone());
        self.calls.push(PartialCall { index, has_own_id, call });
        (delta.id, delta.name) = (Some(id), Some(name));
        Ok(Some(ModelChunk::ToolCall(delta)))
    }

    fn grow(&mut self, by: usize) -> Result<(), ModelError> {
        self.length = self.length.saturating_add(by);
        if self.length > MAX_LENGTH {
            return Err(malformed(&format!("longer than {MAX_LENGTH} bytes")));
        }
        Ok(())
    }

    /// Returns the whole response; `None` if it is incomplete.
    pub(in super::super) fn finish(self) -> Option<ModelResponse> {
        let finish_reason = self.finish_reason?;
        let calls = self.calls.into_iter().map(|PartialCall { mut call, .. }| {
            if call.arguments.is_empty() {
                "{}".clone_into(&mut call.arguments);
            }
            call
        });
        let mut message = AssistantMessage::calls(calls);
        message.content = self.content;
        let mut response = ModelResponse::new(message).with_usage(self.usage);
        response.finish_reason = finish_reason;
        response.id = self.id;
        response.model = self.model;
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn calls(deltas: &Json) -> Json {
        json!({"choices": [{"delta": {"tool_calls": deltas}}]})
    }

    fn assembled(events: impl IntoIterator<Item = Json>) -> (Vec<ModelChunk>, ModelResponse) {
        let mut assembly = Assembly::default();
        let end = json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]});
        let chunks = events.into_iter().chain([end]).flat_map(|event| assembly.add(event).unwrap());
        (chunks.collect(), assembly.finish().unwrap())
    }

    #[test]
    fn interleaved_calls_are_told_apart() {
        let (chunks, response) = assembled([
            calls(&json!([{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}])),
            calls(
                &json!([{"index": 1, "id": "b", "function": {"name": "g", "arguments": "{\"x\""}}]),
            ),
            calls(&json!([{"index": 0, "function": {"arguments": "{}"}}])),
            calls(&json!([{"index": 1, "function": {"arguments": ":1}"}}])),
        ]);
        assert_eq!(
            chunks,
            [
                ModelChunk::ToolCall(ToolCallDelta::start(0, "a", "f")),
                ModelChunk::ToolCall(ToolCallDelta {
                    arguments: "{\"x\"".to_owned(),
                    ..ToolCallDelta::start(1, "b", "g")
                }),
                ModelChunk::ToolCall(ToolCallDelta::arguments(0, "{}")),
                ModelChunk::ToolCall(ToolCallDelta::arguments(1, ":1}")),
            ]
        );
        let expected =
            [ToolCall::new("a", "f", &json!({})), ToolCall::new("b", "g", &json!({"x": 1}))];
        assert_eq!(response.message.tool_calls, expected);
        assert_eq!(response.finish_reason, FinishReason::ToolCalls);
    }

    #[test]
    fn calls_with_one_index_are_told_apart_by_id() {
        let call = |id: &str| calls(&json!([{"index": 0, "id": id, "function": {"name": "f"}}]));
        let (_, response) = assembled([call("a"), call("b"), call("b")]);
        let ids: Vec<_> = response.message.tool_calls.iter().map(|call| &*call.id).collect();
        assert_eq!(ids, ["a", "b"]);
        assert!(response.message.tool_calls.iter().all(|call| call.arguments == "{}"));
    }

    #[test]
    fn missing_ids_are_generated() {
        let call = |index: u64| calls(&json!([{"index": index, "function": {"name": "f"}}]));
        let (chunks, response) = assembled([call(7), call(9)]);
        let ids: Vec<_> = response.message.tool_calls.iter().map(|call| &*call.id).collect();
        assert_eq!(ids, ["call_0", "call_1"]);
        let ModelChunk::ToolCall(second) = &chunks[1] else { panic!("{chunks:?}") };
        assert_eq!(second.id.as_deref(), Some("call_1"));
    }

    #[test]
    fn an_incomplete_response_is_not_returned() {
        let mut assembly = Assembly::default();
        let chunks = assembly.add(json!({"choices": [{"delta": {"content": "half"}}]})).unwrap();
        assert_eq!(chunks, [ModelChunk::Text("half".to_owned())]);
        assert_eq!(assembly.finish(), None);
    }

    #[test]
    fn a_call_without_a_name_is_an_error() {
        let error = Assembly::default().add(calls(&json!([{"index": 0}]))).unwrap_err();
        assert!(matches!(error, ModelError::Malformed { .. }));
    }
}
