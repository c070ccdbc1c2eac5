//! Requests to models.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Message, ModelSettings};

/// Request to a model: a conversation, and how to continue it.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Message, ModelRequest};
///
/// let request = ModelRequest::new([Message::user("How high is the tower?")])
///     .with_instructions("Answer in one word.");
/// assert_eq!(request.last_user_text(), "How high is the tower?");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelRequest {
    /// The instructions for the whole conversation (the system prompt).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// The tools that the model may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    /// The model settings.
    #[serde(default)]
    pub settings: ModelSettings,
    /// The JSON Schema of the response's text; `None` for free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<OutputSchema>,
}

impl ModelRequest {
    /// Creates a request without instructions, tools or settings.
    pub fn new(messages: impl IntoIterator<Item = Message>) -> Self {
        Self { messages: messages.into_iter().collect(), ..Self::default() }
    }

    /// Sets the instructions.
    #[must_use]
    pub fn with_instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// Sets the tools.
    #[must_use]
    pub fn with_tools(mut self, tools: impl IntoIterator<Item = ToolSpec>) -> Self {
        self.tools = tools.into_iter().collect();
        self
    }

    /// Returns the text of the last user message; empty if there is none.
    pub fn last_user_text(&self) -> &str {
        let mut latest = self.messages.iter().rev();
        latest.find(|message| matches!(message, Message::User { .. })).map_or("", Message::text)
    }

    /// Returns whether the model may call this tool.
    pub fn has_tool(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| tool.name == name)
    }
}

/// Description of a tool for a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolSpec {
    /// The name.
    pub name: String,
    /// Purpose of the tool and when to call it, for the model.
    pub description: String,
    /// The JSON Schema of the arguments: an object.
    pub parameters: Json,
}

impl ToolSpec {
    /// Creates a description. `parameters` is the JSON Schema of an object.
    pub fn new(name: impl Into<String>, description: impl Into<String>, parameters: Json) -> Self {
        Self { name: name.into(), description: description.into(), parameters }
    }
}

/// JSON Schema of a response's text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutputSchema {
    /// The name: letters, digits, `_` and `-`.
    pub name: String,
    /// The JSON Schema.
    pub schema: Json,
    /// True if the server must enforce the schema. `OpenAI` then accepts only a subset of JSON
    /// Schema.
    #[serde(default)]
    pub strict: bool,
}

impl OutputSchema {
    /// Creates a schema that the server need not enforce.
    pub fn new(name: impl Into<String>, schema: Json) -> Self {
        Self { name: name.into(), schema, strict: false }
    }

    /// Requires the server to enforce the schema.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }
}
