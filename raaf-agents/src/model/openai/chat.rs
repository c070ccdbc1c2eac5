//! Chat Completions calls.

use std::{collections::VecDeque, time::Duration};

use async_openai::{
    Chat, Client, config::OpenAIConfig, error::OpenAIError, traits::RequestOptionsBuilder as _,
    types::stream::StreamResponse,
};
use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, HeaderValue};
use raaf_trace_core::{Context, Redactor, diagnostics::Escaped};
use serde_json::Value as Json;

use super::{
    transport,
    wire::{self, Assembly, Dialect, Request},
};
use crate::model::{
    Model, ModelChunk, ModelError, ModelRequest, ModelResponse, ModelStream, as_text,
};

/// Model that makes one attempt for each call.
pub(super) struct ChatCompletions {
    pub(super) name: String,
    pub(super) client: Client<OpenAIConfig>,
    /// Client for streamed responses.
    pub(super) streaming: Client<OpenAIConfig>,
    pub(super) base_url: String,
    /// URL of calls, without credentials and query.
    pub(super) url: String,
    pub(super) dialect: Dialect,
    pub(super) timeout: Duration,
    pub(super) propagates: bool,
    /// API key, organization and project, to be removed from the server's messages.
    pub(super) sent: Vec<String>,
}

impl ChatCompletions {
    fn chat<'c>(&self, client: &'c Client<OpenAIConfig>) -> Chat<'c, OpenAIConfig> {
        let chat = client.chat();
        if !self.propagates {
            return chat;
        }
        let mut carrier: Vec<(String, String)> = Vec::new();
        Context::current().inject(&mut carrier);
        let headers = carrier.into_iter().filter_map(|(name, value)| {
            let name = http::HeaderName::try_from(name).ok()?;
            Some((name, HeaderValue::try_from(value).ok()?))
        });
        chat.headers(headers.collect::<HeaderMap>())
    }

    fn error(&self, error: OpenAIError) -> ModelError {
        transport::model_error(error, |text| self.scrub(&text))
    }

    fn scrub(&self, text: &str) -> String {
        let sent: Vec<_> = self.sent.iter().map(String::as_str).collect();
        Escaped(Redactor::without_values(text, &sent)).to_string()
    }

    async fn within<T>(
        &self,
        answer: impl Future<Output = Result<T, OpenAIError>>,
    ) -> Result<T, ModelError> {
        match tokio::time::timeout(self.timeout, answer).await {
            Err(_) => Err(ModelError::Timeout { after: self.timeout }),
            Ok(answer) => answer.map_err(|error| self.error(error)),
        }
    }

    async fn open(&self, request: &ModelRequest) -> Result<ChatStream<'_>, ModelError> {
        require_runtime()?;
        let body = Request::new(&self.name, request, self.dialect).streamed();
        let chat = self.chat(&self.streaming);
        let events = self.within(chat.create_stream_byot::<_, Json>(body)).await?;
        Ok(ChatStream { chat: self, events, assembly: Assembly::default(), ready: VecDeque::new() })
    }
}

/// Returns an error where the transport would panic.
fn require_runtime() -> Result<(), ModelError> {
    let runtime = tokio::runtime::Handle::try_current();
    runtime
        .map(drop)
        .map_err(|_| ModelError::other("OpenAiModel must be called within a tokio runtime"))
}

#[async_trait]
impl Model for ChatCompletions {
    fn name(&self) -> &str {
        &self.name
    }

    fn provider(&self) -> Option<&str> {
        Some("openai")
    }

    fn url(&self) -> Option<&str> {
        Some(&self.url)
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        require_runtime()?;
        let body = Request::new(&self.name, request, self.dialect);
        let chat = self.chat(&self.client);
        wire::read(self.within(chat.create_byot::<_, Json>(body)).await?)
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        stream::once(self.open(request))
            .map_ok(|events| stream::try_unfold(Some(events), ChatStream::next))
            .try_flatten()
            .boxed()
    }
}

/// Streamed response.
struct ChatStream<'a> {
    chat: &'a ChatCompletions,
    events: StreamResponse<Json>,
    assembly: Assembly,
    ready: VecDeque<ModelChunk>,
}

impl ChatStream<'_> {
    async fn next(this: Option<Self>) -> Result<Option<(ModelChunk, Option<Self>)>, ModelError> {
        let Some(mut this) = this else { return Ok(None) };
        loop {
            if let Some(chunk) = this.ready.pop_front() {
                return Ok(Some((chunk, Some(this))));
            }
            match this.chat.within(this.events.try_next()).await? {
                Some(event) => {
                    this.check_error_event(&event)?;
                    this.ready.extend(this.assembly.add(event)?);
                }
                None => break,
            }
        }
        let whole = this.assembly.finish().ok_or_else(|| ModelError::Connection {
            message: "the connection was closed before the end of the response".to_owned(),
        })?;
        Ok(Some((ModelChunk::Done(whole), None)))
    }

    /// Returns the error of a server that failed after the response had started.
    fn check_error_event(&self, event: &Json) -> Result<(), ModelError> {
        let Some(error) = event.get("error").filter(|error| !error.is_null()) else {
            return Ok(());
        };
        let message = as_text(error.get("message").unwrap_or(error).clone());
        let code = error.get("code");
        let status = code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
        let status = status.and_then(|status| u16::try_from(status).ok());
        let status = status.filter(|status| (400..600).contains(status)).unwrap_or(500);
        Err(transport::status_error(status, None, &self.chat.scrub(&message)))
    }
}
