//! Responses of models.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Usage;
use crate::conversation::Message;

/// Response of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelResponse {
    /// The message of the model: text, reasoning, tool calls, or a refusal.
    pub message: Message,
    /// The usage; zero if the server does not report it, and then not in the trace.
    #[serde(default)]
    pub usage: Usage,
    /// The cost in US dollars, if the server reports it, as gateways do. It takes precedence over the
    /// [prices](raaf_trace_core::prices::PriceTable) of the provider of traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Why the model stopped generating.
    pub finish_reason: FinishReason,
    /// The id of the response, if the server reports one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The model that responded, if the server reports it. It may differ from the requested one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The model that was called in place of the requested one, as by a
    /// [`FallbackModel`](super::FallbackModel).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<String>,
}

impl ModelResponse {
    /// Creates a response without usage and id. Its finish reason is `ToolCalls` if the message has
    /// tool calls, `Refusal` if it has a refusal, and `Stop` otherwise.
    pub fn new(message: Message) -> Self {
        let finish_reason = if message.refusal().is_some() {
            FinishReason::Refusal
        } else if message.tool_calls().next().is_some() {
            FinishReason::ToolCalls
        } else {
            FinishReason::Stop
        };
        let usage = Usage::default();
        let (cost_usd, id, model, called) = (None, None, None, None);
        Self { message, usage, cost_usd, finish_reason, id, model, called }
    }

    /// Sets the usage.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// Sets the id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

/// Why a model stopped generating.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// The response is complete.
    Stop,
    /// The response was cut off at the token limit.
    Length,
    /// The model waits for tool results.
    ToolCalls,
    /// The response was cut off by the provider's content filter.
    ContentFilter,
    /// The model refused to answer.
    Refusal,
    /// Another reason, as the server names it.
    #[serde(untagged)]
    Other(String),
}

impl FinishReason {
    /// Returns the reason as a lower-case word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Refusal => "refusal",
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
            "refusal" => Self::Refusal,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for FinishReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
