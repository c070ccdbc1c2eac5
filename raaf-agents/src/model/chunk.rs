//! Streamed responses.

use futures::{
    StreamExt as _, future,
    stream::{self, BoxStream},
};

use super::{ModelError, ModelResponse};
use crate::conversation::{Citation, HostedCall, Part};

/// Stream of a model's response: its chunks, and finally the whole as [`ModelChunk::Done`].
///
/// An error is the last item. Dropping the stream cancels the call.
pub type ModelStream<'a> = BoxStream<'a, Result<ModelChunk, ModelError>>;

/// Waits for the first chunk, which the returned stream still yields. An error in its place is returned.
pub(super) async fn begin(mut chunks: ModelStream<'_>) -> Result<ModelStream<'_>, ModelError> {
    match chunks.next().await {
        Some(Ok(first)) => Ok(stream::once(future::ready(Ok(first))).chain(chunks).boxed()),
        Some(Err(error)) => Err(error),
        None => Ok(stream::empty().boxed()),
    }
}

/// Chunk of a streamed response.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ModelChunk {
    /// Text to append.
    Text(String),
    /// Reasoning to append.
    Reasoning(String),
    /// Words of a refusal to append.
    Refusal(String),
    /// Part of a tool call.
    ToolCall(ToolCallDelta),
    /// State of a call that the provider makes: it began, went on, or ended. The last one has the
    /// result.
    HostedCall(Box<HostedCall>),
    /// Source of a passage in the text so far.
    Citation(Citation),
    /// The whole response. This is the last chunk.
    Done(Box<ModelResponse>),
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
        let mut chunks = Vec::with_capacity(self.message.parts.len() + 1);
        let mut calls = 0;
        for part in &self.message.parts {
            chunks.push(match part {
                Part::Text(text) if !text.is_empty() => ModelChunk::Text(text.clone()),
                Part::Refusal(text) => ModelChunk::Refusal(text.clone()),
                Part::Reasoning(reasoning) if !reasoning.readable().is_empty() => {
                    ModelChunk::Reasoning(reasoning.readable().to_owned())
                }
                Part::ToolCall(call) => {
                    let arguments = call.arguments.clone();
                    calls += 1;
                    let start = ToolCallDelta::start(calls - 1, &call.id, &call.name);
                    ModelChunk::ToolCall(ToolCallDelta { arguments, ..start })
                }
                Part::HostedCall(call) => ModelChunk::HostedCall(Box::new(call.clone())),
                Part::Citation(citation) => ModelChunk::Citation(citation.clone()),
                _ => continue,
            });
        }
        chunks.push(ModelChunk::Done(Box::new(self)));
        chunks.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conversation::{Message, Reasoning, ToolCall};

    #[test]
    fn chunks_end_with_the_whole_response() {
        let whole = ModelResponse::new(Message::assistant([
            Part::Reasoning(Reasoning::new("hm")),
            Part::text("Let me see."),
            Part::ToolCall(ToolCall::new("c1", "search", &json!({}))),
        ]));
        let chunks: Vec<_> = whole.clone().into_chunks().collect();
        let call =
            ToolCallDelta { arguments: "{}".to_owned(), ..ToolCallDelta::start(0, "c1", "search") };
        assert_eq!(
            chunks,
            [
                ModelChunk::Reasoning("hm".to_owned()),
                ModelChunk::Text("Let me see.".to_owned()),
                ModelChunk::ToolCall(call),
                ModelChunk::Done(Box::new(whole)),
            ]
        );
    }
}
