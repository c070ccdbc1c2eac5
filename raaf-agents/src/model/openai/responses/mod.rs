//! Responses API.

mod assembly;
mod content;
mod head;
mod hosted;
mod input;
mod item;
mod output;
mod request;
mod usage;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use raaf_trace_core::{current_span, environment::Environment, keys};

use super::{
    builder::{ConfigError, OpenAiModelBuilder},
    calls::Calls,
    client::model_of_calls,
    profile::Profile,
    protocol::{Prepared, Protocol},
    wire::Target,
};
use crate::model::{Model, ModelError, ModelRequest, ModelResponse, ModelStream, RetryingModel};
use assembly::Assembly;

/// Path of calls, below the base URL.
const PATH: &[&str] = &["responses"];

/// Value of `openai.api.type`.
const API: &str = "responses";

/// Members of the data of a message that only the server understands.
const RESPONSE_ID: &str = "response_id";
const CONVERSATION: &str = "conversation";
const STORED: &str = "stored";
const MESSAGES: &str = "messages";
const ANSWERED: &str = "answered";

/// Model on a server with the Responses API: `OpenAI`'s own, xAI, `OpenRouter`, `vLLM`, `LiteLLM`,
/// llama.cpp and others.
///
/// It supports [hosted tools](crate::HostedTool), keeps a model's reasoning, also in encrypted form, next to
/// its calls, and can leave the conversation to the server ([`ServerState`]). Otherwise it works as an
/// [`OpenAiModel`](super::OpenAiModel): retries, time limits, headers and errors are the same.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, HostedTool, OpenAiResponses};
///
/// let model = OpenAiResponses::builder("gpt-5.4-mini").api_key("sk-...").store(false).build()?;
/// let agent = Agent::builder("Researcher", model).hosted_tool(HostedTool::web_search()).build();
/// # Ok::<(), raaf_agents::openai::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct OpenAiResponses {
    calls: Arc<RetryingModel<Calls<Responses>>>,
}

/// Responses API, the protocol of an [`OpenAiResponses`].
#[derive(Clone, Debug, Default)]
pub struct Responses {
    store: Option<bool>,
    state: ServerState,
    reasoning_summary: Option<String>,
}

/// Conversation that the server keeps.
///
/// By default each request has the whole conversation. The program can then change the conversation between
/// turns or send it to another server, and does not depend on how long a server keeps it. Otherwise a request
/// has only the messages that the server does not have yet: changes of earlier messages, such as by windows
/// and filters, do not reach the server.
///
/// The ids of the server's responses are recorded in the messages
/// ([`Message::provider_data`](crate::Message::provider_data)), so that this works across the turns of a run,
/// and across runs with a session. If the server no longer has the conversation, the call fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerState {
    /// Each request has the whole conversation.
    #[default]
    None,
    /// A request continues the latest response of this server in the conversation
    /// (`previous_response_id`). The server must store responses.
    PreviousResponse,
    /// Requests belong to the conversation with this id, which the program has created at the server.
    Conversation(String),
}

impl OpenAiResponses {
    /// Returns a builder for a model with this name.
    pub fn builder(name: impl Into<String>) -> OpenAiModelBuilder<Responses> {
        OpenAiModelBuilder::new(name.into(), Responses::default())
    }
}

impl OpenAiModelBuilder<Responses> {
    /// Sets whether the server stores responses. With `false`, reasoning is requested in an encrypted form,
    /// which later requests send back. By default the server decides; `OpenAI`'s own stores responses for 30
    /// days.
    pub fn store(mut self, store: bool) -> Self {
        self.protocol.store = Some(store);
        self
    }

    /// Sets how the server keeps the conversation; the default is [`ServerState::None`].
    pub fn server_state(mut self, state: ServerState) -> Self {
        self.protocol.state = state;
        self
    }

    /// Requests summaries of the model's reasoning, of a kind such as `auto`, `concise` or `detailed`.
    pub fn reasoning_summary(mut self, summary: impl Into<String>) -> Self {
        self.protocol.reasoning_summary = Some(summary.into());
        self
    }

    /// Builds the model. No request is sent.
    ///
    /// # Errors
    ///
    /// If the base URL or a header is invalid, the API key for `OpenAI`'s own server is missing, TLS
    /// cannot be set up, or [`ServerState::PreviousResponse`] is combined with `store(false)`.
    pub fn build(self) -> Result<OpenAiResponses, ConfigError> {
        let Responses { store, state, .. } = &self.protocol;
        if *store == Some(false) && *state == ServerState::PreviousResponse {
            return Err(ConfigError::NotStored);
        }
        Ok(OpenAiResponses { calls: Arc::new(self.connect(PATH)?) })
    }
}

impl Protocol for Responses {
    type Assembly = Assembly;

    fn prepare(
        &self,
        request: &ModelRequest,
        target: Target<'_>,
        streams: bool,
    ) -> Result<Prepared<Assembly>, ModelError> {
        if let Some(span) = current_span() {
            span.set_attribute(keys::OPENAI_API_TYPE, API);
        }
        request::prepare(self, request, target, streams)
    }

    fn describe(&self, response: &ModelResponse) {
        let data = response.message.provider_data.as_ref();
        let is_stored = data.is_some_and(|data| data.fields.contains_key(STORED));
        if let Some(span) = current_span().filter(|_| is_stored) {
            span.set_attribute(keys::OPENAI_RESPONSE_STORED, true);
        }
    }
}

model_of_calls!(OpenAiResponses);

impl fmt::Debug for OpenAiResponses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Calls { endpoint, protocol } = self.calls.model();
        f.debug_struct("OpenAiResponses")
            .field("name", &self.name())
            .field("base_url", &self.base_url())
            .field("protocol", protocol)
            .field("timeout", &endpoint.timeout)
            .field("retries", self.calls.policy())
            .finish_non_exhaustive()
    }
}
