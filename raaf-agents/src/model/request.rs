//! What is asked of a model.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Message;

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

/// How a model is to answer. What is not set is left to the model's server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelSettings {
    /// The sampling temperature: the higher, the more varied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The share of probability that is sampled from, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// The most tokens that one answer may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
}

/// A tool as it is described to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// What the model calls it by.
    pub name: String,
    /// What it does, for the model to read.
    pub description: String,
    /// The JSON Schema of its arguments: an object.
    pub parameters: Json,
}
