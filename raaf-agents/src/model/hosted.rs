//! Hosted tools.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

/// Tool that the provider runs while the model answers, such as its web search.
///
/// [`AgentBuilder::hosted_tool`](crate::AgentBuilder::hosted_tool) adds it to an agent, and
/// `OpenAiResponses` sends it. Calls and their results are [parts](crate::HostedCall) of the answer, and
/// spans of kind `tool` below the model's span. The model uses the tool on its own: no code of this
/// program runs, and no hook sees a call before it is made, unless an MCP server [needs an
/// approval](Self::mcp).
///
/// The `Debug` and the serialized form contain no [secrets](Self::secret).
///
/// # Examples
///
/// ```
/// use raaf_agents::HostedTool;
///
/// let search = HostedTool::web_search().with("search_context_size", "low");
/// let docs = HostedTool::mcp("docs", "https://example.com/mcp").secret("authorization", "s3cret");
/// assert_eq!((search.kind(), docs.kind()), ("web_search", "mcp"));
/// assert!(!format!("{docs:?}").contains("s3cret"));
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct HostedTool {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    options: Map<String, Json>,
    /// Options that are sent, but neither shown nor serialized.
    #[serde(skip)]
    secrets: Map<String, Json>,
}

impl HostedTool {
    /// Creates a tool of this type, by the provider's name for it, without options.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), options: Map::new(), secrets: Map::new() }
    }

    /// Creates a web search.
    pub fn web_search() -> Self {
        Self::new("web_search")
    }

    /// Creates a search in the files of vector stores at the provider, given by their ids.
    pub fn file_search<S: Into<String>>(vector_stores: impl IntoIterator<Item = S>) -> Self {
        let stores: Vec<String> = vector_stores.into_iter().map(Into::into).collect();
        Self::new("file_search").with("vector_store_ids", stores)
    }

    /// Creates an interpreter of code that the model writes, in a container of the provider.
    pub fn code_interpreter() -> Self {
        Self::new("code_interpreter").with("container", json!({"type": "auto"}))
    }

    /// Creates a generator of images.
    pub fn image_generation() -> Self {
        Self::new("image_generation")
    }

    /// Creates access to the tools of an MCP server, which the provider calls. `label` names the server in
    /// calls.
    ///
    /// The provider asks before each call, unless the option `require_approval` is `never` or lists
    /// exceptions. Such a request is a [call](crate::ToolCall::hosted_by) that waits for an approval: the
    /// run pauses, as for a tool that [needs an approval](crate::Approval).
    ///
    /// A user name, a password and a query in the URL are neither traced nor shown by `Debug`, but they
    /// are serialized.
    pub fn mcp(label: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new("mcp").with("server_label", label.into()).with("server_url", url.into())
    }

    /// Sets an option, by the provider's name for it.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// Sets a secret option, such as `authorization` or `headers` of an MCP server. It is sent, but neither
    /// traced, shown by `Debug`, nor serialized, and is removed from the server's errors.
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }

    /// Returns the type, such as `web_search`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the label of the MCP server; `None` for other tools.
    pub fn label(&self) -> Option<&str> {
        self.options.get("server_label")?.as_str()
    }

    /// Returns the declaration without its secrets, and without the passwords and queries of URLs.
    pub(super) fn shown(&self) -> Json {
        let bare = |value: &Json| match value.as_str().filter(|text| text.contains("://")) {
            Some(url) => without_secrets(url).into(),
            None => value.clone(),
        };
        let options = self.options.iter().map(|(key, value)| (key.clone(), bare(value)));
        [("type".to_owned(), self.kind.as_str().into())].into_iter().chain(options).collect()
    }

    /// Returns the declaration as it is sent.
    #[cfg(feature = "openai")]
    pub(super) fn sent(&self) -> Json {
        let members = self.options.iter().chain(&self.secrets);
        let members = members.map(|(key, value)| (key.clone(), value.clone()));
        [("type".to_owned(), self.kind.as_str().into())].into_iter().chain(members).collect()
    }

    /// Iterates over the strings that are secret, and the passwords and the values in the queries of URLs. A
    /// user without a password may be a token.
    #[cfg(feature = "openai")]
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let queries = self.options.values().filter_map(|value| value.as_str()?.split_once('?'));
        let queries = queries.flat_map(|(_, query)| query.split('&'));
        let queries = queries.filter_map(|pair| Some(pair.split_once('=')?.1));
        let urls = self.options.values().filter_map(Json::as_str);
        let passwords = urls.filter_map(user_of);
        let passwords = passwords.map(|user| user.split_once(':').map_or(user, |(_, it)| it));
        self.secrets.values().flat_map(texts_of).chain(queries).chain(passwords)
    }
}

/// Returns the name and the password in a URL.
fn user_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    Some(host.rsplit_once('@')?.0)
}

/// Returns a URL without its user and its query.
fn without_secrets(url: &str) -> String {
    let bare = url.split_once('?').map_or(url, |(bare, _)| bare);
    match user_of(bare) {
        Some(user) => bare.replacen(&format!("{user}@"), "", 1),
        None => bare.to_owned(),
    }
}

/// Iterates over a string, or over the strings in an object, such as headers.
#[cfg(feature = "openai")]
fn texts_of(value: &Json) -> impl Iterator<Item = &str> {
    let inner = value.as_object().into_iter().flat_map(Map::values);
    inner.chain([value]).filter_map(Json::as_str)
}

/// Shows the options, and only the names of secrets.
impl fmt::Debug for HostedTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostedTool")
            .field("declaration", &format_args!("{}", self.shown()))
            .field("secrets", &self.secrets.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
