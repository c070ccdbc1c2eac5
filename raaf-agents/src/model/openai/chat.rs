//! Chat Completions calls.

use std::{collections::VecDeque, mem, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use raaf_trace_core::{Context, Redactor, Value, current_span, diagnostics::Escaped};
use reqwest::{
    Client, Response, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use sse_stream::SseByteStream;
use tokio::time::{Instant, timeout_at};

use super::{
    builder::MIN_SECRET,
    http::{self, Failure, StreamFailure},
    profile::Profile,
    wire::{Assembly, Fault, Rejected, Request, Target, malformed},
};
use crate::{
    errors::with_causes,
    model::{
        Model, ModelChunk, ModelError, ModelRequest, ModelResponse, ModelSettings, ModelStream,
    },
};

/// Model that makes one attempt for each call.
pub(super) struct ChatCompletions {
    pub(super) name: String,
    pub(super) provider: String,
    pub(super) http: Client,
    pub(super) base_url: String,
    /// URL of calls.
    pub(super) address: Url,
    /// URL of calls without its query, which may contain a key.
    pub(super) url: String,
    /// Host of the server, with its port if that is not the usual one.
    pub(super) origin: Arc<str>,
    pub(super) profile: Profile,
    /// Headers with credentials.
    pub(super) headers: HeaderMap,
    pub(super) timeout: Duration,
    pub(super) stream_timeout: Option<Duration>,
    pub(super) propagates: bool,
    /// API key, organization and project, to be removed from the server's messages.
    pub(super) sent: Vec<String>,
}

impl ChatCompletions {
    fn request<'a>(&'a self, request: &'a ModelRequest) -> Result<Request<'a>, ModelError> {
        let target = Target { profile: &self.profile, origin: &self.origin };
        let body = Request::new(&self.name, request, target)?;
        if let Some(span) = current_span().filter(|_| !body.left_out().is_empty()) {
            span.add_event("conversation.parts_left_out", |attributes| {
                attributes.set("conversation.parts", Value::json(body.left_out()));
            });
        }
        Ok(body)
    }

    /// Sends a request and returns a response with a status of success.
    async fn send(
        &self,
        body: Request<'_>,
        settings: &ModelSettings,
        accept: &'static str,
    ) -> Result<Response, ModelError> {
        require_runtime()?;
        let body = body.into_bytes().map_err(ModelError::other)?;
        let mut request = self
            .http
            .post(self.address.clone())
            .headers(self.headers(settings, accept)?)
            .body(body);
        if !settings.extra_query.is_empty() {
            request = request.query(&settings.extra_query);
        }
        let response = request.send().await.map_err(|error| self.failed(error.into(), settings))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.failed(http::refused(response).await, settings))
    }

    fn headers(
        &self,
        settings: &ModelSettings,
        accept: &'static str,
    ) -> Result<HeaderMap, ModelError> {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let mut carrier: Vec<(String, String)> = Vec::new();
        if self.propagates {
            Context::current().inject(&mut carrier);
        }
        let carrier = carrier.iter().map(|(name, value)| (name, value));
        for (name, value) in carrier.chain(&settings.extra_headers) {
            let header = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
            let Some((name, mut value)) = header else {
                let message = format!("the header `{name}` has an invalid name or value");
                return Err(ModelError::Other { message, retryable: false });
            };
            value.set_sensitive(true);
            // Replaces a header of the same name.
            headers.insert(name, value);
        }
        Ok(headers)
    }

    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, ModelError>>,
    ) -> Result<T, ModelError> {
        let done = tokio::time::timeout(self.timeout, work).await;
        done.unwrap_or(Err(ModelError::Timeout { after: self.timeout }))
    }

    fn failed(&self, failure: Failure, settings: &ModelSettings) -> ModelError {
        let scrub = |text: &str| self.scrub(text, settings);
        match failure {
            Failure::Refused { status, retry_after, body } => {
                let mut fault = Fault::of_body(status, &body);
                fault.retry_after = retry_after;
                fault.into_error(scrub)
            }
            Failure::Connection(message) => ModelError::Connection { message: scrub(&message) },
            Failure::Interrupted(message) => broken_off(0, &scrub(&message)),
            Failure::Invalid(message) => ModelError::other(scrub(&message)),
            Failure::TooLong => malformed(&format!("longer than {} bytes", http::MAX_BODY)),
        }
    }

    fn rejected(&self, rejected: Rejected, settings: &ModelSettings) -> ModelError {
        match rejected {
            Rejected::Fault(fault) => fault.into_error(|text| self.scrub(text, settings)),
            // The message may quote a value.
            Rejected::Malformed(message) => malformed(&self.scrub(&message, settings)),
        }
    }

    /// Removes what was sent and may be secret.
    fn scrub(&self, text: &str, settings: &ModelSettings) -> String {
        let extra = settings.extra_headers.values().chain(settings.extra_query.values());
        let extra = extra.filter(|value| value.len() >= MIN_SECRET);
        let sent: Vec<_> = self.sent.iter().chain(extra).map(String::as_str).collect();
        Escaped(Redactor::without_values(text, &sent)).to_string()
    }

    async fn read(
        &self,
        response: Response,
        mut assembly: Assembly,
        settings: &ModelSettings,
    ) -> Result<ModelResponse, ModelError> {
        let charged = http::charged_usd(response.headers());
        let body = http::body(response).await.map_err(|failure| self.failed(failure, settings))?;
        let body = str::from_utf8(&body).map_err(|_| malformed("not valid UTF-8"))?;
        assembly.add(body).map_err(|rejected| self.rejected(rejected, settings))?;
        if !assembly.has_choice() {
            return Err(malformed("no choices"));
        }
        let answer = assembly.finish(true, &self.origin).ok_or_else(|| malformed("incomplete"))?;
        let cost_usd = answer.cost_usd.or(charged);
        Ok(ModelResponse { cost_usd, ..answer })
    }

    async fn open<'a>(&'a self, request: &'a ModelRequest) -> Result<ModelStream<'a>, ModelError> {
        require_runtime()?;
        let until = self.stream_timeout.and_then(|limit| Instant::now().checked_add(limit));
        let body = self.request(request)?.streamed(&self.profile);
        let assembly = Assembly::expecting(body.answer_tool());
        let settings = &request.settings;
        let work = self.send(body, settings, "text/event-stream");
        let response = self.within(work).await?;
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        if content_type.trim_start().starts_with("text/event-stream") {
            let bytes = http::chunks(response, self.timeout).boxed();
            let source = SseByteStream::new(bytes);
            let ready = VecDeque::new();
            let events = Events { chat: self, settings, source, until, assembly, ready };
            return Ok(stream::try_unfold(Some(events), Events::next).boxed());
        }
        if content_type.contains("json") {
            // The server does not stream.
            let whole = self.within(self.read(response, assembly, settings)).await?;
            return Ok(stream::iter(whole.into_chunks().map(Ok)).boxed());
        }
        Err(malformed("expected an event stream"))
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
        Some(&self.provider)
    }

    fn url(&self) -> Option<&str> {
        Some(&self.url)
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        require_runtime()?;
        self.within(async {
            let (body, settings) = (self.request(request)?, &request.settings);
            let assembly = Assembly::expecting(body.answer_tool());
            let response = self.send(body, settings, "application/json").await?;
            self.read(response, assembly, settings).await
        })
        .await
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        stream::once(self.open(request)).try_flatten().boxed()
    }
}

