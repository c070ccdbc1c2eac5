//! What a model answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AssistantMessage, Usage};

/// A model's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelResponse {
    /// What it says, and which tools it wants called.
    pub message: AssistantMessage,
    /// What the call used; zero where the server does not tell.
    #[serde(default)]
    pub usage: Usage,
    /// Why it stopped.
    pub finish_reason: FinishReason,
    /// The response's id, if the server gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The model that answered, if the server tells: it can differ from the one asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl ModelResponse {
    /// An answer without usage and ids; it stopped because it was done or wants tools called.
    pub fn new(message: AssistantMessage) -> Self {
        let finish_reason = if message.tool_calls.is_empty() {
            FinishReason::Stop
        } else {
            FinishReason::ToolCalls
        };
        Self { message, usage: Usage::default(), finish_reason, id: None, model: None }
    }

    /// The same with this usage.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// The same with this id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// It had said all.
    Stop,
    /// It reached the limit of tokens: the answer is cut.
    Length,
    /// It waits for tools.
    ToolCalls,
    /// The provider's filter cut the answer.
    ContentFilter,
    /// What the server calls it.
    #[serde(untagged)]
    Other(String),
}

impl FinishReason {
    /// The reason as a lower-case word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for FinishReason {
    fn from(word: &str) -> Self {
        match word {
            "stop" => Self::Stop,
            "length" => Self::Length,
            "tool_calls" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
