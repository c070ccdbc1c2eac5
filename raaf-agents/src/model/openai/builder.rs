//! Builder: endpoint and credentials.

use std::{fmt, sync::Arc, time::Duration};

use raaf_trace_core::environment::{Environment, SettingsError};
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use thiserror::Error;

use super::{
    OpenAiModel,
    calls::Calls,
    chat::{self, ChatCompletions},
    endpoint::Endpoint,
    profile::{KeyHeader, Profile},
    protocol::Protocol,
    provider,
};
use crate::{model::RetryingModel, retry::RetryPolicy, web};

const OPENAI: &str = "https://api.openai.com/v1";
/// Minimum length of a value of the query or of a header that may be a key.
pub(super) const MIN_SECRET: usize = 16;
const TIMEOUT: Duration = Duration::from_secs(120);

type Change = dyn FnOnce(&mut Profile) + Send;

/// Builder for [`OpenAiModel`] and [`OpenAiResponses`](super::OpenAiResponses), which differ in their
/// protocol; see [`OpenAiModel::builder`] and [`OpenAiResponses::builder`](super::OpenAiResponses::builder).
#[must_use = "a builder does nothing until `build` is called"]
pub struct OpenAiModelBuilder<P = ChatCompletions> {
    pub(super) protocol: P,
    name: String,
    provider: Option<String>,
    api_key: Option<String>,
    base_url: Option<String>,
    organization: Option<String>,
    project: Option<String>,
    timeout: Duration,
    stream_timeout: Option<Duration>,
    retries: RetryPolicy,
    propagates: bool,
    changes: Vec<Box<Change>>,
}

/// Invalid configuration of a model. No variant contains the API key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// `OpenAI`'s own server needs an API key, and no other base URL is set. A builder reads variables only
    /// if [`environment`](OpenAiModelBuilder::environment) is called.
    #[error(
        "no API key for OpenAI's server: call `api_key`, or `from_env` with OPENAI_API_KEY set; \
         another server needs a base URL (`base_url`, OPENAI_BASE_URL)"
    )]
    MissingKey,
    /// A setting that is sent as a header contains a character other than printable ASCII.
    #[error("the {what} contains a character that is not printable ASCII, such as a line break")]
    InvalidHeader {
        /// The setting.
        what: &'static str,
    },
    /// The base URL is invalid.
    #[error(
        "the base URL must begin with http:// or https:// and name a host, without a password or a \
         fragment"
    )]
    InvalidBaseUrl,
    /// The settings require the server to continue responses that it does not store.
    #[error(
        "responses that are not stored cannot be continued; expected no `store(false)`, or \
         `ServerState::None`"
    )]
    NotStored,
    /// No encrypted connection can be made: the system's certificate authorities cannot be used.
    #[error("the TLS client cannot be built: {message}")]
    Tls {
        /// The error of the TLS library.
        message: String,
    },
    /// An environment variable is invalid.
    #[error(transparent)]
    Environment(#[from] SettingsError),
}

impl<P> OpenAiModelBuilder<P> {
    pub(super) fn new(name: String, protocol: P) -> Self {
        let (api_key, base_url, organization, project) = (None, None, None, None);
        Self {
            protocol,
            name,
            provider: None,
            api_key,
            base_url,
            organization,
            project,
            timeout: TIMEOUT,
            stream_timeout: None,
            retries: RetryPolicy::default(),
            propagates: true,
            changes: Vec::new(),
        }
    }

    /// Sets the API key.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Sets the server's URL, without `/chat/completions` or `/responses`, such as
    /// `http://localhost:11434/v1`. If it has a query, each call sends it.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the provider (`gen_ai.provider.name`), by OpenTelemetry's name for it. By default, it depends on
    /// the server's host: `groq` for `api.groq.com`, and the host itself for an unknown server.
    pub fn provider(mut self, provider: impl Into<String>) -> Self {
        self.provider = Some(provider.into());
        self
    }

    /// Sets the time limit of an attempt; the default is 2 minutes. For a streamed response, it limits the
    /// time without a byte; a slow server may send comments to keep the stream alive.
    ///
    /// The limit applies to each retry anew, but by default no retry begins later than 2 minutes after the
    /// call ([`RetryPolicy::with_max_elapsed`]): with both defaults, a call to a server that hangs fails
    /// after 2 minutes. To limit the run, use [`RunConfig::deadline`](crate::RunConfig::deadline).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the time limit of a whole streamed response. There is none by default.
    pub fn stream_timeout(mut self, timeout: Duration) -> Self {
        self.stream_timeout = Some(timeout);
        self
    }

