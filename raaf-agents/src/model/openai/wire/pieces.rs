//! What comes back in pieces, put together.

use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    answer::{Used, arguments, made_up_id, used},
    malformed,
};
use crate::model::{
    AssistantMessage, FinishReason, ModelChunk, ModelError, ModelResponse, ToolCall, ToolCallDelta,
    Usage,
};

/// The longest answer that is put together, in bytes.
const LONGEST: usize = 64 << 20;

#[derive(Deserialize)]
struct Piece {
    id: Option<String>,
    model: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<Used>,
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
    tool_calls: Option<Vec<CallPiece>>,
}

#[derive(Deserialize)]
struct CallPiece {
    index: Option<u64>,
    id: Option<String>,
    function: Option<FunctionPiece>,
}

#[derive(Deserialize)]
struct FunctionPiece {
    name: Option<String>,
    #[serde(default)]
    arguments: Json,
}

/// An answer of which some is still to come.
#[derive(Default)]
pub(in super::super) struct Assembly {
    content: Option<String>,
    calls: Vec<Slot>,
    finish_reason: Option<FinishReason>,
    usage: Usage,
    id: Option<String>,
    model: Option<String>,
    length: usize,
}

struct Slot {
    /// The server's number for it; some give the same to all.
    index: Option<u64>,
    has_own_id: bool,
    call: ToolCall,
}

impl Assembly {
    /// Adds a piece, and tells what is new.
    pub(in super::super) fn add(&mut self, piece: Json) -> Result<Vec<ModelChunk>, ModelError> {
        let piece: Piece =
            serde_json::from_value(piece).map_err(|error| malformed(&error.to_string()))?;
        self.id = self.id.take().or(piece.id);
        self.model = self.model.take().or(piece.model);
        if let Some(usage) = piece.usage {
            self.usage = used(usage);
        }
        let mut news = Vec::new();
        let Some(choice) = piece.choices.and_then(|choices| choices.into_iter().next()) else {
            return Ok(news);
        };
        if let Some(reason) = choice.finish_reason {
            self.finish_reason = Some(FinishReason::from(reason.as_str()));
        }
        let Some(Delta { content, refusal, tool_calls }) = choice.delta else { return Ok(news) };
        // A refusal takes the place of the content.
        for text in [content, refusal].into_iter().flatten().filter(|text| !text.is_empty()) {
            self.grow(text.len())?;
            self.content.get_or_insert_default().push_str(&text);
            news.push(ModelChunk::Text(text));
        }
        for call in tool_calls.into_iter().flatten() {
            news.extend(self.add_call(call)?);
        }
        Ok(news)
    }

    fn add_call(&mut self, piece: CallPiece) -> Result<Option<ModelChunk>, ModelError> {
        let CallPiece { index, id, function } = piece;
        let id = id.filter(|id| !id.is_empty());
        let (name, arguments) = function
            .map(|function| (function.name, arguments(function.arguments)))
            .unwrap_or_default();
        self.grow(arguments.len())?;
        let is_new = |call: &Slot| {
            let other_id = call.has_own_id && id.as_ref().is_some_and(|id| *id != call.call.id);
            call.index != index || other_id
        };
        let known = self.calls.iter().rposition(|call| !is_new(call));
        let position = known.unwrap_or(self.calls.len());
        let mut delta = ToolCallDelta::arguments(position, arguments);
        if let Some(Slot { call, .. }) = self.calls.get_mut(position) {
            call.arguments.push_str(&delta.arguments);
            let new = !delta.arguments.is_empty();
            return Ok(new.then_some(ModelChunk::ToolCall(delta)));
        }
        let name = name.ok_or_else(|| malformed("a tool call has no name"))?;
        self.grow(size_of::<Slot>())?;
        let has_own_id = id.is_some();
        let id = id.unwrap_or_else(|| made_up_id(position));
        let call = ToolCall::from_text(id.clone(), name.clone(), delta.arguments.clone());
        self.calls.push(Slot { index, has_own_id, call });
        (delta.id, delta.name) = (Some(id), Some(name));
        Ok(Some(ModelChunk::ToolCall(delta)))
    }

    fn grow(&mut self, by: usize) -> Result<(), ModelError> {
        self.length = self.length.saturating_add(by);
        if self.length > LONGEST {
            return Err(malformed(&format!("it is longer than {LONGEST} bytes")));
        }
        Ok(())
    }

    /// The whole answer; `None` if the model had not come to its end.
    pub(in super::super) fn finish(self) -> Option<ModelResponse> {
        let finish_reason = self.finish_reason?;
        let calls = self.calls.into_iter().map(|Slot { mut call, .. }| {
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

    fn calls(pieces: &Json) -> Json {
        json!({"choices": [{"delta": {"tool_calls": pieces}}]})
    }

    fn assembled(pieces: impl IntoIterator<Item = Json>) -> (Vec<ModelChunk>, ModelResponse) {
        let mut assembly = Assembly::default();
        let end = json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]});
        let chunks = pieces.into_iter().chain([end]).flat_map(|piece| assembly.add(piece).unwrap());
        (chunks.collect(), assembly.finish().unwrap())
    }

    #[test]
    fn calls_that_come_interleaved_are_told_apart() {
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
    fn calls_under_one_number_are_told_apart_by_their_ids() {
        let call = |id: &str| calls(&json!([{"index": 0, "id": id, "function": {"name": "f"}}]));
        let (_, response) = assembled([call("a"), call("b"), call("b")]);
        let ids: Vec<_> = response.message.tool_calls.iter().map(|call| &*call.id).collect();
        assert_eq!(ids, ["a", "b"]);
        assert!(response.message.tool_calls.iter().all(|call| call.arguments == "{}"));
    }

    #[test]
    fn ids_that_are_missing_are_made_up() {
        let call = |index: u64| calls(&json!([{"index": index, "function": {"name": "f"}}]));
        let (chunks, response) = assembled([call(7), call(9)]);
        let ids: Vec<_> = response.message.tool_calls.iter().map(|call| &*call.id).collect();
        assert_eq!(ids, ["call_0", "call_1"]);
        let ModelChunk::ToolCall(second) = &chunks[1] else { panic!("{chunks:?}") };
        assert_eq!(second.id.as_deref(), Some("call_1"));
    }

    #[test]
    fn what_has_no_end_is_no_answer() {
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
