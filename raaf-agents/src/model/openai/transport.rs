//! One HTTP attempt, and what its failures mean.

use std::time::{Duration, SystemTime};

use async_openai::{
    error::OpenAIError,
    middleware::{HttpRequestFactory, ReqwestService},
};
use serde_json::Value as Json;
use thiserror::Error;
use tower::{Service, ServiceExt as _, service_fn};

use super::retry_after;
use crate::model::{ModelError, error::with_causes};

/// How much of a server's text an error repeats, in characters.
pub(super) const TOLD: usize = 500;
/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 << 20;
/// How much of the answer to a refused request is read, in bytes.
const LONGEST_REFUSAL: usize = 64 << 10;

/// An answer that is no success, kept whole: the client's own errors lose the headers.
#[derive(Debug, Error)]
#[error("HTTP status {status}")]
struct Refused {
    status: u16,
    retry_after: Option<Duration>,
    body: String,
}

/// An answer that the client need not see, since it would log what it cannot read.
#[derive(Debug, Error)]
#[error("{0}")]
struct Unreadable(String);

type Response = <ReqwestService as Service<HttpRequestFactory>>::Response;

/// In which form an answer is to come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Whole,
    Stream,
}

/// Sends each request once: the client's own service retries out of sight of the trace.
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
                Form::Stream => see_that_it_streams(response),
            }
        }
    })
}

/// The answer with its body read and seen to be JSON.
async fn read(mut response: Response) -> Result<Response, OpenAIError> {
    let unreadable = |text: String| OpenAIError::Boxed(Box::new(Unreadable(text)));
    let body = read_up_to(LONGEST + 1, &mut response).await?;
    if body.len() > LONGEST {
        return Err(unreadable(format!("it is longer than {LONGEST} bytes")));
    }
    // Without the text itself: it can be a completion.
    serde_json::from_slice::<Json>(&body)
        .map_err(|error| unreadable(format!("it is not JSON: {error}")))?;
    let mut whole = http::Response::new(body);
    *whole.status_mut() = response.status();
    whole.headers_mut().clone_from(response.headers());
    Ok(whole.into())
}

fn see_that_it_streams(response: Response) -> Result<Response, OpenAIError> {
    let form = response.headers().get("content-type").and_then(|form| form.to_str().ok());
    if form.is_some_and(|form| form.trim_start().starts_with("text/event-stream")) {
        return Ok(response);
    }
    let unreadable = Unreadable("it was to be streamed, and is not".to_owned());
    Err(OpenAIError::Boxed(Box::new(unreadable)))
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
    let body = read_up_to(LONGEST_REFUSAL, &mut response).await.unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    Err(OpenAIError::Boxed(Box::new(Refused { status: status.as_u16(), retry_after, body })))
}

/// The error as a model's error; `scrub` takes the key out of what a server says.
pub(super) fn model_error(error: OpenAIError, scrub: impl Fn(String) -> String) -> ModelError {
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<Refused>() {
            Ok(refused) => refused_error(*refused, scrub),
            Err(error) => match error.downcast::<Unreadable>() {
                Ok(unreadable) => ModelError::Malformed { message: unreadable.0 },
                Err(error) => ModelError::Connection { message: scrub(with_causes(&*error)) },
            },
        },
        // The address is configuration, and need not be in every error.
        OpenAIError::Reqwest(error) => {
            ModelError::Connection { message: scrub(with_causes(&error.without_url())) }
        }
        OpenAIError::StreamError(error) => {
            ModelError::Connection { message: scrub(with_causes(&*error)) }
        }
        // Without the text that cannot be read: it can be a completion.
        OpenAIError::JSONDeserialize(error, _) => {
            ModelError::Malformed { message: format!("it is not JSON: {error}") }
        }
        error => ModelError::Other { message: scrub(with_causes(&error)), retryable: false },
    }
}

fn refused_error(refused: Refused, scrub: impl Fn(String) -> String) -> ModelError {
    let Refused { status, retry_after, body } = refused;
    status_error(status, retry_after, &scrub(said(&body)))
}

/// What a refusal means; `said` may be long.
pub(super) fn status_error(status: u16, retry_after: Option<Duration>, said: &str) -> ModelError {
    let message: String = said.chars().take(TOLD).collect();
    match status {
        401 | 403 => ModelError::Authentication { message },
        429 => ModelError::RateLimited { message, retry_after },
        408 | 409 | 500.. => ModelError::Server { status, message, retry_after },
        _ => ModelError::Rejected { status, message },
    }
}

/// What an error's body says, in whichever of the usual forms.
fn said(body: &str) -> String {
    let json: Json = serde_json::from_str(body).unwrap_or_default();
    ["/error/message", "/error", "/message", "/detail"]
        .iter()
        .find_map(|pointer| json.pointer(pointer)?.as_str())
        .unwrap_or(body.trim())
        .to_owned()
}
