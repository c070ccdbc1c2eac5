//! What is said in a conversation.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Message {
    /// Instructions in the middle of a conversation; those of the whole are
    /// [`ModelRequest::instructions`](crate::ModelRequest::instructions).
    System {
        /// The text.
        content: String,
    },
    /// What the user says.
    User {
        /// The text.
        content: String,
    },
    /// What the model says.
    Assistant(AssistantMessage),
    /// What a tool that the model called gave back.
    Tool {
        /// The id of the call that this answers.
        call_id: String,
        /// The tool's name.
        name: String,
        /// The result as text: a string as it is, anything else as JSON; or why there is none.
        content: String,
        /// Whether the call failed.
        #[serde(default)]
        is_error: bool,
    },
}

impl Message {
    /// What the user says.
    pub fn user(content: impl Into<String>) -> Self {
        Self::User { content: content.into() }
    }

    /// Instructions in the middle of a conversation.
    pub fn system(content: impl Into<String>) -> Self {
        Self::System { content: content.into() }
    }

    /// What the model says, in words.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::Assistant(AssistantMessage::text(content))
    }

    /// The answer to a tool call.
    pub fn tool(call: &ToolCall, content: impl Into<String>) -> Self {
        let (call_id, name) = (call.id.clone(), call.name.clone());
        Self::Tool { call_id, name, content: content.into(), is_error: false }
    }

    /// The answer to a tool call that failed.
    pub fn tool_error(call: &ToolCall, content: impl Into<String>) -> Self {
        let (call_id, name) = (call.id.clone(), call.name.clone());
        Self::Tool { call_id, name, content: content.into(), is_error: true }
    }

    /// The words in it; empty for a message that only calls tools.
    pub fn text(&self) -> &str {
        match self {
            Self::System { content } | Self::User { content } | Self::Tool { content, .. } => {
                content
            }
            Self::Assistant(message) => message.content.as_deref().unwrap_or_default(),
        }
    }
}

/// What a model says: words, calls of tools, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AssistantMessage {
    /// The words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The tools it wants called, all at once, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

impl AssistantMessage {
    /// Words only.
    pub fn text(content: impl Into<String>) -> Self {
        Self { content: Some(content.into()), tool_calls: Vec::new() }
    }

    /// Tool calls only.
    pub fn calls(tool_calls: impl IntoIterator<Item = ToolCall>) -> Self {
        Self { content: None, tool_calls: tool_calls.into_iter().collect() }
    }

    /// The same with these tool calls.
    #[must_use]
    pub fn with_calls(mut self, tool_calls: impl IntoIterator<Item = ToolCall>) -> Self {
        self.tool_calls = tool_calls.into_iter().collect();
        self
    }
}

/// A model's wish to have a tool called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCall {
    /// What the answer refers to; the model chose it.
    pub id: String,
    /// The tool's name; the model may name one that does not exist.
    pub name: String,
    /// The arguments as the model wrote them: JSON, if it kept to the protocol.
    pub arguments: String,
}

impl ToolCall {
    /// A call with arguments that are JSON.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_agents::ToolCall;
    /// use serde_json::json;
    ///
    /// let call = ToolCall::new("call_1", "search", &json!({ "query": "lamp" }));
    /// assert_eq!(call.arguments, r#"{"query":"lamp"}"#);
    /// ```
    pub fn new(id: impl Into<String>, name: impl Into<String>, arguments: &Json) -> Self {
        Self::from_text(id, name, arguments.to_string())
    }

    /// A call with arguments as a model wrote them, which need not be JSON.
    pub fn from_text(
        id: impl Into<String>,
        name: impl Into<String>,
        arguments: impl Into<String>,
    ) -> Self {
        Self { id: id.into(), name: name.into(), arguments: arguments.into() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_survive_json() {
        let call = ToolCall::new("c1", "search", &json!({}));
        let messages = vec![
            Message::user("hello"),
            Message::Assistant(AssistantMessage::calls([call.clone()])),
            Message::tool_error(&call, "broken"),
            Message::assistant("sorry"),
        ];
        let json = serde_json::to_value(&messages).unwrap();
        assert_eq!(json[1]["role"], "assistant");
        assert_eq!(json[1]["tool_calls"][0]["name"], "search");
        assert_eq!(serde_json::from_value::<Vec<Message>>(json).unwrap(), messages);
    }
}