type Bytes = stream::BoxStream<'static, Result<bytes::Bytes, StreamFailure>>;

/// Streamed response.
struct Events<'a> {
    chat: &'a ChatCompletions,
    settings: &'a ModelSettings,
    source: SseByteStream<Bytes>,
    /// End of the time for the whole response.
    until: Option<Instant>,
    assembly: Assembly,
    ready: VecDeque<ModelChunk>,
}

impl Events<'_> {
    async fn next(this: Option<Self>) -> Result<Option<(ModelChunk, Option<Self>)>, ModelError> {
        let Some(mut this) = this else { return Ok(None) };
        loop {
            if let Some(chunk) = this.ready.pop_front() {
                let is_last = matches!(chunk, ModelChunk::Done(_));
                return Ok(Some((chunk, (!is_last).then_some(this))));
            }
            let is_over = match this.event().await? {
                Some(data) if data.trim() == "[DONE]" => true,
                Some(data) => {
                    let chunks = this.assembly.add(&data);
                    let chunks =
                        chunks.map_err(|rejected| this.chat.rejected(rejected, this.settings))?;
                    this.ready.extend(chunks);
                    continue;
                }
                None => false,
            };
            if is_over && !this.assembly.has_choice() {
                return Err(malformed("no choices"));
            }
            let assembly = mem::take(&mut this.assembly);
            let pieces = assembly.pieces();
            let has_text = assembly.has_text();
            let whole = assembly.finish(is_over, &this.chat.origin);
            let whole = whole
                .ok_or_else(|| broken_off(pieces, "the connection was closed before the end"))?;
            // An answer in the form of a call.
            let text = Some(whole.message.text().into_owned());
            let text = text.filter(|text| !has_text && !text.is_empty());
            this.ready.extend(text.map(ModelChunk::Text));
            this.ready.push_back(ModelChunk::Done(Box::new(whole)));
        }
    }

    /// Returns the data of the next event that has any.
    async fn event(&mut self) -> Result<Option<String>, ModelError> {
        loop {
            let event = match self.until {
                Some(until) => timeout_at(until, self.source.next()).await.map_err(|_| {
                    ModelError::Timeout { after: self.chat.stream_timeout.unwrap_or_default() }
                })?,
                None => self.source.next().await,
            };
            let event = event.transpose().map_err(|error| self.failed(&error))?;
            let Some(event) = event else { return Ok(None) };
            if let Some(data) = event.data.filter(|data| !data.trim().is_empty()) {
                return Ok(Some(data));
            }
        }
    }

    fn failed(&self, error: &sse_stream::Error) -> ModelError {
        let body = match error {
            sse_stream::Error::Body(error) => error.downcast_ref::<StreamFailure>(),
            _ => None,
        };
        match body {
            Some(StreamFailure::Idle) => ModelError::Timeout { after: self.chat.timeout },
            Some(StreamFailure::TooLong) => malformed(&StreamFailure::TooLong.to_string()),
            Some(StreamFailure::Connection(cause)) => {
                let cause = self.chat.scrub(&with_causes(cause), self.settings);
                broken_off(self.assembly.pieces(), &cause)
            }
            None => malformed(&format!("not an event stream: {error}")),
        }
    }
}

fn broken_off(pieces: usize, cause: &str) -> ModelError {
    ModelError::Interrupted { pieces: pieces as u64, message: cause.to_owned() }
}
