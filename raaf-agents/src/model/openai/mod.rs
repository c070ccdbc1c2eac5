//! Models on `OpenAI`-compatible servers, by Chat Completions or the Responses API.

mod builder;
mod calls;
mod chat;
mod client;
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
use raaf_trace_core::environment::Environment;

use crate::model::{Model, ModelError, ModelRequest, ModelResponse, ModelStream, RetryingModel};
pub use builder::{ConfigError, OpenAiModelBuilder};
use calls::Calls;
pub use chat::ChatCompletions;
use client::model_of_calls;
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
}

model_of_calls!(OpenAiModel);

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
