//! Messages.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Content, HostedCall, Part, ProviderData, Reasoning, ToolCall, ToolResult, stored};

/// Message of a conversation: a role and its parts.
///
/// # Serialized form
///
/// An object with a version, so that stored conversations outlive the program that wrote them:
/// `{"v":2,"role":"user","parts":[{"type":"text","text":"Hello!"}]}`. Messages without a version, which
/// have `content` instead of `parts`, are read too. Parts of unknown types are kept as they are
/// ([`Part::Unknown`]); a message of a later version is an error.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Message, Part};
///
/// let question = Message::user("How high is the tower?");
/// let with_image = Message::user([
///     Part::text("How high is this tower?"),
///     Part::image_url("https://example.com/tower.jpg"),
/// ]);
/// assert_eq!(question.text(), "How high is the tower?");
/// assert_eq!(with_image.parts.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "stored::Written", try_from = "stored::Read")]
#[non_exhaustive]
pub struct Message {
    /// The speaker.
    pub role: Role,
    /// The parts, in order.
    pub parts: Vec<Part>,
    /// Data that the provider expects back with the message.
    pub provider_data: Option<ProviderData>,
}

/// Speaker of a [`Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Instructions within a conversation. Those for the whole conversation are in
    /// [`ModelRequest::instructions`](crate::ModelRequest::instructions).
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// Tools: results of calls.
    Tool,
}

impl Role {
    /// Returns the role as a lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

impl Message {
    /// Creates a message of a role.
    pub fn new(role: Role, content: impl Into<Content>) -> Self {
        Self { role, parts: content.into().into_parts(), provider_data: None }
    }

    /// Creates a message of the user.
    pub fn user(content: impl Into<Content>) -> Self {
        Self::new(Role::User, content)
    }

    /// Creates instructions within a conversation.
    pub fn system(content: impl Into<Content>) -> Self {
        Self::new(Role::System, content)
    }

    /// Creates a message of the model.
    pub fn assistant(content: impl Into<Content>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// Creates a message of the model that consists of tool calls.
    pub fn calls(calls: impl IntoIterator<Item = ToolCall>) -> Self {
        Self::assistant(calls.into_iter().map(Part::ToolCall).collect::<Vec<_>>())
    }

    /// Creates the result of a tool call.
    pub fn tool(call: &ToolCall, content: impl Into<Content>) -> Self {
        ToolResult::new(call, content).into()
    }

    /// Creates the result of a tool call that failed.
    pub fn tool_error(call: &ToolCall, content: impl Into<Content>) -> Self {
        ToolResult::error(call, content).into()
    }

    /// Returns the text, without reasoning and refusals; of results, their text and JSON. Empty for a
    /// message that only calls tools.
    pub fn text(&self) -> Cow<'_, str> {
        let mut texts = self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(Cow::from(text)),
            Part::ToolResult(result) => Some(result.text().into()),
            _ => None,
        });
        let Some(first) = texts.next() else { return Cow::Borrowed("") };
        texts.fold(first, |mut all, text| {
            all.to_mut().push_str(&text);
            all
        })
    }

    /// Iterates over the tool calls. They run concurrently, and their results return in this order.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
    }

    /// Iterates over the results of tool calls.
    pub fn tool_results(&self) -> impl Iterator<Item = &ToolResult> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolResult(result) => Some(result),
            _ => None,
        })
    }

    /// Iterates over the model's reasoning.
    pub fn reasoning(&self) -> impl Iterator<Item = &Reasoning> {
        self.parts.iter().filter_map(|part| match part {
            Part::Reasoning(reasoning) => Some(reasoning),
            _ => None,
        })
    }

    /// Iterates over the calls of tools that the provider ran.
    pub fn hosted_calls(&self) -> impl Iterator<Item = &HostedCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::HostedCall(call) => Some(call),
            _ => None,
        })
    }

    /// Returns the model's refusal, if it refused to answer.
    pub fn refusal(&self) -> Option<&str> {
        self.parts.iter().find_map(|part| match part {
            Part::Refusal(text) => Some(text.as_str()),
            _ => None,
        })
    }
}

impl From<ToolResult> for Message {
    fn from(result: ToolResult) -> Self {
        Self::new(Role::Tool, Part::ToolResult(result))
    }
}
