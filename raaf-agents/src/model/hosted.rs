//! Hosted tools.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

/// Tool that the provider runs while the model answers, such as its web search.
///
/// [`Agent::builder`](crate::Agent::builder) takes it by
/// [`hosted_tool`](crate::AgentBuilder::hosted_tool), and `OpenAiResponses` sends it. Its calls and their
/// results are [parts](crate::HostedCall) of the answer, and spans of kind `tool` below that of the
/// model. The model is trusted with the tool: no code of this program runs, and no hook sees a call before
/// it is made, except where an MCP server [asks for an approval](Self::mcp).
///
/// The `Debug` and the serialized form have no [secrets](Self::secret).
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
    /// They are sent, and nothing else.
    #[serde(skip)]
    secrets: Map<String, Json>,
}

impl HostedTool {
    /// Creates a tool of a type, as the provider names it, without options.
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), options: Map::new(), secrets: Map::new() }
    }

    /// Creates a search of the web.
    pub fn web_search() -> Self {
        Self::new("web_search")
    }

    /// Creates a search of files in stores that the provider keeps.
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

    /// Creates the tools of an MCP server that the provider calls. `label` names the server in calls.
    ///
    /// Unless the option `require_approval` is `never`, or has exceptions, the provider asks before each
    /// call. Such a request is a [call](crate::ToolCall::hosted_by) that waits for an approval: the run
    /// pauses, as for a tool that [needs one](crate::Approval).
    pub fn mcp(label: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new("mcp").with("server_label", label.into()).with("server_url", url.into())
    }

    /// Sets an option, by the name that the provider gives it.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// Sets an option that is secret, such as `authorization` or `headers` of an MCP server: it is sent,
    /// but is neither traced, shown, nor serialized, and is removed from the server's errors.
    #[must_use]
    pub fn secret(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }

    /// Returns the type.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the label of an MCP server.
    pub fn label(&self) -> Option<&str> {
        self.options.get("server_label")?.as_str()
    }

    /// Returns the declaration without its secrets. Of URLs, the query is left out.
    pub(super) fn shown(&self) -> Json {
        let bare = |value: &Json| match value.as_str().and_then(|text| text.split_once('?')) {
            Some((url, _)) if url.contains("://") => url.into(),
            _ => value.clone(),
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

    /// Iterates over the texts that are secret, and those of the queries of URLs.
    #[cfg(feature = "openai")]
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let queries = self.options.values().filter_map(|value| value.as_str()?.split_once('?'));
        let queries = queries.flat_map(|(_, query)| query.split('&'));
        let queries = queries.filter_map(|pair| Some(pair.split_once('=')?.1));
        self.secrets.values().flat_map(texts_of).chain(queries)
    }
}

/// Iterates over a text, or the texts in an object such as that of headers.
#[cfg(feature = "openai")]
fn texts_of(value: &Json) -> impl Iterator<Item = &str> {
    let inner = value.as_object().into_iter().flat_map(Map::values);
    inner.chain([value]).filter_map(Json::as_str)
}

/// Shows the options, and of secrets the names alone.
impl fmt::Debug for HostedTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostedTool")
            .field("declaration", &format_args!("{}", self.shown()))
            .field("secrets", &self.secrets.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
