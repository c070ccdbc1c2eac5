//! HTTP client shared by the sinks that send requests.

#[cfg_attr(not(feature = "otlp"), allow(dead_code, reason = "only OTLP has such settings"))]
pub(crate) mod certificates;
mod delivery;
mod forward;
#[cfg(feature = "otlp-grpc")]
pub(crate) mod grpc;
#[cfg_attr(not(feature = "otlp"), allow(dead_code, reason = "only OTLP has such settings"))]
pub(crate) mod header;
mod network;
mod proxy;
mod refusal;
mod secret;

use std::time::Duration;

use proxy::Route;
use raaf_trace_core::sink::PerProcess;
use raaf_trace_model::environment::SettingsError;
use refusal::Target;
use ureq::{
    Agent, Body,
    config::Config,
    http::{
        HeaderMap, Response, StatusCode,
        header::{HOST, PROXY_AUTHORIZATION},
    },
    tls::TlsConfig,
    unversioned::{
        resolver::DefaultResolver,
        transport::{Connector as _, DefaultConnector},
    },
};

pub(crate) use delivery::Deliveries;
pub(crate) use network::Network;
pub(crate) use refusal::Refusal;
#[cfg(feature = "openai")]
pub(crate) use refusal::mistyped;
pub(crate) use refusal::origin;
pub(crate) use secret::Secret;

/// Bounds of the timeout. The upper one keeps deadlines representable.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Checks a timeout given in code.
///
/// # Errors
///
/// If it is shorter than a millisecond.
pub(crate) fn check_timeout(setting: &str, timeout: Duration) -> Result<(), SettingsError> {
    if timeout >= SHORTEST {
        return Ok(());
    }
    Err(SettingsError::in_code(setting, &timeout, "at least a millisecond"))
}

/// Largest number of bytes read from a reply.
const MAX_REPLY: u64 = 64 * 1024;

/// Rules of the protocol that requests follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol {
    /// Returns true for the reply to a rejected request that may be accepted when it is retried.
    pub(crate) is_passing: fn(StatusCode, &HeaderMap) -> bool,
    /// Extracts the reason from the body of the reply to a rejected request.
    pub(crate) reason: fn(&[u8]) -> String,
    /// Names the right address, for a server that speaks another protocol.
    pub(crate) expected: &'static str,
    /// Names the variables for certificates of authorities.
    pub(crate) authorities: &'static str,
}

/// Blocking HTTP client.
#[derive(Debug)]
pub(crate) struct Client {
    url: String,
    route: Route,
    protocol: Protocol,
    timeout: Duration,
    /// A connection must not be shared with a forked child.
    agent: PerProcess<Agent>,
}

/// Reply to a request that the server accepted.
#[derive(Debug)]
pub(crate) struct Reply {
    #[allow(dead_code, reason = "only OTLP has replies that are parsed")]
    pub(crate) body: Vec<u8>,
}

impl Client {
    /// Creates a client for an address, whose requests take at most `timeout`, from name resolution
    /// to the last byte of the reply; at least a millisecond, at most a day.
    ///
    /// Redirects are not followed, because they would send keys and spans to an address that was
    /// not configured.
    pub(crate) fn new(url: &str, timeout: Duration, protocol: Protocol, network: &Network) -> Self {
        let timeout = timeout.clamp(SHORTEST, LONGEST);
        let route = url.parse().map_or(Route::Direct, |url| network.proxies.route(&url));
        let tunnel = match &route {
            Route::Tunnel(proxy) => Some(proxy.clone()),
            Route::Direct | Route::Forward { .. } => None,
        };
        let proxy = route.proxy();
        let is_plain = |address: &str| address.starts_with("http://");
        let tls = if is_plain(url) && proxy.as_deref().is_none_or(is_plain) {
            TlsConfig::default()
        } else {
            network.certificates.tls_config()
        };
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(timeout))
            .proxy(tunnel)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("raaf-processors/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = PerProcess::new(agent(config, &route));
        Self { url: url.to_owned(), route, protocol, timeout, agent }
    }

    /// Returns the timeout of a request.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Posts `body`. `secrets` are removed from the error's message.
    ///
    /// # Errors
    ///
    /// If no server accepted the request. The error is retryable if a retry can help.
    pub(crate) fn post(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        secrets: &[&Secret],
    ) -> Result<Reply, Refusal> {
        let agent = self.agent.get(|parent| agent(parent.config().clone(), &self.route));
        let mut request = match &self.route {
            Route::Forward { to, host, authorization, .. } => {
                let mut request = agent.post(to);
                if !headers.contains_key(HOST) {
                    request = request.header(HOST, host);
                }
                match authorization {
                    Some(value) => request.header(PROXY_AUTHORIZATION, value),
                    None => request,
                }
            }
            Route::Direct | Route::Tunnel(_) => agent.post(&self.url),
        };
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let proxy = self.route.proxy();
        let target = Target { url: &self.url, proxy: proxy.as_deref() };
        let failed = |error| target.unreached(body.len(), &error, &self.protocol);
        let answer = request.send(body).map_err(failed)?;
        let status = answer.status();
        let is_passing = (self.protocol.is_passing)(status, answer.headers());
        let wait = refusal::wait(answer.headers()).filter(|_| is_passing);
        // The request was accepted, even if the body of the reply cannot be read.
        let body = read(answer).unwrap_or_default();
        if status.is_success() {
            return Ok(Reply { body });
        }
        if let (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(proxy)) = (status, &proxy) {
            return Err(refusal::of_proxy(proxy, status));
        }
        let words = secret::without((self.protocol.reason)(&body).as_bytes(), secrets);
        // With these statuses, the address may be wrong.
        let is_elsewhere = status.is_redirection()
            || matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
        let at = is_elsewhere.then(|| secret::url_without(&self.url, secrets));
        Err(Refusal::of_status(status, at.as_deref(), &words, is_passing, wait))
    }
}

/// Formats a server's message for an error: one short line without secrets.
#[cfg(feature = "otlp")]
pub(crate) fn words(said: &[u8], secrets: &[&Secret]) -> String {
    refusal::shown(&secret::without(said, secrets))
}

fn agent(config: Config, route: &Route) -> Agent {
    let Route::Forward { by, .. } = route else { return config.into() };
    let connector = DefaultConnector::new().chain(by.clone());
    Agent::with_parts(config, connector, DefaultResolver::default())
}

fn read(answer: Response<Body>) -> Result<Vec<u8>, ureq::Error> {
    answer.into_body().into_with_config().limit(MAX_REPLY).read_to_vec()
}
