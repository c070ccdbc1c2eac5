//! Address and headers of requests.

use std::{fmt, time::Duration};

use raaf_trace_model::sink::ExportError;
use ureq::http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE},
};

use super::OpenAiSinkError;
use crate::http::{Client, Network, Protocol, Refusal, Secret, header, mistyped, origin};

/// Rules of OpenAI's API.
const PROTOCOL: Protocol = Protocol {
    is_passing,
    reason: |body| String::from_utf8_lossy(body).into_owned(),
    expected: "the address of an HTTP server",
    authorities: "SSL_CERT_FILE",
};

/// Returns what the server says about a retry, otherwise true for the statuses after which OpenAI's
/// clients retry.
fn is_passing(status: StatusCode, headers: &HeaderMap) -> bool {
    match headers.get("x-should-retry").map(HeaderValue::as_bytes) {
        Some(b"true") => true,
        Some(b"false") => false,
        _ => matches!(status.as_u16(), 408 | 409 | 429) || status.is_server_error(),
    }
}

/// Trace ingest API of a server.
pub(super) struct Endpoint {
    client: Client,
    url: String,
    /// Parts of a request that a server may repeat, besides the key: the path of the base URL,
    /// unless it is the default, and the names of organization and project.
    secrets: Vec<Secret>,
    /// Headers of every request.
    headers: HeaderMap,
}

impl Endpoint {
    pub(super) fn new(
        base_url: &str,
        organization: Option<&str>,
        project: Option<&str>,
        timeout: Duration,
        network: &Network,
    ) -> Result<Self, OpenAiSinkError> {
        let mut headers = HeaderMap::new();
        let mut secrets = Vec::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers
            .insert(HeaderName::from_static("openai-beta"), HeaderValue::from_static("traces=v1"));
        for (name, what, value) in [
            ("openai-organization", "organization", organization),
            ("openai-project", "project", project),
        ] {
            if let Some(value) = value {
                secrets.push(Secret::new(value));
                let value = header::value(value).ok_or(OpenAiSinkError::Header(what))?;
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let base_url = base_url.trim().trim_end_matches('/');
        if !is_base_url(base_url) {
            return Err(OpenAiSinkError::BaseUrl(mistyped(base_url).into_owned()));
        }
        let url = format!("{base_url}/traces/ingest");
        let path = base_url.parse::<Uri>().map(|uri| uri.path().to_owned()).unwrap_or_default();
        secrets.extend(Some(path).filter(|path| !["/", "/v1"].contains(&&**path)).map(Secret::new));
        Ok(Self { client: Client::new(&url, timeout, PROTOCOL, network), url, secrets, headers })
    }

    /// Returns the origin of the URL, without parts that may be secret.
    pub(super) fn origin(&self) -> String {
        origin(&self.url).into_owned()
    }

    pub(super) fn timeout(&self) -> Duration {
        self.client.timeout()
    }

    /// Sends a request's body.
    pub(super) fn send(&self, body: &[u8], key: &Secret) -> Result<(), Refusal> {
        let mut headers = self.headers.clone();
        headers.insert(AUTHORIZATION, authorization(key)?);
        let secrets: Vec<_> = self.secrets.iter().chain([key]).collect();
        self.client.post(&headers, body, &secrets).map(drop)
    }
}

/// Value of the `Authorization` header.
pub(super) fn authorization(key: &Secret) -> Result<HeaderValue, Refusal> {
    header::value(&format!("Bearer {}", key.reveal())).ok_or_else(|| {
        let message = "the API key contains characters that are not allowed in a header";
        ExportError::permanent(message).into()
    })
}

pub(super) fn is_base_url(text: &str) -> bool {
    // The path of the API is appended, so nothing may follow the base path.
    if text.contains(['@', '?', '#']) {
        return false;
    }
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    is_web && uri.host().is_some_and(|host| !host.is_empty())
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("origin", &self.origin())
            .field("timeout", &self.timeout())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_has_a_scheme_and_a_host() {
        for url in ["https://api.openai.com/v1", "http://127.0.0.1:80", "http://[::1]:80/x/"] {
            assert!(is_base_url(url), "{url}");
        }
        for url in [
            "",
            "api.openai.com",
            "ftp://host",
            "https://",
            "https:///v1",
            "http://h/?a=b",
            "http://h/#a",
            "http://me:key@h/v1",
        ] {
            assert!(!is_base_url(url), "{url}");
        }
    }
}
