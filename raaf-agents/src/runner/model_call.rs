//! Model call of one turn.

use std::sync::{Mutex, PoisonError};

use futures::StreamExt as _;

use super::calls::Caller;
use crate::{
    model::{ModelChunk, ModelError, ModelRequest, ModelResponse, TracedModel},
    run::RunEvent,
};

impl<'a> Caller<'a> {
    /// Calls the model, streaming if the run is followed. `partial` has the text that was streamed if
    /// the call does not succeed.
    pub(super) async fn call_model(
        self,
        request: &ModelRequest,
        partial: &Mutex<String>,
    ) -> Result<ModelResponse, ModelError> {
        let Self { context, agent, .. } = self;
        let model = self.model();
        let response = if context.is_streamed() {
            self.stream_model(model, request, partial).await?
        } else {
            model.respond(request).await?
        };
        // Added at once, because an answer that a guardrail rejects is billed too.
        context.add_call(agent.name(), model.name(), &response);
        Ok(response)
    }

    pub(super) fn model(self) -> &'a TracedModel {
        self.runner.config.model.as_ref().unwrap_or_else(|| self.agent.model())
    }

    async fn stream_model(
        self,
        model: &TracedModel,
        request: &ModelRequest,
        partial: &Mutex<String>,
    ) -> Result<ModelResponse, ModelError> {
        let text = || partial.lock().unwrap_or_else(PoisonError::into_inner);
        let mut chunks = model.stream(request);
        while let Some(chunk) = chunks.next().await {
            let agent = self.agent.name().to_owned();
            let event = match chunk? {
                ModelChunk::Done(response) => {
                    text().clear();
                    return Ok(*response);
                }
                ModelChunk::Text(piece) => {
                    text().push_str(&piece);
                    RunEvent::TextDelta { agent, text: piece }
                }
                ModelChunk::Reasoning(text) => RunEvent::ReasoningDelta { agent, text },
                ModelChunk::Refusal(text) => RunEvent::RefusalDelta { agent, text },
                ModelChunk::HostedCall(call) => RunEvent::HostedCall { agent, call },
                ModelChunk::Citation(citation) => RunEvent::Citation { agent, citation },
                ModelChunk::ToolCall(_) => continue,
            };
            self.context.emit(|| event);
        }
        Err(ModelError::Malformed { message: "the stream ended without a final chunk".to_owned() })
    }
}
