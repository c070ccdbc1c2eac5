//! Language models: what is asked of one, what it answers, and models to choose from.

mod chunk;
pub(crate) mod error;
mod message;
#[cfg(feature = "openai")]
pub mod openai;
mod parts;
mod request;
mod response;
mod retry;
mod scripted;
mod settings;
mod traced;
mod usage;

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, future, stream};

pub use chunk::{ModelChunk, ModelStream, ToolCallDelta};
pub use error::ModelError;
pub use message::{AssistantMessage, Message, ToolCall};
pub use request::{ModelRequest, OutputSchema, ToolSpec};
pub use response::{FinishReason, ModelResponse};
pub use retry::{RetryPolicy, RetryingModel};
pub use scripted::{Reply, ScriptedModel};
pub use settings::{ModelSettings, ToolChoice};
pub use traced::TracedModel;
pub use usage::Usage;

/// A language model: it reads a conversation and says what comes next.
///
/// Implementations trace nothing: whoever uses one through a [`TracedModel`], as every
/// [`Agent`](crate::Agent) does, gets the span. They make one attempt a call, too: what tries again
/// is a [`RetryingModel`], which says so in the trace.
///
/// # Examples
///
/// ```
/// use raaf_agents::{AssistantMessage, Model, ModelError, ModelRequest, ModelResponse};
///
/// struct Shouting;
///
/// #[async_trait::async_trait]
/// impl Model for Shouting {
///     fn name(&self) -> &str {
///         "shouting"
///     }
///     async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
///         let answer = request.last_user_text().to_uppercase();
///         Ok(ModelResponse::new(AssistantMessage::text(answer)))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no model",
    note = "a real one by name is `OpenAiModel` (feature `openai`); `ScriptedModel` does without one"
)]
#[async_trait]
pub trait Model: Send + Sync {
    /// The model's name, as its provider knows it.
    fn name(&self) -> &str;

    /// Who runs it (`gen_ai.provider.name`), such as `openai`; `None` if that is not known.
    fn provider(&self) -> Option<&str> {
        None
    }

    /// The address that a call goes to (`url.full`), such as
    /// `http://localhost:11434/v1/chat/completions`: without a user and without a query, which may
    /// be secrets. `None` if there is none.
    fn url(&self) -> Option<&str> {
        None
    }

    /// Answers the conversation.
    ///
    /// # Errors
    ///
    /// When there is no answer; the error says whether another try can help.
    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError>;

    /// Answers the conversation in pieces; the last is [`ModelChunk::Done`].
    ///
    /// Nothing happens before it is polled. A model that cannot stream need not implement this:
    /// its whole answer comes at once.
    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        let chunks = |answer: Result<ModelResponse, ModelError>| match answer {
            Ok(response) => stream::iter(response.into_chunks().map(Ok)).left_stream(),
            Err(error) => stream::once(future::ready(Err(error))).right_stream(),
        };
        stream::once(self.respond(request)).flat_map(chunks).boxed()
    }
}

#[async_trait]
impl<M: Model + ?Sized> Model for Arc<M> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn provider(&self) -> Option<&str> {
        (**self).provider()
    }

    fn url(&self) -> Option<&str> {
        (**self).url()
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        (**self).respond(request).await
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        (**self).stream(request)
    }
}
