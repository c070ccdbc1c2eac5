//! Server of a model: its address, credentials, and time limits.

use std::{sync::Arc, time::Duration};

use raaf_trace_core::{Context, Redactor, diagnostics::Escaped};
use reqwest::{
    Client, Response, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};

use super::{
    builder::MIN_SECRET,
    http::{self, Failure},
    profile::Profile,
    wire::{Fault, Rejected, Target, malformed},
};
use crate::model::{HostedTool, ModelError, ModelRequest};

const NO_TLS: &str = "; the server does not use TLS; expected a base URL with http://";

/// Server of a model, whatever its protocol.
pub(super) struct Endpoint {
    /// Name of the model.
    pub(super) name: String,
    pub(super) provider: String,
    pub(super) http: Client,
    /// Proxy through which the server is reached.
    pub(super) proxy: Option<String>,
    pub(super) base_url: String,
    /// URL of calls.
    pub(super) address: Url,
    /// URL of calls without its query, which may contain a key.
    pub(super) url: String,
    /// Host of the server, with its port if that is not the usual one, and its API unless that is Chat
    /// Completions.
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

impl Endpoint {
    pub(super) fn target(&self) -> Target<'_> {
        Target { model: &self.name, profile: &self.profile, origin: &self.origin }
    }

    /// Sends a body and returns a response with a status of success.
    pub(super) async fn send(
        &self,
        body: Vec<u8>,
        request: &ModelRequest,
        accept: &'static str,
    ) -> Result<Response, ModelError> {
        require_runtime()?;
        let settings = &request.settings;
        let mut call =
            self.http.post(self.address.clone()).headers(self.headers(request, accept)?).body(body);
        if !settings.extra_query.is_empty() {
            call = call.query(&settings.extra_query);
        }
        let response = call.send().await.map_err(|error| self.failed(error.into(), request))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.failed(http::refused(response).await, request))
    }

    fn headers(
        &self,
        request: &ModelRequest,
        accept: &'static str,
    ) -> Result<HeaderMap, ModelError> {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        // The ids of runs are the user's, and may be no header.
        let key = request.idempotency_key.as_deref().map(HeaderValue::from_str);
        if let Some(Ok(key)) = key {
            headers.insert("idempotency-key", key);
        }
        let mut carrier: Vec<(String, String)> = Vec::new();
        if self.propagates {
            Context::current().inject(&mut carrier);
        }
        let carrier = carrier.iter().map(|(name, value)| (name, value));
        for (name, value) in carrier.chain(&request.settings.extra_headers) {
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

    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, ModelError>>,
    ) -> Result<T, ModelError> {
        let done = tokio::time::timeout(self.timeout, work).await;
        done.unwrap_or(Err(ModelError::Timeout { after: self.timeout }))
    }

    pub(super) fn failed(&self, failure: Failure, request: &ModelRequest) -> ModelError {
        let scrub = |text: &str| self.scrub(text, request);
        match failure {
            Failure::Refused { status, asked, body } => {
                let mut fault = Fault::of_body(status, &body);
                fault.retry_after = asked.retry_after;
                fault.url.clone_from(&self.url);
                let proxy = self.proxy.as_ref().filter(|_| status == 407);
                if let Some(proxy) = proxy {
                    return ModelError::Rejected { status, message: wants_user(proxy) };
                }
                match fault.into_error(scrub) {
                    ModelError::Server { status, message, .. } if asked.forbids => {
                        ModelError::Rejected { status, message }
                    }
                    error => error,
                }
            }
            Failure::Connection(message) => {
                let host = self.address.host_str().unwrap_or_default();
                let port = self.address.port_or_known_default().unwrap_or_default();
                let Some(proxy) = &self.proxy else {
                    let hint = if message.contains("InvalidContentType") { NO_TLS } else { "" };
                    let message = scrub(&format!("{host}:{port}: {message}{hint}"));
                    return ModelError::Connection { message };
                };
                // The client's error contains the status only as text.
                if message.contains("proxy authorization required") {
                    return ModelError::Rejected { status: 407, message: wants_user(proxy) };
                }
                let message = scrub(&format!("{host}:{port} through the proxy {proxy}: {message}"));
                ModelError::Connection { message }
            }
            Failure::Interrupted(message) => broken_off(0, &scrub(&message)),
            Failure::Invalid(message) => ModelError::other(scrub(&message)),
            Failure::TooLong => malformed(&format!("longer than {} bytes", http::MAX_BODY)),
        }
    }

    pub(super) fn rejected(&self, rejected: Rejected, request: &ModelRequest) -> ModelError {
        match rejected {
            Rejected::Fault(fault) => fault.into_error(|text| self.scrub(text, request)),
            // The message may quote a value.
            Rejected::Malformed(message) => malformed(&self.scrub(&message, request)),
        }
    }

    /// Removes what was sent and may be secret.
    pub(super) fn scrub(&self, text: &str, request: &ModelRequest) -> String {
        let settings = &request.settings;
        let extra = settings.extra_headers.values().chain(settings.extra_query.values());
        let extra = extra.map(String::as_str);
        let hosted = request.hosted_tools.iter().flat_map(HostedTool::secrets);
        let extra = extra.chain(hosted).filter(|value| value.len() >= MIN_SECRET);
        let sent: Vec<_> = self.sent.iter().map(String::as_str).chain(extra).collect();
        Escaped(Redactor::without_values(text, &sent)).to_string()
    }
}

fn wants_user(proxy: &str) -> String {
    format!(
        "the proxy {proxy} requires a user and a password, as in http://user:password@host:port"
    )
}

/// Returns an error where the transport would panic.
pub(super) fn require_runtime() -> Result<(), ModelError> {
    let runtime = tokio::runtime::Handle::try_current();
    runtime
        .map(drop)
        .map_err(|_| ModelError::other("the model must be called within a tokio runtime"))
}

pub(super) fn broken_off(pieces: usize, cause: &str) -> ModelError {
    ModelError::Interrupted { pieces: pieces as u64, message: cause.to_owned() }
}
