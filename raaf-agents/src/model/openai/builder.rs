//! Builder: endpoint and credentials.

use std::{fmt, time::Duration};

use async_openai::{Client, config::OpenAIConfig, middleware::ReqwestService};
use raaf_trace_core::environment::{Environment, SettingsError};
use thiserror::Error;

use super::{
    OpenAiModel,
    chat::ChatCompletions,
    client,
    transport::{self, Form},
    wire::Dialect,
};
use crate::{model::RetryingModel, retry::RetryPolicy};

const OPENAI: &str = "https://api.openai.com/v1";
const TIMEOUT: Duration = Duration::from_secs(120);

/// Builder for [`OpenAiModel`]; see [`OpenAiModel::builder`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct OpenAiModelBuilder {
    name: String,
    api_key: Option<String>,
    base_url: Option<String>,
    organization: Option<String>,
    project: Option<String>,
    timeout: Duration,
    retries: RetryPolicy,
    propagates: bool,
}

/// Invalid configuration of a model. No variant contains the API key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// `OpenAI`'s own server needs an API key. Set `OPENAI_API_KEY`, or another base URL.
    #[error("no API key: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs none")]
    MissingKey,
    /// A setting that is sent as a header contains a character other than printable ASCII.
    #[error("the {what} contains a character that is not printable ASCII, such as a line break")]
    InvalidHeader {
        /// The setting.
        what: &'static str,
    },
    /// The base URL is invalid.
    #[error(
        "the base URL must begin with http:// or https:// and name a host, without a password, a \
         query or a fragment"
    )]
    InvalidBaseUrl,
    /// No encrypted connection can be made: the system's certificate authorities cannot be used.
    #[error("the TLS client cannot be built: {message}")]
    Tls {
        /// Reason.
        message: String,
    },
    /// An environment variable is invalid.
    #[error(transparent)]
    Environment(#[from] SettingsError),
}

impl OpenAiModelBuilder {
    pub(super) fn new(name: String) -> Self {
        let (api_key, base_url, organization, project) = (None, None, None, None);
        Self {
            name,
            api_key,
            base_url,
            organization,
            project,
            timeout: TIMEOUT,
            retries: RetryPolicy::default(),
            propagates: true,
        }
    }

    /// Sets the API key.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Sets the server's URL, without `/chat/completions`, such as `http://localhost:11434/v1`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the time limit of an attempt, or of each chunk of a streamed response; the default is 2
    /// minutes. Each retry has the whole time again: with the default of 2 retries, a server that
    /// hangs fails a call after 6 minutes. To limit the run, use
    /// [`RunConfig::deadline`](crate::RunConfig::deadline).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
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

    /// Builds the model. No request is sent.
    ///
    /// # Errors
    ///
    /// If the base URL or a header is invalid, the API key for `OpenAI`'s own server is missing, or
    /// TLS cannot be set up.
    pub fn build(self) -> Result<OpenAiModel, ConfigError> {
        let base_url = self.base_url.unwrap_or_else(|| OPENAI.to_owned());
        let base_url = base_url.trim().trim_end_matches('/').to_owned();
        let dialect = dialect(&base_url)?;
        let key = header("API key", self.api_key)?;
        if key.is_empty() && matches!(dialect, Dialect::OpenAi) {
            return Err(ConfigError::MissingKey);
        }
        let organization = header("organization", self.organization)?;
        let project = header("project", self.project)?;
        let config = OpenAIConfig::new()
            .with_api_base(&base_url)
            .with_api_key(&key)
            .with_org_id(&organization)
            .with_project_id(&project);
        let http = client::new()?;
        let client = |form| {
            let service = transport::service(ReqwestService::new(http.clone()), form);
            Client::build(http.clone(), config.clone()).with_http_service(service)
        };
        let (client, streaming) = (client(Form::Whole), client(Form::Stream));
        let Self { name, timeout, propagates, retries, .. } = self;
        let chat = ChatCompletions {
            name,
            client,
            streaming,
            url: format!("{base_url}/chat/completions"),
            base_url,
            dialect,
            timeout,
            propagates,
            sent: vec![key, organization, project],
        };
        Ok(OpenAiModel { chat: RetryingModel::new(chat, retries) })
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

fn dialect(base_url: &str) -> Result<Dialect, ConfigError> {
    // The path is appended, and a query may contain a key.
    if base_url.contains(|c: char| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control()) {
        return Err(ConfigError::InvalidBaseUrl);
    }
    let address = base_url.strip_prefix("https://").or_else(|| base_url.strip_prefix("http://"));
    let host = address.and_then(|address| address.split('/').next());
    match host {
        Some(host) if is_openai(host) => Ok(Dialect::OpenAi),
        // A password would be shown wherever the URL is.
        Some(host) if !host.is_empty() && !host.contains('@') => Ok(Dialect::Compatible),
        _ => Err(ConfigError::InvalidBaseUrl),
    }
}

/// Returns whether a host is one of `OpenAI`'s, which has one for each region.
fn is_openai(host: &str) -> bool {
    let name = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    name == "api.openai.com" || name.ends_with(".api.openai.com")
}

impl fmt::Debug for OpenAiModelBuilder {
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

    #[test]
    fn openai_needs_a_key_and_others_do_not() {
        let none = OpenAiModel::builder("m").build();
        assert!(matches!(none, Err(ConfigError::MissingKey)));
        let local = OpenAiModel::builder("m").base_url("http://localhost:1/v1/").build().unwrap();
        assert_eq!(local.base_url(), "http://localhost:1/v1");
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
            "https://host/v1?key=secret",
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
    fn openai_hosts_are_recognized() {
        let known = |url| dialect(url).is_ok_and(|dialect| matches!(dialect, Dialect::OpenAi));
        for url in [
            "https://api.openai.com/v1",
            "https://API.OpenAI.com:443/v1",
            "https://eu.api.openai.com/v1",
        ] {
            assert!(known(url), "{url}");
        }
        for url in ["https://api.openai.com.example.org/v1", "https://notapi.openai.com/v1"] {
            assert!(!known(url), "{url}");
        }
    }
}
