//! Models on `OpenAI`-compatible servers, by Chat Completions or the Responses API.

mod builder;
mod calls;
mod chat;
mod endpoint;
mod http;
mod profile;
mod protocol;
mod provider;
mod responses;
mod retry_after;
mod wire;

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::model::{Model, ModelError, ModelRequest, ModelResponse, ModelStream, RetryingModel};
pub use builder::{ConfigError, OpenAiModelBuilder};
use calls::Calls;
pub use chat::ChatCompletions;
pub use profile::{InstructionsRole, KeyHeader, Profile, ReasoningBack, TokenLimit, TypedAnswers};
pub use responses::{OpenAiResponses, Responses, ServerState};

/// Model on an `OpenAI`-compatible Chat Completions server: `OpenAI`'s own, `LiteLLM`, `vLLM`,
/// Ollama, llama.cpp and others.
///
/// By default a failed call is retried twice, each attempt may take 2 minutes, and requests carry
/// the trace as `traceparent`. Retries are recorded in the trace; see [`RetryingModel`]. Errors and
/// `Debug` forms do not contain the API key. Calls need a tokio runtime with I/O and time enabled.
///
/// Clones share the connections, so that several agents can have one model: `Agent::builder("Writer",
/// model.clone())`.
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
#[derive(Clone)]
pub struct OpenAiModel {
    calls: Arc<RetryingModel<Calls<ChatCompletions>>>,
}

impl OpenAiModel {
    /// Returns a builder for a model with this name.
    pub fn builder(name: impl Into<String>) -> OpenAiModelBuilder {
        OpenAiModelBuilder::new(name.into(), ChatCompletions)
    }

    /// Creates a model on the server at `OPENAI_BASE_URL`, by default `OpenAI`'s own, with the API key
    /// in `OPENAI_API_KEY`.
    ///
    /// # Errors
    ///
    /// If a variable is invalid, or the API key for `OpenAI`'s own server is missing.
    pub fn from_env(name: impl Into<String>) -> Result<Self, ConfigError> {
        Self::builder(name)
            .environment(&raaf_trace_core::environment::Environment::process())?
            .build()
    }

    /// Returns the profile of the server.
    pub fn profile(&self) -> &Profile {
        &self.calls.model().endpoint.profile
    }

    /// Returns the server's URL.
    pub fn base_url(&self) -> &str {
        &self.calls.model().endpoint.base_url
    }
}

#[async_trait]
impl Model for OpenAiModel {
    fn name(&self) -> &str {
        self.calls.name()
    }

    fn provider(&self) -> Option<&str> {
        self.calls.provider()
    }

    fn url(&self) -> Option<&str> {
        self.calls.url()
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        self.calls.respond(request).await
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        self.calls.stream(request)
    }
}

impl fmt::Debug for OpenAiModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiModel")
            .field("name", &self.name())
            .field("base_url", &self.base_url())
            .field("timeout", &self.calls.model().endpoint.timeout)
            .field("retries", self.calls.policy())
            .finish_non_exhaustive()
    }
}
