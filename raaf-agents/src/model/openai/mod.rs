//! Models behind an `OpenAI`-compatible Chat Completions server.

mod builder;
mod chat;
mod retry_after;
mod transport;
mod wire;

use std::fmt;

use async_trait::async_trait;

use crate::model::{Model, ModelError, ModelRequest, ModelResponse, ModelStream, RetryingModel};
pub use builder::{ConfigError, OpenAiModelBuilder};
use chat::ChatCompletions;

/// A model behind an `OpenAI`-compatible Chat Completions server: `OpenAI`'s own, `LiteLLM`,
/// `vLLM`, Ollama, llama.cpp and others.
///
/// A call that fails is tried again, twice if nothing else is said, and each retry is seen in the
/// trace, as with a [`RetryingModel`]. It needs a tokio runtime with I/O and time enabled. The key
/// is in no error and no `Debug` text. The span's ids go along as `traceparent`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use raaf_agents::{OpenAiModel, RetryPolicy};
///
/// let model = OpenAiModel::builder("llama3.2")
///     .base_url("http://localhost:11434/v1")
///     .timeout(Duration::from_secs(30))
///     .retries(RetryPolicy::new(4))
///     .build()?;
/// # Ok::<(), raaf_agents::openai::ConfigError>(())
/// ```
pub struct OpenAiModel {
    chat: RetryingModel<ChatCompletions>,
}

impl OpenAiModel {
    /// A model of that name, to be configured in code.
    pub fn builder(name: impl Into<String>) -> OpenAiModelBuilder {
        OpenAiModelBuilder::new(name.into())
    }

    /// A model of that name on the server that `OPENAI_BASE_URL` names, else `OpenAI`'s own, with
    /// the key in `OPENAI_API_KEY`.
    ///
    /// # Errors
    ///
    /// When a variable cannot be used, or `OpenAI`'s own server is meant and there is no key.
    pub fn from_env(name: impl Into<String>) -> Result<Self, ConfigError> {
        Self::builder(name).environment(&raaf_trace_core::Environment::process())?.build()
    }

    /// The server's address.
    pub fn base_url(&self) -> &str {
        &self.chat.model().base_url
    }
}

#[async_trait]
impl Model for OpenAiModel {
    fn name(&self) -> &str {
        self.chat.name()
    }

    fn provider(&self) -> Option<&str> {
        self.chat.provider()
    }

    fn url(&self) -> Option<&str> {
        self.chat.url()
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.chat.respond(request).await
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        self.chat.stream(request)
    }
}

impl fmt::Debug for OpenAiModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiModel")
            .field("name", &self.name())
            .field("base_url", &self.base_url())
            .field("timeout", &self.chat.model().timeout)
            .field("retries", self.chat.policy())
            .finish_non_exhaustive()
    }
}
