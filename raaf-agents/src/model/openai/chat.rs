//! Chat Completions.

use super::{
    protocol::{Assemble, Prepared, Protocol},
    wire::{Assembly, Rejected, Request, Target, settings::bytes},
};
use crate::model::{ModelChunk, ModelError, ModelRequest, ModelResponse};

/// Chat Completions, the protocol of an [`OpenAiModel`](super::OpenAiModel).
#[derive(Debug)]
#[non_exhaustive]
pub struct ChatCompletions;

/// Path of calls, below the base URL.
pub(super) const PATH: &[&str] = &["chat", "completions"];

impl Protocol for ChatCompletions {
    type Assembly = Assembly;

    fn prepare(
        &self,
        request: &ModelRequest,
        target: Target<'_>,
        streams: bool,
    ) -> Result<Prepared<Assembly>, ModelError> {
        if let Some(tool) = request.hosted_tools.first() {
            let kind = tool.kind();
            let message = format!(
                "the agent has the hosted tool `{kind}`, which Chat Completions cannot carry; expected \
                 `OpenAiResponses`, or no hosted tools"
            );
            return Err(ModelError::Unsupported { message });
        }
        let mut body = Request::new(request, target)?;
        if streams {
            body = body.streamed(target.profile);
        }
        let assembly = Assembly::expecting(body.answer_tool());
        let left_out = body.left_out().to_vec();
        let body = bytes(&body, &request.settings).map_err(ModelError::other)?;
        Ok(Prepared { body, assembly, left_out })
    }
}

impl Assemble for Assembly {
    fn add(&mut self, json: &str) -> Result<Vec<ModelChunk>, Rejected> {
        Self::add(self, json)
    }

    fn pieces(&self) -> usize {
        Self::pieces(self)
    }

    fn has_end(&self) -> bool {
        Self::has_end(self)
    }

    fn finish(
        self,
        is_over: bool,
        origin: &str,
    ) -> Result<Option<(Vec<ModelChunk>, ModelResponse)>, Rejected> {
        if is_over && !self.has_choice() {
            return Err(Rejected::Malformed("no choices".to_owned()));
        }
        let (has_text, mut chunks) = (self.has_text(), self.nameless_calls());
        let whole = Self::finish(self, is_over, origin);
        Ok(whole.map(|whole| {
            // An answer in the form of a call.
            let text = Some(whole.message.text().into_owned());
            let text = text.filter(|text| !has_text && !text.is_empty());
            chunks.extend(text.map(ModelChunk::Text));
            (chunks, whole)
        }))
    }
}
