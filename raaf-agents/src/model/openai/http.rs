//! HTTP: one client with one TLS stack, requests, and bodies within bounds.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::{Stream, stream};
use reqwest::{Client, Response, Url, header::HeaderMap, redirect};
use rustls::{ClientConfig, crypto};
use rustls_platform_verifier::BuilderVerifierExt;

use super::{ConfigError, retry_after};
use crate::errors::with_causes;

/// Bound on the length of a response, in bytes.
pub(super) const MAX_BODY: usize = 64 << 20;
/// Bound on the length of an error response, in bytes; the rest is not read.
const MAX_ERROR_BODY: usize = 64 << 10;

const MAX_REDIRECTS: usize = 5;

/// Creates a client that trusts the system's certificate authorities. Its cryptography is the one
/// that the program has installed, otherwise `ring`, which the sinks use as well.
pub(super) fn client() -> Result<Client, ConfigError> {
    let provider = crypto::CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(crypto::ring::default_provider()));
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| ConfigError::Tls { message: error.to_string() })?
        .with_no_client_auth();
    let redirects = redirect::Policy::custom(|attempt| {
        let from = attempt.previous().last();
        if from.is_some_and(|from| stays(from, attempt.url()))
            && attempt.previous().len() <= MAX_REDIRECTS
        {
            attempt.follow()
        } else {
            attempt.stop()
        }
    });
    let client = Client::builder().tls_backend_preconfigured(tls).redirect(redirects).build();
    client.map_err(|error| ConfigError::Tls { message: with_causes(&error) })
}

/// Returns whether a redirection stays at the server, or encrypts the connection to it. Another server
/// must receive neither the conversation nor the headers, which may have keys.
fn stays(from: &Url, to: &Url) -> bool {
    let encrypts = from.scheme() == "http" && to.scheme() == "https";
    from.origin() == to.origin() || (encrypts && from.host() == to.host())
}

/// Returns the cost in US dollars that `LiteLLM` reports in a header; it reports 0 if it knows no price.
pub(super) fn charged_usd(headers: &HeaderMap) -> Option<f64> {
    let cost: f64 = headers.get("x-litellm-response-cost")?.to_str().ok()?.parse().ok()?;
    Some(cost).filter(|usd| usd.is_finite() && *usd > 0.0)
}

/// Failure of a request or of reading its response.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server answered with an error status.
    Refused { status: u16, retry_after: Option<Duration>, body: String },
    /// The connection failed.
    Connection(String),
    /// The connection was lost during the response.
    Interrupted(String),
    /// The request cannot be sent, such as a header with a line break.
    Invalid(String),
    /// The response is too long.
    TooLong,
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
    let retry_after =
        header("retry-after").and_then(|value| retry_after::read(value, SystemTime::now()));
    if response.status().is_redirection() {
        // The rest of the target may have a key.
        let to = header("location").and_then(|to| response.url().join(to).ok());
        let to = to.map_or("another server".to_owned(), |to| to.origin().ascii_serialization());
        let body = format!("redirected to {to}; use its URL as the base URL, if it is trusted");
        return Failure::Refused { status, retry_after, body };
    }
    let body = read_up_to(MAX_ERROR_BODY, response).await.unwrap_or_default();
    Failure::Refused { status, retry_after, body: String::from_utf8_lossy(&body).into_owned() }
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

/// Streams a body. Each chunk must come within `idle`.
pub(super) fn chunks(
    response: Response,
    idle: Duration,
) -> impl Stream<Item = Result<bytes::Bytes, StreamFailure>> + Send {
    stream::try_unfold((response, 0), move |(mut response, length)| async move {
        let chunk = tokio::time::timeout(idle, response.chunk()).await;
        let chunk = chunk.map_err(|_| StreamFailure::Idle)?;
        let chunk = chunk.map_err(|error| StreamFailure::Connection(error.without_url()))?;
        let Some(chunk) = chunk else { return Ok(None) };
        let length = chunk.len() + length;
        if length > MAX_BODY {
            return Err(StreamFailure::TooLong);
        }
        Ok(Some((chunk, (response, length))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_stay_at_the_server() {
        let url = |text: &str| Url::parse(text).unwrap();
        for (from, to, expected) in [
            ("http://a/v1", "http://a/v2", true),
            ("http://a/v1", "https://a/v1", true),
            ("https://a/v1", "http://a/v1", false),
            ("https://a/v1", "https://b/v1", false),
            ("http://a:1/v1", "http://a:2/v1", false),
        ] {
            assert_eq!(stays(&url(from), &url(to)), expected, "{from} {to}");
        }
    }
}
