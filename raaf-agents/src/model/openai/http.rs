//! HTTP: requests, and bodies within bounds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use futures::{Stream, stream};
use reqwest::{
    Response,
    header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap},
};

use super::retry_after;
use crate::errors::with_causes;

/// Bound on the length of a response, in bytes.
pub(super) const MAX_BODY: usize = 64 << 20;
/// Bound on the length of an error response, in bytes; the rest is not read.
const MAX_ERROR_BODY: usize = 64 << 10;

/// End of an event in a stream.
pub(super) const END_OF_EVENT: bytes::Bytes = bytes::Bytes::from_static(b"\n\n");

/// Returns the cost in US dollars that `LiteLLM` reports in a header; it reports 0 if it knows no price.
pub(super) fn charged_usd(headers: &HeaderMap) -> Option<f64> {
    let cost: f64 = headers.get("x-litellm-response-cost")?.to_str().ok()?.parse().ok()?;
    Some(cost).filter(|usd| usd.is_finite() && *usd > 0.0)
}

/// Returns the content type in lower case, without its parameters; empty if there is none.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Returns the compression of a body, if any.
pub(super) fn compression(headers: &HeaderMap) -> Option<String> {
    let form = headers.get(CONTENT_ENCODING)?.to_str().ok()?;
    (!form.eq_ignore_ascii_case("identity")).then(|| form.escape_debug().to_string())
}

/// Failure of a request or of reading its response.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server answered with an error status.
    Refused { status: u16, asked: Asked, body: String },
    /// The connection failed.
    Connection(String),
    /// The connection was lost during the response.
    Interrupted(String),
    /// The request cannot be sent, such as a header with a line break.
    Invalid(String),
    /// The response is too long.
    TooLong,
}

/// Headers of a response about retries.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    pub(super) retry_after: Option<Duration>,
    /// True if the server asks for no retry.
    pub(super) forbids: bool,
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        // The URL is configuration, need not be in every error, and may have a key in its query.
        let kind = match &error {
            error if error.is_builder() => Self::Invalid,
            error if error.is_body() || error.is_decode() => Self::Interrupted,
            _ => Self::Connection,
        };
        kind(with_causes(&error.without_url()))
    }
}

/// Returns the failure of a response with an error status.
pub(super) async fn refused(response: Response) -> Failure {
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name)?.to_str().ok();
    let millis = header("retry-after-ms").and_then(retry_after::read_millis);
    let retry_after = millis.or_else(|| {
        header("retry-after").and_then(|value| retry_after::read(value, SystemTime::now()))
    });
    let forbids = header("x-should-retry").is_some_and(|value| value.trim() == "false");
    let asked = Asked { retry_after, forbids };
    if response.status().is_redirection() {
        // The rest of the target may have a key.
        let to = header("location").and_then(|to| response.url().join(to).ok());
        let to = to.map_or("another server".to_owned(), |to| to.origin().ascii_serialization());
        let body = format!("redirected to {to}; use its URL as the base URL, if it is trusted");
        return Failure::Refused { status, asked, body };
    }
    let body = read_up_to(MAX_ERROR_BODY, response).await.unwrap_or_default();
    Failure::Refused { status, asked, body: String::from_utf8_lossy(&body).into_owned() }
}

/// Reads a whole body.
pub(super) async fn body(response: Response) -> Result<Vec<u8>, Failure> {
    let body = read_up_to(MAX_BODY + 1, response).await?;
    if body.len() > MAX_BODY { Err(Failure::TooLong) } else { Ok(body) }
}

async fn read_up_to(length: usize, mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while body.len() < length
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk[..chunk.len().min(length - body.len())]);
    }
    Ok(body)
}

/// Failure of a stream of bytes.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamFailure {
    #[error("connection failed")]
    Connection(#[source] reqwest::Error),
    #[error("no data within the time limit")]
    Idle,
    #[error("longer than {MAX_BODY} bytes")]
    TooLong,
}

/// Streams a body. Each chunk must arrive within `idle`. When the body ends, `is_over` becomes true, and a
/// last chunk ends an event that the server has left open.
pub(super) fn chunks(
    response: Response,
    idle: Duration,
    is_over: Arc<AtomicBool>,
) -> impl Stream<Item = Result<bytes::Bytes, StreamFailure>> + Send {
    stream::try_unfold((response, 0, is_over), move |(mut response, length, is_over)| async move {
        if is_over.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let chunk = tokio::time::timeout(idle, response.chunk()).await;
        let chunk = chunk.map_err(|_| StreamFailure::Idle)?;
        let chunk = chunk.map_err(|error| StreamFailure::Connection(error.without_url()))?;
        let chunk = chunk.unwrap_or_else(|| {
            is_over.store(true, Ordering::Relaxed);
            END_OF_EVENT
        });
        let length = chunk.len() + length;
        if length > MAX_BODY {
            return Err(StreamFailure::TooLong);
        }
        Ok(Some((chunk, (response, length, is_over))))
    })
}
