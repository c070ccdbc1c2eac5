//! Model settings.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Model settings. The server's defaults apply to those that are not set.
///
/// The `Debug` form shows the settings that are set; of headers and query parameters, it shows only the
/// names.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelSettings {
    /// The sampling temperature: higher values give more varied answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The probability mass that is sampled from, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// The maximum number of tokens of a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// The penalty for tokens by how often they occurred, -2 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// The penalty for tokens that occurred, -2 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// The seed for reproducible responses, if the server supports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// The strings at which the model stops generating.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Rule about tool calls. In an agent's run, a model that must call a tool is free to answer
    /// after its first call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// True if the model may call several tools in one turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    /// The effort of a reasoning model, as the server names it, such as `low` or `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<String>,
    /// The length of answers, as the server names it, such as `low` or `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<String>,
    /// The class of processing, as the server names it, such as `flex` or `priority`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// The key under which the server looks for a cached prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_cache_key: Option<String>,
    /// More members of the request's body. They replace members of the same name.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra_body: Map<String, Json>,
    /// More headers of the request. They may hold secrets, and are not serialized.
    #[serde(skip)]
    pub extra_headers: BTreeMap<String, String>,
    /// More parameters of the request's query. They may hold secrets, and are not serialized.
    #[serde(skip)]
    pub extra_query: BTreeMap<String, String>,
}

/// Values of headers and of the query may be secrets.
impl fmt::Debug for ModelSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // All members but those two are in the serialized form.
        let Ok(Json::Object(set)) = serde_json::to_value(self) else { return Err(fmt::Error) };
        let mut debug = f.debug_struct("ModelSettings");
        for (name, value) in &set {
            debug.field(name, &format_args!("{value}"));
        }
        for (name, map) in
            [("extra_headers", &self.extra_headers), ("extra_query", &self.extra_query)]
        {
            if !map.is_empty() {
                debug.field(name, &map.keys());
            }
        }
        debug.finish_non_exhaustive()
    }
}

/// Rule about tool calls: a model may, must or must not call tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// The model must not call tools.
    None,
    /// The model must call at least one tool.
    Required,
    /// The model must call the tool with this name.
    Tool(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_what_is_set_and_no_secrets() {
        let mut settings = ModelSettings { temperature: Some(0.5), ..ModelSettings::default() };
        settings.extra_headers.insert("x-api-key".to_owned(), "hunter2".to_owned());
        settings.extra_query.insert("sig".to_owned(), "hunter2".to_owned());
        let debug = r#"ModelSettings { temperature: 0.5, extra_headers: ["x-api-key"], extra_query: ["sig"], .. }"#;
        assert_eq!(format!("{settings:?}"), debug);
        let json = serde_json::to_string(&settings).unwrap();
        assert!(!json.contains("hunter2"), "{json}");
    }
}
