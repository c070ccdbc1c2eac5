//! Requests that sinks send from their worker: one client, one way to say what went wrong.

mod refusal;
mod secret;

use std::time::Duration;

use raaf_trace_core::ExportError;
use ureq::{
    Agent, Body,
    http::{HeaderMap, Response},
};

#[cfg_attr(not(feature = "otlp"), allow(unused_imports, reason = "its endpoints are users'"))]
pub(crate) use refusal::origin;
pub(crate) use secret::Secret;

/// How much of a reply is read: its reason, not its book.
const MAX_REPLY: u64 = 64 * 1024;

/// Sends requests and reads their replies, blocking the thread that it is called from.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
}

/// What a server said when it took a request.
#[derive(Debug)]
pub(crate) struct Reply {
    #[cfg_attr(not(feature = "otlp"), allow(dead_code, reason = "OTLP answers in its own format"))]
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// A client whose requests take at most `timeout`, from the look-up of the name to the last
    /// byte of the reply.
    ///
    /// Proxies are those of the environment (`HTTPS_PROXY` and so on). A redirect is not followed:
    /// it would take keys and spans to a place that nobody named.
    pub(crate) fn new(timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("raaf-processors/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into() }
    }

    /// Posts `body` to `url`. `secrets` are taken out of whatever the error says.
    ///
    /// # Errors
    ///
    /// When no server took it; whether trying again can help follows from why.
    pub(crate) fn post(
        &self,
        url: &str,
        headers: &HeaderMap,
        body: &[u8],
        secrets: &[&Secret],
    ) -> Result<Reply, ExportError> {
        let words = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
        self.post_reading(url, headers, body, secrets, words)
    }

    /// As [`post`](Self::post), for servers that refuse in a format of their own: `words` finds
    /// in it what they say.
    pub(crate) fn post_reading(
        &self,
        url: &str,
        headers: &HeaderMap,
        body: &[u8],
        secrets: &[&Secret],
        words: impl FnOnce(&[u8]) -> String,
    ) -> Result<Reply, ExportError> {
        let mut request = self.agent.post(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send(body).map_err(|error| refusal::of_transport(url, &error))?;
        let status = answer.status();
        let wait = refusal::wait(answer.headers());
        // A request that was taken is taken, whatever becomes of the reply's text.
        let body = read(answer).unwrap_or_default();
        if status.is_success() {
            return Ok(Reply { body });
        }
        let words = secret::without(words(&body).as_bytes(), secrets);
        Err(refusal::of_status(status, wait, &words))
    }
}

/// A server's words as an error may repeat them: one short line without secrets.
#[cfg_attr(not(feature = "otlp"), allow(dead_code, reason = "OTLP warns beside taking"))]
pub(crate) fn words(said: &[u8], secrets: &[&Secret]) -> String {
    refusal::shown(&secret::without(said, secrets))
}

fn read(answer: Response<Body>) -> Result<Vec<u8>, ureq::Error> {
    answer.into_body().into_with_config().limit(MAX_REPLY).read_to_vec()
}
