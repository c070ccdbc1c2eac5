//! Builder for [`OpenAiSink`](super::OpenAiSink).

use std::{fmt, sync::Arc, time::Duration};

use raaf_trace_model::{
    environment::{Environment, SettingsError},
    span::TraceInfo,
};

use super::{
    OpenAiSink, OpenAiSinkError,
    endpoint::{self, Endpoint},
    notice::Notice,
};
use crate::http::{Deliveries, Network, Secret, check_timeout, mistyped};

/// Default timeout of a request. Less than the export timeout of the batch processor, so that a
/// slow server is reported as such.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Description of a valid base URL.
pub(super) const EXPECTED: &str =
    "an http:// or https:// URL with a host and an optional path, without a user";

/// Builder for [`OpenAiSink`].
///
/// ```
/// use std::time::Duration;
/// use raaf_processors::OpenAiSink;
///
/// let sink = OpenAiSink::builder()
///     .api_key("sk-…".replace('…', "example"))
///     .project("proj_1")
///     .base_url("http://localhost:8080/v1")
///     .timeout(Duration::from_secs(5))
///     .build()?;
/// assert!(!format!("{sink:?}").contains("sk-"));
/// # Ok::<(), raaf_processors::OpenAiSinkError>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct OpenAiBuilder {
    keys: Keys,
    organization: Option<String>,
    project: Option<String>,
    base_url: Option<String>,
    timeout: Duration,
    network: Option<Network>,
}

impl OpenAiBuilder {
    pub(super) fn new() -> Self {
        Self {
            keys: Keys::default(),
            organization: None,
            project: None,
            base_url: None,
            timeout: TIMEOUT,
            network: None,
        }
    }

    /// Sets the key that authorizes requests.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.keys.own = secret(&key.into());
        self
    }

    /// Selects the key of a trace by facts about the trace, such as its group or a customer's id in
    /// its metadata; `None` selects the [`api_key`](Self::api_key). Called once for each trace in a
    /// batch. A batch with traces of several keys is sent in several requests.
    ///
    /// Put no key into an attribute or metadata: other sinks would receive it.
    pub fn key_for(
        mut self,
        key: impl Fn(&TraceInfo) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.keys.of_trace = Some(Arc::new(key));
        self
    }

    /// Sets the organization that the traces belong to, for keys with access to several.
    pub fn organization(mut self, id: impl Into<String>) -> Self {
        self.organization = Some(id.into());
        self
    }

    /// Sets the project that the traces belong to, for keys with access to several.
    pub fn project(mut self, id: impl Into<String>) -> Self {
        self.project = Some(id.into());
        self
    }

    /// Sets the base URL of the API, up to the version, for tests, proxies and compatible servers.
    /// Default: [`OpenAiSink::DEFAULT_BASE_URL`].
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the timeout of one request, at least a millisecond. Default: 10 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Reads settings that the code has not set from `OPENAI_API_KEY`, `OPENAI_ORG_ID`,
    /// `OPENAI_PROJECT_ID` and `RAAF_TRACE_OPENAI_BASE_URL`, proxies from `HTTP_PROXY`,
    /// `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or their lower-case forms, and the certificates of
    /// trusted authorities from `SSL_CERT_FILE` and `SSL_CERT_DIR` instead of the system's. Without a
    /// call of this method, proxies and authorities are those of the process.
    ///
    /// # Errors
    ///
    /// If a variable cannot be used.
    pub fn environment(mut self, environment: &Environment) -> Result<Self, OpenAiSinkError> {
        if self.keys.own.is_none() {
            self.keys.own = environment.get("OPENAI_API_KEY")?.as_deref().and_then(secret);
        }
        for (variable, id) in
            [("OPENAI_ORG_ID", &mut self.organization), ("OPENAI_PROJECT_ID", &mut self.project)]
        {
            if id.is_none() {
                *id = environment.get(variable)?.map(|id| id.trim().to_owned());
            }
        }
        if self.base_url.is_none() {
            self.base_url = read_base_url(environment)?;
        }
        self.network = Some(Network::read(environment));
        Ok(self)
    }

    /// Builds the sink.
    ///
    /// # Errors
    ///
    /// If the base URL or the timeout is invalid, or a value is not allowed in a header.
    pub fn build(self) -> Result<OpenAiSink, OpenAiSinkError> {
        check_timeout("OpenAiBuilder::timeout", self.timeout)?;
        if let Some(key) = &self.keys.own {
            endpoint::authorization(key).map_err(|_| OpenAiSinkError::Header("API key"))?;
        }
        let base_url = self.base_url.as_deref().unwrap_or(OpenAiSink::DEFAULT_BASE_URL);
        let (organization, project) = (self.organization.as_deref(), self.project.as_deref());
        let network = self.network.unwrap_or_else(|| Network::read(&Environment::process()));
        Ok(OpenAiSink {
            endpoint: Endpoint::new(base_url, organization, project, self.timeout, &network)?,
            keys: self.keys,
            deliveries: Deliveries::default(),
            sent: std::sync::Mutex::default(),
            no_key: Notice::new(
                "the openai sink has no API key and drops all spans; \
                 set OPENAI_API_KEY, or set the key in code",
            ),
            notice: Notice::none(),
        })
    }
}

/// Reads the base URL.
pub(super) fn read_base_url(environment: &Environment) -> Result<Option<String>, SettingsError> {
    const BASE_URL: &str = "RAAF_TRACE_OPENAI_BASE_URL";
    let Some(url) = environment.get(BASE_URL)? else { return Ok(None) };
    if !endpoint::is_base_url(url.trim()) {
        return Err(SettingsError::invalid(BASE_URL, &mistyped(url.trim()), EXPECTED));
    }
    Ok(Some(url))
}

/// Hides keys, and parts of the URL that may be secret.
impl fmt::Debug for OpenAiBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiBuilder")
            .field("keys", &self.keys)
            .field("organization", &self.organization)
            .field("project", &self.project)
            .field("base_url", &self.base_url.as_deref().map(mistyped))
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

fn secret(key: &str) -> Option<Secret> {
    Some(key.trim()).filter(|key| !key.is_empty()).map(Secret::new)
}

/// Selects the key for a trace.
#[derive(Clone, Default)]
pub(super) struct Keys {
    own: Option<Secret>,
    of_trace: Option<Arc<KeyOfTrace>>,
}

type KeyOfTrace = dyn Fn(&TraceInfo) -> Option<String> + Send + Sync;

impl Keys {
    pub(super) fn of(&self, trace: &TraceInfo) -> Option<Secret> {
        let found = self.of_trace.as_ref().and_then(|key| key(trace));
        found.as_deref().and_then(secret).or_else(|| self.own.clone())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("own", &self.own)
            .field("has_keys_of_traces", &self.of_trace.is_some())
            .finish()
    }
}
