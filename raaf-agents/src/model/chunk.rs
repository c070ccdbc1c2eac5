//! An answer in pieces.

use futures::stream::BoxStream;

use super::{ModelError, ModelResponse};

/// An answer as it comes: its pieces, and at the end the whole, as [`ModelChunk::Done`].
///
/// After an error nothing more comes. Dropping it tells the model to stop.
pub type ModelStream<'a> = BoxStream<'a, Result<ModelChunk, ModelError>>;

/// A piece of a streamed answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ModelChunk {
    /// More of the words.
    Text(String),
    /// More of a tool call.
    ToolCall(ToolCallDelta),
    /// The whole answer, put together; the last piece.
    Done(ModelResponse),
}

/// More of a tool call: its beginning, or some of its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolCallDelta {
    /// Which of the answer's tool calls it belongs to, from 0.
    pub index: usize,
    /// The call's id, in the first of its pieces.
    pub id: Option<String>,
    /// The tool's name, in the first of its pieces.
    pub name: Option<String>,
    /// What to add to the arguments; by itself it need not be JSON.
    pub arguments: String,
}

impl ToolCallDelta {
    /// The beginning of a call.
    pub fn start(index: usize, id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { index, id: Some(id.into()), name: Some(name.into()), arguments: String::new() }
    }

    /// More of a call's arguments.
    pub fn arguments(index: usize, arguments: impl Into<String>) -> Self {
        Self { index, arguments: arguments.into(), ..Self::default() }
    }
}

impl ModelResponse {
    /// This answer in as few pieces as it can be streamed in.
    pub(super) fn into_chunks(self) -> impl Iterator<Item = ModelChunk> {
        let words = self.message.content.clone().filter(|text| !text.is_empty());
        let calls = self.message.tool_calls.clone().into_iter().enumerate().map(|(index, call)| {
            ModelChunk::ToolCall(ToolCallDelta {
                index,
                id: Some(call.id),
                name: Some(call.name),
                arguments: call.arguments,
            })
        });
        words.map(ModelChunk::Text).into_iter().chain(calls).chain([ModelChunk::Done(self)])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{AssistantMessage, ToolCall};

    #[test]
    fn an_answer_in_pieces_ends_with_the_whole() {
        let mut message = AssistantMessage::calls([ToolCall::new("c1", "search", &json!({}))]);
        message.content = Some("Let me see.".to_owned());
        let whole = ModelResponse::new(message);
        let chunks: Vec<_> = whole.clone().into_chunks().collect();
        let call =
            ToolCallDelta { arguments: "{}".to_owned(), ..ToolCallDelta::start(0, "c1", "search") };
        assert_eq!(
            chunks,
            [
                ModelChunk::Text("Let me see.".to_owned()),
                ModelChunk::ToolCall(call),
                ModelChunk::Done(whole),
            ]
        );
    }
}