    /// Changes the profile of the server, which is [chosen by its host](Profile::for_host).
    pub fn profile(mut self, change: impl FnOnce(&mut Profile) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Sets the retry policy for calls that exceed a rate limit (429), time out, or fail at the server
    /// (408, 409, 5xx) or the connection; the default is 2 retries.
    pub fn retries(mut self, policy: RetryPolicy) -> Self {
        self.retries = policy;
        self
    }

    /// Sets whether calls have the header `traceparent`, so that the server's spans join the trace;
    /// the default is `true`.
    pub fn propagates_trace(mut self, propagates: bool) -> Self {
        self.propagates = propagates;
        self
    }

    /// Reads settings that are not set so far from `OPENAI_API_KEY`, `OPENAI_BASE_URL`,
    /// `OPENAI_ORG_ID` and `OPENAI_PROJECT_ID`.
    ///
    /// # Errors
    ///
    /// If a variable is not valid Unicode.
    pub fn environment(mut self, environment: &Environment) -> Result<Self, ConfigError> {
        let read = |variable: &str| -> Result<Option<String>, ConfigError> {
            let value = environment.get(variable)?;
            Ok(value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
        };
        let fill = |field: &mut Option<String>, variable| -> Result<(), ConfigError> {
            if field.is_none() {
                *field = read(variable)?;
            }
            Ok(())
        };
        fill(&mut self.api_key, "OPENAI_API_KEY")?;
        fill(&mut self.base_url, "OPENAI_BASE_URL")?;
        fill(&mut self.organization, "OPENAI_ORG_ID")?;
        fill(&mut self.project, "OPENAI_PROJECT_ID")?;
        Ok(self)
    }

    /// Returns the model that makes calls at this path below the base URL.
    pub(super) fn connect(self, path: &[&str]) -> Result<RetryingModel<Calls<P>>, ConfigError>
    where
        P: Protocol,
    {
        let base_url = self.base_url.unwrap_or_else(|| OPENAI.to_owned());
        let base_url = base_url.trim().trim_end_matches('/').to_owned();
        let address = address(&base_url, path)?;
        let host = address.host_str().unwrap_or_default();
        let mut profile = Profile::for_host(host);
        for change in self.changes {
            change(&mut profile);
        }
        let key = header("API key", self.api_key)?;
        if key.is_empty() && is_openai(host) {
            return Err(ConfigError::MissingKey);
        }
        let organization = header("organization", self.organization)?;
        let project = header("project", self.project)?;
        let mut headers = HeaderMap::new();
        let mut add = |name: HeaderName, value: &str, what| {
            if value.is_empty() {
                return Ok::<_, ConfigError>(());
            }
            let value = HeaderValue::from_str(value);
            let mut value = value.map_err(|_| ConfigError::InvalidHeader { what })?;
            value.set_sensitive(true);
            headers.insert(name, value);
            Ok(())
        };
        match profile.key_header {
            _ if key.is_empty() => {}
            KeyHeader::Bearer => add(AUTHORIZATION, &format!("Bearer {key}"), "API key")?,
            KeyHeader::ApiKey => add(HeaderName::from_static("api-key"), &key, "API key")?,
        }
        add(HeaderName::from_static("openai-organization"), &organization, "organization")?;
        add(HeaderName::from_static("openai-project"), &project, "project")?;
        let mut sent = vec![key, organization, project];
        // The query may have a key.
        let query = address.query_pairs().map(|(_, value)| value.into_owned());
        sent.extend(query.filter(|value| value.len() >= MIN_SECRET));
        let mut url = address.clone();
        url.set_query(None);
        let shown = base_url.split('?').next().unwrap_or_default();
        let base_url = shown.trim_end_matches('/').to_owned();
        let Self { name, provider, timeout, stream_timeout, propagates, .. } = self;
        let endpoint = Endpoint {
            name,
            provider: provider.unwrap_or_else(|| provider::of_host(host)),
            http: web::client(&address, HeaderMap::new())
                .map_err(|message| ConfigError::Tls { message })?,
            proxy: web::proxy(&address),
            origin: origin(host, address.port(), path),
            url: url.to_string(),
            address,
            base_url,
            profile,
            headers,
            timeout,
            stream_timeout,
            propagates,
            sent,
        };
        Ok(RetryingModel::new(Calls { endpoint, protocol: self.protocol }, self.retries))
    }
}

impl OpenAiModelBuilder {
    /// Builds the model. No request is sent.
    ///
    /// # Errors
    ///
    /// If the base URL or a header is invalid, the API key for `OpenAI`'s own server is missing, or
    /// TLS cannot be set up.
    pub fn build(self) -> Result<OpenAiModel, ConfigError> {
        Ok(OpenAiModel { calls: Arc::new(self.connect(chat::PATH)?) })
    }
}

fn header(what: &'static str, value: Option<String>) -> Result<String, ConfigError> {
    let value = value.unwrap_or_default().trim().to_owned();
    if value.chars().all(|c| matches!(c, ' '..='~')) {
        Ok(value)
    } else {
        Err(ConfigError::InvalidHeader { what })
    }
}

/// Returns the URL of calls.
fn address(base_url: &str, path: &[&str]) -> Result<Url, ConfigError> {
    if base_url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(ConfigError::InvalidBaseUrl);
    }
    let mut url = Url::parse(base_url).map_err(|_| ConfigError::InvalidBaseUrl)?;
    // The URL is shown in traces and errors, so it must not contain a password.
    let is_bare = url.username().is_empty() && url.password().is_none();
    let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
    if !is_bare || !is_http || url.fragment().is_some() {
        return Err(ConfigError::InvalidBaseUrl);
    }
    url.path_segments_mut().map_err(|()| ConfigError::InvalidBaseUrl)?.pop_if_empty().extend(path);
    Ok(url)
}

/// Returns the origin of data that only the server understands: its address, with the API unless that is
/// Chat Completions, which has other data under the same names.
fn origin(host: &str, port: Option<u16>, path: &[&str]) -> Arc<str> {
    let mut origin = host.to_owned();
    if let Some(port) = port {
        origin = format!("{origin}:{port}");
    }
    if path != chat::PATH {
        origin = format!("{origin}/{}", path.join("/"));
    }
    origin.into()
}

/// Returns whether a host is one of `OpenAI`'s, which has one for each region.
fn is_openai(host: &str) -> bool {
    host == "api.openai.com" || host.ends_with(".api.openai.com")
}

impl<P> fmt::Debug for OpenAiModelBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiModelBuilder")
            .field("name", &self.name)
            .field("has_api_key", &self.api_key.is_some())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model as _;

