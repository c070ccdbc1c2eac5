//! HTTP transport and its errors.

use std::time::{Duration, SystemTime};

use async_openai::{
    error::OpenAIError,
    middleware::{HttpRequestFactory, ReqwestService},
};
use serde_json::Value as Json;
use thiserror::Error;
use tower::{Service, ServiceExt as _, service_fn};

use super::retry_after;
use crate::{errors::with_causes, model::ModelError};

/// Bound on the length of a server's message in an error, in characters.
pub(super) const MAX_MESSAGE: usize = 500;
/// Bound on the length of a response, in bytes.
const MAX_BODY: usize = 64 << 20;
/// Bound on the length of an error response, in bytes; the rest is not read.
const MAX_ERROR_BODY: usize = 64 << 10;

/// Error response. The client's own errors lose the headers.
#[derive(Debug, Error)]
#[error("HTTP status {status}")]
struct Refused {
    status: u16,
    retry_after: Option<Duration>,
    body: String,
}

/// Malformed response. The client would log its text.
#[derive(Debug, Error)]
#[error("{0}")]
struct Malformed(String);

type Response = <ReqwestService as Service<HttpRequestFactory>>::Response;

/// Expected form of a response.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Whole,
    Stream,
}

/// Sends each request once. The client's own service would retry without a record in the trace.
pub(super) fn service(
    http: ReqwestService,
    form: Form,
) -> impl Service<HttpRequestFactory, Response = Response, Error = OpenAIError, Future: Send + 'static>
+ Clone
+ Send
+ Sync
+ 'static {
    service_fn(move |request: HttpRequestFactory| {
        let http = http.clone();
        async move {
            let response = http.oneshot(request).await?;
            match form {
                _ if !response.status().is_success() => refuse(response).await,
                Form::Whole => read(response).await,
                Form::Stream => require_event_stream(response),
            }
        }
    })
}

/// Reads the body and checks that it is JSON.
async fn read(mut response: Response) -> Result<Response, OpenAIError> {
    let malformed = |text: String| OpenAIError::Boxed(Box::new(Malformed(text)));
    let body = read_up_to(MAX_BODY + 1, &mut response).await?;
    if body.len() > MAX_BODY {
        return Err(malformed(format!("longer than {MAX_BODY} bytes")));
    }
    // Without the text, which may be a completion.
    serde_json::from_slice::<Json>(&body)
        .map_err(|error| malformed(format!("not valid JSON: {error}")))?;
    let mut whole = http::Response::new(body);
    *whole.status_mut() = response.status();
    whole.headers_mut().clone_from(response.headers());
    Ok(whole.into())
}

fn require_event_stream(response: Response) -> Result<Response, OpenAIError> {
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    if content_type.is_some_and(|value| value.trim_start().starts_with("text/event-stream")) {
        return Ok(response);
    }
    let malformed = Malformed("expected an event stream".to_owned());
    Err(OpenAIError::Boxed(Box::new(malformed)))
}

async fn read_up_to(length: usize, response: &mut Response) -> Result<Vec<u8>, OpenAIError> {
    let mut body = Vec::new();
    while body.len() < length
        && let Some(chunk) = response.chunk().await.map_err(OpenAIError::Reqwest)?
    {
        body.extend_from_slice(&chunk[..chunk.len().min(length - body.len())]);
    }
    Ok(body)
}

async fn refuse(mut response: Response) -> Result<Response, OpenAIError> {
    let status = response.status();
    let retry_after = response
        .headers()
        .get("retry-after")
        .and_then(|value| retry_after::read(value.to_str().ok()?, SystemTime::now()));
    let body = read_up_to(MAX_ERROR_BODY, &mut response).await.unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    Err(OpenAIError::Boxed(Box::new(Refused { status: status.as_u16(), retry_after, body })))
}

/// Converts an error of the client. `scrub` removes the API key from the server's messages.
pub(super) fn model_error(error: OpenAIError, scrub: impl Fn(String) -> String) -> ModelError {
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<Refused>() {
            Ok(refused) => refused_error(*refused, scrub),
            Err(error) => match error.downcast::<Malformed>() {
                Ok(malformed) => ModelError::Malformed { message: malformed.0 },
                Err(error) => ModelError::Connection { message: scrub(with_causes(&*error)) },
            },
        },
        // The URL is configuration, and need not be in every error.
        OpenAIError::Reqwest(error) => {
            ModelError::Connection { message: scrub(with_causes(&error.without_url())) }
        }
        OpenAIError::StreamError(error) => {
            ModelError::Connection { message: scrub(with_causes(&*error)) }
        }
        // Without the text, which may be a completion.
        OpenAIError::JSONDeserialize(error, _) => {
            ModelError::Malformed { message: format!("not valid JSON: {error}") }
        }
        error => ModelError::Other { message: scrub(with_causes(&error)), retryable: false },
    }
}

fn refused_error(refused: Refused, scrub: impl Fn(String) -> String) -> ModelError {
    let Refused { status, retry_after, body } = refused;
    status_error(status, retry_after, &scrub(error_message(&body)))
}

/// Converts an error status and the server's message, which is truncated.
pub(super) fn status_error(
    status: u16,
    retry_after: Option<Duration>,
    message: &str,
) -> ModelError {
    let message: String = message.chars().take(MAX_MESSAGE).collect();
    match status {
        401 | 403 => ModelError::Authentication { status, message },
        429 => ModelError::RateLimited { message, retry_after },
        408 | 409 | 500.. => ModelError::Server { status, message, retry_after },
        _ => ModelError::Rejected { status, message },
    }
}

/// Returns the message of an error response in one of the usual formats.
fn error_message(body: &str) -> String {
    let json: Json = serde_json::from_str(body).unwrap_or_default();
    ["/error/message", "/error", "/message", "/detail"]
        .iter()
        .find_map(|pointer| json.pointer(pointer)?.as_str())
        .unwrap_or(body.trim())
        .to_owned()
}
