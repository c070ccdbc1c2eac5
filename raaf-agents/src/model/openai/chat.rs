//! One call of a Chat Completions server.

use std::{collections::VecDeque, time::Duration};

use async_openai::{
    Chat, Client, config::OpenAIConfig, error::OpenAIError, traits::RequestOptionsBuilder as _,
    types::stream::StreamResponse,
};
use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, HeaderValue};
use raaf_trace_core::Context;
use serde_json::Value as Json;

use super::{
    transport,
    wire::{self, Assembly, Dialect, Request},
};
use crate::model::{Model, ModelChunk, ModelError, ModelRequest, ModelResponse, ModelStream};

/// A server, asked once a call.
pub(super) struct ChatCompletions {
    pub(super) name: String,
    pub(super) client: Client<OpenAIConfig>,
    /// The same for answers in pieces.
    pub(super) streaming: Client<OpenAIConfig>,
    pub(super) base_url: String,
    /// Where calls go; there is neither a user nor a query in it.
    pub(super) url: String,
    pub(super) dialect: Dialect,
    pub(super) timeout: Duration,
    pub(super) propagates: bool,
    /// For removing it from what a server says.
    pub(super) key: String,
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
        transport::model_error(error, |text| self.scrub(text))
    }

    fn scrub(&self, text: String) -> String {
        if self.key.is_empty() { text } else { text.replace(&self.key, "[REDACTED]") }
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

    async fn open(&self, request: &ModelRequest) -> Result<Arriving<'_>, ModelError> {
        see_that_there_is_a_runtime()?;
        let body = Request::new(&self.name, request, self.dialect).streamed();
        let chat = self.chat(&self.streaming);
        let pieces = self.within(chat.create_stream_byot::<_, Json>(body)).await?;
        Ok(Arriving { chat: self, pieces, assembly: Assembly::default(), ready: VecDeque::new() })
    }
}

/// The transport would panic.
fn see_that_there_is_a_runtime() -> Result<(), ModelError> {
    let runtime = tokio::runtime::Handle::try_current();
    runtime
        .map(drop)
        .map_err(|_| ModelError::other("an OpenAiModel needs a tokio runtime to be called in"))
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
        see_that_there_is_a_runtime()?;
        let body = Request::new(&self.name, request, self.dialect);
        let chat = self.chat(&self.client);
        wire::read(self.within(chat.create_byot::<_, Json>(body)).await?)
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        stream::once(self.open(request))
            .map_ok(|pieces| stream::try_unfold(Some(pieces), Arriving::next))
            .try_flatten()
            .boxed()
    }
}

/// An answer that is on its way.
struct Arriving<'a> {
    chat: &'a ChatCompletions,
    pieces: StreamResponse<Json>,
    assembly: Assembly,
    ready: VecDeque<ModelChunk>,
}

impl Arriving<'_> {
    async fn next(this: Option<Self>) -> Result<Option<(ModelChunk, Option<Self>)>, ModelError> {
        let Some(mut this) = this else { return Ok(None) };
        loop {
            if let Some(chunk) = this.ready.pop_front() {
                return Ok(Some((chunk, Some(this))));
            }
            match this.chat.within(this.pieces.try_next()).await? {
                Some(piece) => {
                    this.see_that_it_is_no_error(&piece)?;
                    this.ready.extend(this.assembly.add(piece)?);
                }
                None => break,
            }
        }
        let whole = this.assembly.finish().ok_or_else(|| ModelError::Connection {
            message: "the connection ended before the answer did".to_owned(),
        })?;
        Ok(Some((ModelChunk::Done(whole), None)))
    }

    /// Servers that fail after they began to answer say so in a piece.
    fn see_that_it_is_no_error(&self, piece: &Json) -> Result<(), ModelError> {
        let Some(error) = piece.get("error").filter(|error| !error.is_null()) else {
            return Ok(());
        };
        let said = error.get("message").unwrap_or(error);
        let said = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
        let code = error.get("code");
        let status = code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
        let status = status.and_then(|status| u16::try_from(status).ok());
        let status = status.filter(|status| (400..600).contains(status)).unwrap_or(500);
        Err(transport::status_error(status, None, &self.chat.scrub(said)))
    }
}
