//! Where the server is, and how to get in.

use std::{fmt, time::Duration};

use async_openai::{Client, config::OpenAIConfig, middleware::ReqwestService};
use raaf_trace_core::{Environment, SettingsError};
use thiserror::Error;

use super::{
    OpenAiModel,
    chat::ChatCompletions,
    transport::{self, Form},
    wire::Dialect,
};
use crate::model::{RetryPolicy, RetryingModel};

const OPENAI: &str = "https://api.openai.com/v1";
const TIMEOUT: Duration = Duration::from_secs(120);

/// An [`OpenAiModel`] in preparation.
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

/// Why a model cannot be configured. The key is in none of the texts.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// `OpenAI`'s own server is meant, and there is no key. Set `OPENAI_API_KEY`, or a base URL.
    #[error("no API key: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs none")]
    MissingKey,
    /// What is to be sent as a header holds something that a header cannot.
    #[error("the {what} holds a character that cannot be sent, such as a line break")]
    UnfitHeader {
        /// Which setting it is.
        what: &'static str,
    },
    /// The base URL is none.
    #[error(
        "the base URL must begin with http:// or https:// and name a host, without a password, a \
         query or a fragment"
    )]
    InvalidBaseUrl,
    /// A variable cannot be read.
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

    /// The key to send.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Where the server is, up to and without `/chat/completions`.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// How long an answer may take; of a streamed one, each piece. Two minutes if nothing is said.
    /// Another try has that time again.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often it is tried again when the server is busy (429), fails (408, 409, 5xx) or cannot
    /// be reached, and how soon.
    #[must_use]
    pub fn retries(mut self, policy: RetryPolicy) -> Self {
        self.retries = policy;
        self
    }

    /// Whether the server is told which span calls it (`traceparent`), so that its own spans can
    /// join the trace; it is, if nothing is said.
    #[must_use]
    pub fn propagates_trace(mut self, propagates: bool) -> Self {
        self.propagates = propagates;
        self
    }

    /// What was not set in code, from `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `OPENAI_ORG_ID` and
    /// `OPENAI_PROJECT_ID`.
    ///
    /// # Errors
    ///
    /// When a variable is not Unicode.
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

    /// The model. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// When the base URL or a header's value is unfit, or `OpenAI`'s own server is meant and there
    /// is no key.
    pub fn build(self) -> Result<OpenAiModel, ConfigError> {
        let base_url = self.base_url.unwrap_or_else(|| OPENAI.to_owned());
        let base_url = base_url.trim().trim_end_matches('/').to_owned();
        let dialect = dialect(&base_url)?;
        let key = header("API key", self.api_key)?;
        if key.is_empty() && matches!(dialect, Dialect::OpenAi) {
            return Err(ConfigError::MissingKey);
        }
        let config = OpenAIConfig::new()
            .with_api_base(&base_url)
            .with_api_key(&key)
            .with_org_id(header("organization", self.organization)?)
            .with_project_id(header("project", self.project)?);
        let http = ReqwestService::default();
        let client = |form| {
            let service = transport::service(http.clone(), form);
            Client::with_config(config.clone()).with_http_service(service)
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
            key,
        };
        Ok(OpenAiModel { chat: RetryingModel::new(chat, retries) })
    }
}

fn header(what: &'static str, value: Option<String>) -> Result<String, ConfigError> {
    let value = value.unwrap_or_default().trim().to_owned();
    if value.chars().all(|c| matches!(c, ' '..='~')) {
        Ok(value)
    } else {
        Err(ConfigError::UnfitHeader { what })
    }
}

fn dialect(base_url: &str) -> Result<Dialect, ConfigError> {
    // The path is put at the end, and a query may hold a key. Blanks are in no address.
    if base_url.contains(|c: char| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control()) {
        return Err(ConfigError::InvalidBaseUrl);
    }
    let address = base_url.strip_prefix("https://").or_else(|| base_url.strip_prefix("http://"));
    let host = address.and_then(|address| address.split('/').next());
    match host {
        Some(host) if is_openai(host) => Ok(Dialect::OpenAi),
        // A password in the address would be shown wherever the address is.
        Some(host) if !host.is_empty() && !host.contains('@') => Ok(Dialect::Compatible),
        _ => Err(ConfigError::InvalidBaseUrl),
    }
}

/// Whether it is one of `OpenAI`'s own, which has one for each region.
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
    fn what_cannot_be_sent_is_an_error_and_no_panic() {
        let builder = || OpenAiModel::builder("m").api_key("sk-secret\nX-Evil: 1");
        let error = builder().build().unwrap_err();
        assert!(matches!(error, ConfigError::UnfitHeader { what: "API key" }));
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
    fn openai_has_more_than_one_address() {
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
