//! What is asked of a model.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Message, ModelSettings};

/// What a model is asked: a conversation, and how to go on with it.
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
    /// What holds for the whole conversation (the system prompt).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// What was said so far, oldest first.
    pub messages: Vec<Message>,
    /// The tools on offer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSpec>,
    /// How to answer.
    #[serde(default)]
    pub settings: ModelSettings,
    /// The form that the answer's words must have; free text if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<OutputSchema>,
}

impl ModelRequest {
    /// A conversation without instructions, tools or settings.
    pub fn new(messages: impl IntoIterator<Item = Message>) -> Self {
        Self { messages: messages.into_iter().collect(), ..Self::default() }
    }

    /// The same with instructions.
    #[must_use]
    pub fn with_instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// The same with these tools on offer.
    #[must_use]
    pub fn with_tools(mut self, tools: impl IntoIterator<Item = ToolSpec>) -> Self {
        self.tools = tools.into_iter().collect();
        self
    }

    /// The same with these settings.
    #[must_use]
    pub fn with_settings(mut self, settings: ModelSettings) -> Self {
        self.settings = settings;
        self
    }

    /// The same with words of that form asked for.
    #[must_use]
    pub fn with_output_schema(mut self, schema: OutputSchema) -> Self {
        self.output_schema = Some(schema);
        self
    }

    /// What the user said last; empty if nothing.
    pub fn last_user_text(&self) -> &str {
        let mut said = self.messages.iter().rev();
        said.find(|message| matches!(message, Message::User { .. })).map_or("", Message::text)
    }

    /// Whether a tool of that name is on offer.
    pub fn has_tool(&self, name: &str) -> bool {
        self.tools.iter().any(|tool| tool.name == name)
    }
}

/// A tool as it is described to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolSpec {
    /// What the model calls it by.
    pub name: String,
    /// What it does, for the model to read.
    pub description: String,
    /// The JSON Schema of its arguments: an object.
    pub parameters: Json,
}

impl ToolSpec {
    /// A tool of that name; `parameters` is the JSON Schema of an object.
    pub fn new(name: impl Into<String>, description: impl Into<String>, parameters: Json) -> Self {
        Self { name: name.into(), description: description.into(), parameters }
    }
}

/// The form that an answer's words must have: JSON of a schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutputSchema {
    /// What the form is called: letters, digits, `_` and `-`.
    pub name: String,
    /// The JSON Schema.
    pub schema: Json,
    /// Whether the server must hold the model to it; `OpenAI` then takes a subset of JSON Schema
    /// only.
    #[serde(default)]
    pub strict: bool,
}

impl OutputSchema {
    /// JSON of that schema, which the server need not enforce.
    pub fn new(name: impl Into<String>, schema: Json) -> Self {
        Self { name: name.into(), schema, strict: false }
    }

    /// The same, enforced by the server.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }
}
