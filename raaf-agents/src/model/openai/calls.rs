//! Calls of a server, whole and streamed.

use std::collections::VecDeque;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use raaf_trace_core::{Value, current_span};
use reqwest::{Response, header::CONTENT_TYPE};
use sse_stream::SseByteStream;
use tokio::time::{Instant, timeout_at};

use super::{
    endpoint::{Endpoint, broken_off, require_runtime},
    http::{self, StreamFailure},
    protocol::{Assemble, Prepared, Protocol},
    wire::malformed,
};
use crate::{
    errors::with_causes,
    model::{Model, ModelChunk, ModelError, ModelRequest, ModelResponse, ModelStream},
};

/// Model that makes one attempt for each call.
pub(super) struct Calls<P> {
    pub(super) endpoint: Endpoint,
    pub(super) protocol: P,
}

impl<P: Protocol> Calls<P> {
    fn prepare(
        &self,
        request: &ModelRequest,
        streams: bool,
    ) -> Result<Prepared<P::Assembly>, ModelError> {
        let prepared = self.protocol.prepare(request, self.endpoint.target(), streams)?;
        let left_out = &prepared.left_out;
        if let Some(span) = current_span().filter(|_| !left_out.is_empty()) {
            span.add_event("conversation.parts_left_out", |attributes| {
                attributes.set("conversation.parts", Value::json(left_out));
            });
        }
        Ok(prepared)
    }

    async fn read(
        &self,
        response: Response,
        mut assembly: P::Assembly,
        request: &ModelRequest,
    ) -> Result<ModelResponse, ModelError> {
        let endpoint = &self.endpoint;
        let charged = http::charged_usd(response.headers());
        let body = http::body(response).await;
        let body = body.map_err(|failure| endpoint.failed(failure, request))?;
        let body = str::from_utf8(&body).map_err(|_| malformed("not valid UTF-8"))?;
        let rejected = |rejected| endpoint.rejected(rejected, request);
        assembly.add(body).map_err(rejected)?;
        let whole = assembly.finish(true, &endpoint.origin).map_err(rejected)?;
        let (_, answer) = whole.ok_or_else(|| malformed("incomplete"))?;
        self.protocol.describe(&answer);
        let cost_usd = answer.cost_usd.or(charged);
        Ok(ModelResponse { cost_usd, ..answer })
    }

    async fn open<'a>(&'a self, request: &'a ModelRequest) -> Result<ModelStream<'a>, ModelError> {
        require_runtime()?;
        let endpoint = &self.endpoint;
        let until = endpoint.stream_timeout.and_then(|limit| Instant::now().checked_add(limit));
        let Prepared { body, assembly, .. } = self.prepare(request, true)?;
        let response = endpoint.within(endpoint.send(body, request, "text/event-stream")).await?;
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = content_type.trim_start();
        // Some servers do not name the type of a stream.
        if content_type.is_empty() || content_type.starts_with("text/event-stream") {
            let bytes = http::chunks(response, endpoint.timeout).boxed();
            let source = SseByteStream::new(bytes);
            let (assembly, ready) = (Some(assembly), VecDeque::new());
            let events = Events { calls: self, request, source, until, assembly, ready };
            return Ok(stream::try_unfold(events, Events::next).boxed());
        }
        if content_type.contains("json") {
            // The server does not stream.
            let whole = endpoint.within(self.read(response, assembly, request)).await?;
            return Ok(stream::iter(whole.into_chunks().map(Ok)).boxed());
        }
        Err(malformed("expected an event stream"))
    }
}

#[async_trait]
impl<P: Protocol> Model for Calls<P> {
    fn name(&self) -> &str {
        &self.endpoint.name
    }

    fn provider(&self) -> Option<&str> {
        Some(&self.endpoint.provider)
    }

    fn url(&self) -> Option<&str> {
        Some(&self.endpoint.url)
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        require_runtime()?;
        let endpoint = &self.endpoint;
        endpoint
            .within(async {
                let Prepared { body, assembly, .. } = self.prepare(request, false)?;
                let response = endpoint.send(body, request, "application/json").await?;
                self.read(response, assembly, request).await
            })
            .await
    }

    fn stream<'a>(&'a self, request: &'a ModelRequest) -> ModelStream<'a> {
        stream::once(self.open(request)).try_flatten().boxed()
    }
}

type Bytes = stream::BoxStream<'static, Result<bytes::Bytes, StreamFailure>>;

/// Streamed response.
struct Events<'a, P: Protocol> {
    calls: &'a Calls<P>,
    request: &'a ModelRequest,
    source: SseByteStream<Bytes>,
    /// End of the time for the whole response.
    until: Option<Instant>,
    /// `None` once the response is whole.
    assembly: Option<P::Assembly>,
    ready: VecDeque<ModelChunk>,
}

impl<P: Protocol> Events<'_, P> {
    async fn next(mut self) -> Result<Option<(ModelChunk, Self)>, ModelError> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some((chunk, self)));
            }
            let Some(mut assembly) = self.assembly.take() else { return Ok(None) };
            let Calls { endpoint, protocol } = self.calls;
            let is_over = match self.event(assembly.pieces()).await? {
                Some(data) if data.trim() == "[DONE]" => true,
                Some(data) => {
                    let chunks = assembly.add(&data);
                    self.ready.extend(
                        chunks.map_err(|rejected| endpoint.rejected(rejected, self.request))?,
                    );
                    if !assembly.is_complete() {
                        self.assembly = Some(assembly);
                        continue;
                    }
                    true
                }
                None => false,
            };
            let pieces = assembly.pieces();
            let whole = assembly.finish(is_over, &endpoint.origin);
            let whole = whole.map_err(|rejected| endpoint.rejected(rejected, self.request))?;
            let (chunks, whole) = whole
                .ok_or_else(|| broken_off(pieces, "the connection was closed before the end"))?;
            protocol.describe(&whole);
            self.ready.extend(chunks);
            self.ready.push_back(ModelChunk::Done(Box::new(whole)));
        }
    }

    /// Returns the data of the next event that has any.
    async fn event(&mut self, pieces: usize) -> Result<Option<String>, ModelError> {
        loop {
            let event = match self.until {
                Some(until) => timeout_at(until, self.source.next()).await.map_err(|_| {
                    let after = self.calls.endpoint.stream_timeout.unwrap_or_default();
                    ModelError::Timeout { after }
                })?,
                None => self.source.next().await,
            };
            let event = event.transpose().map_err(|error| self.failed(&error, pieces))?;
            let Some(event) = event else { return Ok(None) };
            if let Some(data) = event.data.filter(|data| !data.trim().is_empty()) {
                return Ok(Some(data));
            }
        }
    }

    fn failed(&self, error: &sse_stream::Error, pieces: usize) -> ModelError {
        let endpoint = &self.calls.endpoint;
        let body = match error {
            sse_stream::Error::Body(error) => error.downcast_ref::<StreamFailure>(),
            _ => None,
        };
        match body {
            Some(StreamFailure::Idle) => ModelError::Timeout { after: endpoint.timeout },
            Some(StreamFailure::TooLong) => malformed(&StreamFailure::TooLong.to_string()),
            Some(StreamFailure::Connection(cause)) => {
                broken_off(pieces, &endpoint.scrub(&with_causes(cause), self.request))
            }
            None => malformed(&format!("not an event stream: {error}")),
        }
    }
}
