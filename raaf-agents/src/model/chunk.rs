//! Streamed responses.

use futures::stream::BoxStream;

use super::{ModelError, ModelResponse};

/// Stream of a model's response: its chunks, and finally the whole as [`ModelChunk::Done`].
///
/// An error is the last item. Dropping the stream cancels the call.
pub type ModelStream<'a> = BoxStream<'a, Result<ModelChunk, ModelError>>;

/// Chunk of a streamed response.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ModelChunk {
    /// Text to append.
    Text(String),
    /// Part of a tool call.
    ToolCall(ToolCallDelta),
    /// The whole response. This is the last chunk.
    Done(ModelResponse),
}

/// Part of a streamed tool call: its start, or some of its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolCallDelta {
    /// The index of the call in the response, from 0.
    pub index: usize,
    /// The id of the call, in its first part.
    pub id: Option<String>,
    /// The name of the tool, in the first part.
    pub name: Option<String>,
    /// The text to append to the arguments. It may be incomplete JSON.
    pub arguments: String,
}

impl ToolCallDelta {
    /// Creates the first part of a call.
    pub fn start(index: usize, id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { index, id: Some(id.into()), name: Some(name.into()), arguments: String::new() }
    }

    /// Creates a part with arguments.
    pub fn arguments(index: usize, arguments: impl Into<String>) -> Self {
        Self { index, arguments: arguments.into(), ..Self::default() }
    }
}

impl ModelResponse {
    /// Splits the response into as few chunks as possible.
    pub(super) fn into_chunks(self) -> impl Iterator<Item = ModelChunk> {
        let text = self.message.content.clone().filter(|text| !text.is_empty());
        let calls = self.message.tool_calls.clone().into_iter().enumerate().map(|(index, call)| {
            ModelChunk::ToolCall(ToolCallDelta {
                index,
                id: Some(call.id),
                name: Some(call.name),
                arguments: call.arguments,
            })
        });
        text.map(ModelChunk::Text).into_iter().chain(calls).chain([ModelChunk::Done(self)])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{AssistantMessage, ToolCall};

    #[test]
    fn chunks_end_with_the_whole_response() {
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
