//! Calls of a server, whole and streamed.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use raaf_trace_core::{Value, current_span};
use reqwest::Response;
use sse_stream::SseByteStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    endpoint::{Endpoint, broken_off, require_runtime},
    http::{self, StreamFailure},
    protocol::{Assemble, Prepared, Protocol},
    wire::{Fault, Rejected, malformed, page},
};
use crate::{
    errors::with_causes,
    model::{Model, ModelChunk, ModelError, ModelRequest, ModelResponse, ModelStream},
};

/// Time to wait for usage after the end of an answer, if the server does not close the connection.
const AFTER_END: Duration = Duration::from_secs(5);

/// Strings that a stream of events can begin with.
const FIELDS: [&str; 3] = ["data:", "event:", ":"];

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
        let compression = http::compression(response.headers());
        let body = http::body(response).await;
        let body = body.map_err(|failure| endpoint.failed(failure, request))?;
        let body = String::from_utf8(body).map_err(|_| {
            malformed(&match compression {
                Some(form) => format!("compressed (`{form}`), which was not requested"),
                None => "not valid UTF-8".to_owned(),
            })
        })?;
        let body = body.trim_start_matches('\u{FEFF}').trim_start();
        let answer = if FIELDS.iter().any(|field| body.starts_with(field)) {
            // The server streams although that was not requested.
            self.read_events(body.to_owned(), assembly, request).await?
        } else {
            let rejected = |rejected| endpoint.rejected(rejected, request);
            assembly.add(body).map_err(rejected)?;
            let whole = assembly.finish(true, &endpoint.origin).map_err(rejected)?;
            let (_, answer) = whole.ok_or_else(|| malformed("incomplete"))?;
            self.protocol.describe(&answer);
            answer
        };
        let cost_usd = answer.cost_usd.or(charged);
        Ok(ModelResponse { cost_usd, ..answer })
    }

    async fn read_events(
        &self,
        body: String,
        assembly: P::Assembly,
        request: &ModelRequest,
    ) -> Result<ModelResponse, ModelError> {
        let bytes = stream::iter([Ok(body.into()), Ok(http::END_OF_EVENT)]).boxed();
        let mut events = Events::new(self, request, bytes, assembly);
        loop {
            match events.next().await? {
                Some((ModelChunk::Done(answer), _)) => return Ok(*answer),
                Some((_, rest)) => events = rest,
                None => return Err(malformed("incomplete")),
            }
        }
    }

    async fn open<'a>(&'a self, request: &'a ModelRequest) -> Result<ModelStream<'a>, ModelError> {
        require_runtime()?;
        let endpoint = &self.endpoint;
        let until = endpoint.stream_timeout.and_then(|limit| Instant::now().checked_add(limit));
        let Prepared { body, assembly, .. } = self.prepare(request, true)?;
        let response = endpoint.within(endpoint.send(body, request, "text/event-stream")).await?;
        let content_type = http::content_type(response.headers());
        // Some servers send a stream without a content type, or with another one.
        if matches!(
            content_type.as_str(),
            "" | "text/event-stream" | "text/plain" | "application/octet-stream"
        ) {
            let is_over = Arc::new(AtomicBool::new(false));
            let bytes = http::chunks(response, endpoint.timeout, Arc::clone(&is_over)).boxed();
            let events = Events { until, is_over, ..Events::new(self, request, bytes, assembly) };
            return Ok(stream::try_unfold(events, Events::next).boxed());
        }
        if content_type.contains("json") {
            // The server does not stream.
            let whole = endpoint.within(self.read(response, assembly, request)).await?;
            return Ok(stream::iter(whole.into_chunks().map(Ok)).boxed());
        }
        if content_type.contains("html") {
            return Err(malformed(&page()));
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

/// Event of a stream.
struct Event {
    name: Option<String>,
    data: String,
}

/// Failure of a stream's connection.
struct Lost(ModelError);

/// Streamed response.
struct Events<'a, P: Protocol> {
    calls: &'a Calls<P>,
    request: &'a ModelRequest,
    source: SseByteStream<Bytes>,
    /// End of the time for the whole response.
    until: Option<Instant>,
    /// True once the server has closed the connection.
    is_over: Arc<AtomicBool>,
    /// `None` once the response is whole.
    assembly: Option<P::Assembly>,
    ready: VecDeque<ModelChunk>,
}

impl<'a, P: Protocol> Events<'a, P> {
    fn new(
        calls: &'a Calls<P>,
        request: &'a ModelRequest,
        bytes: Bytes,
        assembly: P::Assembly,
    ) -> Self {
        Self {
            calls,
            request,
            source: SseByteStream::new(bytes),
            until: None,
            is_over: Arc::default(),
            assembly: Some(assembly),
            ready: VecDeque::new(),
        }
    }

    async fn next(mut self) -> Result<Option<(ModelChunk, Self)>, ModelError> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some((chunk, self)));
            }
            let Some(mut assembly) = self.assembly.take() else { return Ok(None) };
            let Calls { endpoint, protocol } = self.calls;
            let has_end = assembly.has_end();
            let event = self.event(assembly.pieces());
            let event = if has_end {
                timeout(AFTER_END, event).await.unwrap_or(Ok(None))
            } else {
                event.await
            };
            let event = match event {
                // Only usage can have been lost.
                Err(Lost(_)) if has_end => None,
                Err(Lost(error)) => return Err(error),
                Ok(event) => event,
            };
            let is_over = match event {
                Some(Event { name, data }) if name.as_deref() == Some("error") => {
                    let fault = Rejected::Fault(Box::new(Fault::of_text(&data)));
                    return Err(endpoint.rejected(fault, self.request));
                }
                Some(Event { data, .. }) if data.trim() == "[DONE]" => true,
                Some(Event { data, .. }) => match assembly.add(&data) {
                    Ok(chunks) => {
                        self.ready.extend(chunks);
                        if !assembly.is_complete() {
                            self.assembly = Some(assembly);
                            continue;
                        }
                        true
                    }
                    // The last event is incomplete.
                    Err(Rejected::Malformed(_)) if self.is_over.load(Ordering::Relaxed) => false,
                    Err(rejected) => return Err(endpoint.rejected(rejected, self.request)),
                },
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

    /// Returns the next event that has data.
    async fn event(&mut self, pieces: usize) -> Result<Option<Event>, Lost> {
        loop {
            let event = match self.until {
                Some(until) => timeout_at(until, self.source.next()).await.map_err(|_| {
                    let after = self.calls.endpoint.stream_timeout.unwrap_or_default();
                    Lost(ModelError::Timeout { after })
                })?,
                None => self.source.next().await,
            };
            let event = event.transpose().map_err(|error| Lost(self.failed(&error, pieces)))?;
            let Some(event) = event else { return Ok(None) };
            if let Some(data) = event.data.filter(|data| !data.trim().is_empty()) {
                return Ok(Some(Event { name: event.event, data }));
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
