//! Models behind an `OpenAI`-compatible Chat Completions server.

mod builder;
mod transport;
mod wire;

use std::{fmt, time::Duration};

use async_openai::{Client, config::OpenAIConfig};
use async_trait::async_trait;
use serde_json::Value as Json;

use crate::model::{Model, ModelError, ModelRequest, ModelResponse};
pub use builder::{ConfigError, OpenAiModelBuilder};

/// A model behind an `OpenAI`-compatible Chat Completions server: `OpenAI`'s own, `LiteLLM`,
/// `vLLM`, Ollama, llama.cpp and others.
///
/// A call is one attempt; nothing is retried. It needs a tokio runtime with I/O and time enabled.
/// The key is in no error and no `Debug` text.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use raaf_agents::OpenAiModel;
///
/// let model = OpenAiModel::builder("llama3.2")
///     .base_url("http://localhost:11434/v1")
///     .timeout(Duration::from_secs(30))
///     .build()?;
/// # Ok::<(), raaf_agents::openai::ConfigError>(())
/// ```
pub struct OpenAiModel {
    name: String,
    client: Client<OpenAIConfig>,
    base_url: String,
    dialect: wire::Dialect,
    timeout: Duration,
    /// For removing it from what a server says.
    key: String,
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
        &self.base_url
    }

    fn error(&self, error: async_openai::error::OpenAIError) -> ModelError {
        transport::model_error(error, |text| {
            if self.key.is_empty() { text } else { text.replace(&self.key, "[REDACTED]") }
        })
    }
}

#[async_trait]
impl Model for OpenAiModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn provider(&self) -> Option<&str> {
        Some("openai")
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        // The transport would panic.
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(ModelError::other("an OpenAiModel needs a tokio runtime to be called in"));
        }
        let body = wire::Request::new(&self.name, request, self.dialect);
        let chat = self.client.chat();
        let answer = chat.create_byot::<_, Json>(body);
        match tokio::time::timeout(self.timeout, answer).await {
            Err(_) => Err(ModelError::Timeout { after: self.timeout }),
            Ok(Err(error)) => Err(self.error(error)),
            Ok(Ok(answer)) => wire::read(answer),
        }
    }
}

impl fmt::Debug for OpenAiModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiModel")
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