    #[test]
    fn openai_needs_a_key_and_others_do_not() {
        let none = OpenAiModel::builder("m").build();
        assert!(matches!(none, Err(ConfigError::MissingKey)));
        let text = none.unwrap_err().to_string();
        assert!(text.contains("`api_key`") && text.contains("`from_env`"), "{text}");
        let local = OpenAiModel::builder("m").base_url("http://localhost:1/v1/").build().unwrap();
        assert_eq!(local.base_url(), "http://localhost:1/v1");
    }

    #[test]
    fn the_provider_is_that_of_the_server_unless_it_is_given() {
        let at = |url: &str| OpenAiModel::builder("m").base_url(url).api_key("k");
        let provider =
            |builder: OpenAiModelBuilder| builder.build().unwrap().provider().map(str::to_owned);
        assert_eq!(provider(at("https://api.groq.com/openai/v1")).as_deref(), Some("groq"));
        assert_eq!(provider(at("http://localhost:4000/v1")).as_deref(), Some("localhost"));
        let given = at("http://localhost:11434/v1").provider("ollama");
        assert_eq!(provider(given).as_deref(), Some("ollama"));
    }

    #[test]
    fn invalid_headers_and_urls_are_errors() {
        let builder = || OpenAiModel::builder("m").api_key("sk-secret\nX-Evil: 1");
        let error = builder().build().unwrap_err();
        assert!(matches!(error, ConfigError::InvalidHeader { what: "API key" }));
        assert!(!format!("{error} {error:?} {:?}", builder()).contains("sk-secret"));
        for url in [
            "",
            "localhost",
            "ftp://host",
            "http://",
            "https://user:pass@host/v1",
            "https://host/v1#top",
            "https://ho st/v1",
        ] {
            let error = OpenAiModel::builder("m").base_url(url).build().unwrap_err();
            assert!(matches!(error, ConfigError::InvalidBaseUrl), "{url}");
        }
    }

    #[test]
    fn code_beats_the_environment() {
        let environment = Environment::from_pairs([
            ("OPENAI_API_KEY", "sk-from-env"),
            ("OPENAI_BASE_URL", "http://from-env/v1"),
        ]);
        let builder = OpenAiModel::builder("m").base_url("http://from-code/v1");
        let model = builder.environment(&environment).unwrap().build().unwrap();
        assert_eq!(model.base_url(), "http://from-code/v1");
        assert!(!format!("{model:?}").contains("sk-from-env"));
    }

    #[test]
    fn a_query_is_sent_and_not_shown() {
        let base = "https://host/deployments/m?api-version=2024-10-21&sig=secret";
        let model = OpenAiModel::builder("m").base_url(base).build().unwrap();
        let endpoint = &model.calls.model().endpoint;
        let path = "https://host/deployments/m/chat/completions";
        assert_eq!(endpoint.address.as_str(), format!("{path}?api-version=2024-10-21&sig=secret"));
        assert_eq!(endpoint.url, path);
        assert!(!format!("{model:?}").contains("secret"));
        assert_eq!(&*endpoint.origin, "host");
        let local = OpenAiModel::builder("m").base_url("http://localhost:1/v1").build().unwrap();
        assert_eq!(
            &*local.calls.model().endpoint.origin,
            "localhost:1",
            "another port is another server"
        );
    }
}
