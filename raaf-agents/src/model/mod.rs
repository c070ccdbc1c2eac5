//! Language models: requests, responses and implementations.

mod address;
mod call;
mod chunk;
mod error;
mod fallback;
mod hosted;
mod limited;
#[cfg(feature = "openai")]
pub mod openai;
mod request;
mod response;
mod retry;
mod schema;
mod scripted;
mod settings;
mod traced;
mod typed;
mod usage;

use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, future, stream};

use crate::diagram::Drawing;
pub use call::ModelCall;
pub use chunk::{ModelChunk, ModelStream, ToolCallDelta};
pub use error::ModelError;
pub use fallback::FallbackModel;
pub use hosted::HostedTool;
pub use limited::{CallLimits, LimitedModel};
pub use request::{ModelRequest, OutputSchema, ToolSpec};
pub use response::{FinishReason, ModelResponse};
pub use retry::RetryingModel;
pub use schema::{StrictSchemaError, strict_schema};
pub use scripted::{Reply, ScriptedModel};
pub use settings::{ModelSettings, ToolChoice};
pub use traced::TracedModel;
pub(crate) use typed::{in_object, is_object, out_of_object, schema_of};
pub use usage::Usage;

/// Member that holds an answer that is not itself an object.
pub(crate) const RESPONSE: &str = "response";

/// Language model: continues a conversation.
///
/// Implementations do not trace; [`TracedModel`], which every [`Agent`](crate::Agent) uses, adds the
/// span. They make one attempt for each call; [`RetryingModel`] adds retries, which it records in the
/// trace.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Message, Model, ModelError, ModelRequest, ModelResponse};
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
///         Ok(ModelResponse::new(Message::assistant(answer)))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Model`",
    label = "not a model",
    note = "use `OpenAiModel` (feature `openai`) for a hosted model, or `ScriptedModel` in tests"
)]
#[async_trait]
pub trait Model: Send + Sync {
    /// Returns the name by which the provider knows the model.
    fn name(&self) -> &str;

    /// Returns the provider (`gen_ai.provider.name`) by OpenTelemetry's name, such as `openai` or
    /// `aws.bedrock`, if known.
    fn provider(&self) -> Option<&str> {
        None
    }

    /// Returns the URL of calls (`url.full`), such as `http://localhost:11434/v1/chat/completions`,
    /// if there is one. It must not contain credentials or a query, because it is traced.
    fn url(&self) -> Option<&str> {
        None
    }

    /// Notes the model in the box of an agent in a [diagram](crate::Diagram), by default by its name. A model
    /// that wraps others forwards the call, and adds notes of its own.
    fn draw(&self, drawing: &mut Drawing) {
        drawing.note(format!("model {}", self.name()));
    }

    /// Returns the response to a conversation.
    ///
    /// # Errors
    ///
    /// If the call fails. [`ModelError::is_retryable`] is true if a retry can help. A model that does not
    /// support the [hosted tools](ModelRequest::hosted_tools) of the request should fail with
    /// [`ModelError::Unsupported`].
    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError>;

    /// Streams the response to a conversation; the last chunk is [`ModelChunk::Done`].
    ///
    /// The call starts when the stream is first polled. By default the whole response comes at once.
    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        let chunks = |response: Result<ModelResponse, ModelError>| match response {
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

    fn draw(&self, drawing: &mut Drawing) {
        (**self).draw(drawing);
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        (**self).respond(request).await
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        (**self).stream(request)
    }
}
