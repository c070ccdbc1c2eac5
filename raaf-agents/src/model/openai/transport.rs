//! One HTTP attempt, and what its failures mean.

use std::time::Duration;

use async_openai::{
    error::OpenAIError,
    middleware::{HttpRequestFactory, ReqwestService},
};
use serde_json::Value as Json;
use thiserror::Error;
use tower::{Service, ServiceExt as _, service_fn};

use crate::model::{ModelError, error::with_causes};

/// How much of a server's text an error repeats, in characters.
const TOLD: usize = 500;

/// An answer that is no success, kept whole: the client's own errors lose the headers.
#[derive(Debug, Error)]
#[error("HTTP status {status}")]
struct Refused {
    status: u16,
    retry_after: Option<Duration>,
    body: String,
}

type Response = <ReqwestService as Service<HttpRequestFactory>>::Response;

/// Sends each request once: the client's own service retries out of sight of the trace.
pub(super) fn service()
-> impl Service<HttpRequestFactory, Response = Response, Error = OpenAIError, Future: Send + 'static>
+ Clone
+ Send
+ Sync
+ 'static {
    let http = ReqwestService::default();
    service_fn(move |request: HttpRequestFactory| {
        let http = http.clone();
        async move { refuse_failures(http.oneshot(request).await?).await }
    })
}

async fn refuse_failures(response: Response) -> Result<Response, OpenAIError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let body = response.text().await.unwrap_or_default();
    Err(OpenAIError::Boxed(Box::new(Refused { status: status.as_u16(), retry_after, body })))
}

/// The error as a model's error; `scrub` takes the key out of what a server says.
pub(super) fn model_error(error: OpenAIError, scrub: impl Fn(String) -> String) -> ModelError {
    match error {
        OpenAIError::Boxed(error) => match error.downcast::<Refused>() {
            Ok(refused) => refused_error(*refused, scrub),
            Err(error) => ModelError::Connection { message: scrub(with_causes(&*error)) },
        },
        // The address is configuration, and need not be in every error.
        OpenAIError::Reqwest(error) => {
            ModelError::Connection { message: scrub(with_causes(&error.without_url())) }
        }
        // Without the text that could not be read: it can be a completion.
        OpenAIError::JSONDeserialize(error, _) => {
            ModelError::Malformed { message: format!("it is not JSON: {error}") }
        }
        error => ModelError::Other { message: scrub(with_causes(&error)), retryable: false },
    }
}

fn refused_error(refused: Refused, scrub: impl Fn(String) -> String) -> ModelError {
    let Refused { status, retry_after, body } = refused;
    let message: String = scrub(said(&body)).chars().take(TOLD).collect();
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
