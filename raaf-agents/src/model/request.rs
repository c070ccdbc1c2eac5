//! Requests to models.

use std::{any::type_name, borrow::Cow};

use raaf_trace_core::naming::short_type_name;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    HostedTool, ModelSettings, StrictSchemaError, strict_schema,
    typed::{schema_name, schema_of},
};
use crate::conversation::{Message, Role};

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
    /// The tools that the provider runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosted_tools: Vec<HostedTool>,
    /// The model settings.
    #[serde(default)]
    pub settings: ModelSettings,
    /// The JSON Schema of the response's text; `None` for free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<OutputSchema>,
    /// Key of the call, which stays the same if the call is repeated after an interruption; `None` unless
    /// the run is [journaled](crate::Journal). Models for `OpenAI`-compatible servers send it as the
    /// header `Idempotency-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
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

    /// Sets the tools that the provider runs.
    #[must_use]
    pub fn with_hosted_tools(mut self, tools: impl IntoIterator<Item = HostedTool>) -> Self {
        self.hosted_tools = tools.into_iter().collect();
        self
    }

    /// Returns the text of the last user message; empty if there is none.
    pub fn last_user_text(&self) -> Cow<'_, str> {
        let mut latest = self.messages.iter().rev();
        latest.find(|message| message.role == Role::User).map(Message::text).unwrap_or_default()
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
    /// True if the server must enforce the schema, which must be [strict](crate::strict_schema).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

impl ToolSpec {
    /// Creates a description. `parameters` is the JSON Schema of an object.
    pub fn new(name: impl Into<String>, description: impl Into<String>, parameters: Json) -> Self {
        let (name, description) = (name.into(), description.into());
        Self { name, description, parameters, strict: false }
    }
}

/// JSON Schema of a response's text.
///
/// Servers accept objects only. For another schema, such as that of a list, `OpenAiModel` asks for an
/// object with the member `response`, and an agent takes the answer out of that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutputSchema {
    /// The name: at most 64 letters, digits, `_` and `-`.
    pub name: String,
    /// The JSON Schema.
    pub schema: Json,
    /// True if the server must enforce the schema, which a model then converts by
    /// [`strict_schema`](crate::strict_schema). `OpenAI` accepts only a subset of JSON Schema for that.
    #[serde(default)]
    pub strict: bool,
}

impl OutputSchema {
    /// Creates a schema that the server need not enforce. Characters that its name cannot have become
    /// `_`.
    pub fn new(name: impl AsRef<str>, schema: Json) -> Self {
        Self { name: schema_name(name.as_ref()), schema, strict: false }
    }

    /// Creates the schema of a type, which the server must enforce if it can be
    /// [strict](Self::strict).
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use raaf_agents::OutputSchema;
    ///
    /// assert!(OutputSchema::of::<Vec<String>>().strict);
    /// // The keys of a map are not known.
    /// let map = OutputSchema::of::<HashMap<String, u32>>();
    /// assert!(!map.strict && map.strict().is_err());
    /// ```
    pub fn of<T: JsonSchema>() -> Self {
        let schema = schema_of::<T>();
        let strict = strict_schema(&schema).is_ok();
        Self { strict, ..Self::new(short_type_name(type_name::<T>()), schema) }
    }

    /// Requires the server to enforce the schema, converted by [`strict_schema`](crate::strict_schema). A
    /// server that cannot enforce schemas still receives it.
    ///
    /// # Errors
    ///
    /// If the schema cannot be strict.
    pub fn strict(mut self) -> Result<Self, StrictSchemaError> {
        self.schema = strict_schema(&self.schema)?;
        self.strict = true;
        Ok(self)
    }
}
