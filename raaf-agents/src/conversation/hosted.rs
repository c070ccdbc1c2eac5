//! Calls of hosted tools, and citations.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Part, ProviderData};

/// Call of a hosted tool, which the provider ran while the model answered.
///
/// Other items that only the provider understands, such as a compacted conversation, are kept as calls of a
/// tool of the item's type, so that they can be sent back to the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct HostedCall {
    /// The id that the provider assigned; empty if there is none.
    pub id: String,
    /// The kind of tool, such as `web_search`, `file_search`, `code_interpreter`, `image_generation`,
    /// `mcp` or, for the listing of a server's tools, `mcp_list_tools`.
    pub tool: String,
    /// The name of the tool, if the kind has several tools, such as `mcp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The label of the MCP server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The state, as the provider names it, such as `in_progress`, `searching`, `completed` or `failed`. In
    /// streams, the end of a call always has a state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The arguments of the call, such as queries or code; `null` if the provider does not report them.
    #[serde(skip_serializing_if = "Json::is_null")]
    pub arguments: Json,
    /// The result, as far as the provider reports it: text, JSON, images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub result: Vec<Part>,
    /// The error of a call that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The item as the provider sent it, to be sent back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_data: Option<ProviderData>,
}

impl HostedCall {
    /// Creates a call of a kind of tool.
    pub fn new(id: impl Into<String>, tool: impl Into<String>) -> Self {
        Self { id: id.into(), tool: tool.into(), ..Self::default() }
    }

    /// Returns the name of the tool, or its kind if it has no name.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.tool)
    }

    /// Returns the text and the JSON of the result, joined by line breaks.
    pub(crate) fn result_text(&self) -> String {
        let texts = self.result.iter().filter_map(Part::as_result_text);
        texts.collect::<Vec<_>>().join("\n")
    }

    /// Returns whether it is a call of a tool, and not another item of the provider.
    pub(crate) fn is_call(&self) -> bool {
        let data = self.provider_data.as_ref().and_then(|data| data.fields.get("type"));
        data.and_then(Json::as_str).map_or(!self.is_listing(), |kind| kind.ends_with("_call"))
    }

    /// Returns whether it is the listing of a server's tools.
    pub(crate) fn is_listing(&self) -> bool {
        self.tool == "mcp_list_tools"
    }

    /// Returns whether the call has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.error.is_some()
            || matches!(self.status.as_deref(), Some("completed" | "failed" | "incomplete"))
    }

    /// Returns whether the call failed.
    pub fn is_failed(&self) -> bool {
        self.error.is_some() || self.status.as_deref() == Some("failed")
    }
}

/// Source of a passage in the text before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Citation {
    /// The kind, as the provider names it, such as `url_citation` or `file_citation`.
    pub kind: String,
    /// The URL of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The title of the source, or the name of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The id of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_id: Option<String>,
    /// The start of the passage in the text part before it, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// The end of the passage, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
}
