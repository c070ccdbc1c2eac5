//! A model without weights: it says what a script or a function tells it to.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use serde_json::Value as Json;

use super::{
    AssistantMessage, Message, Model, ModelError, ModelRequest, ModelResponse, ToolCall, Usage,
};

/// A deterministic model, for examples, tests and offline runs.
///
/// It answers from a list, or from a function that sees the whole conversation. Ids follow from
/// the conversation (`call_1`, `call_2` …), and tokens are words, so that the same conversation
/// always gives the same answer at the same cost.
///
/// # Examples
///
/// ```
/// use raaf_agents::{ModelRequest, Reply, ScriptedModel};
/// use serde_json::json;
///
/// let from_a_list = ScriptedModel::new("scripted", [
///     Reply::call("search", json!({ "query": "lamp" })),
///     Reply::text("The lamp is mentioned twice."),
/// ]);
/// let from_the_conversation = ScriptedModel::from_fn("parrot", |request: &ModelRequest| {
///     Reply::text(request.last_user_text())
/// });
/// ```
pub struct ScriptedModel {
    name: String,
    script: Script,
}

enum Script {
    List(Mutex<VecDeque<Reply>>),
    Function(Box<dyn Fn(&ModelRequest) -> Reply + Send + Sync>),
}

impl ScriptedModel {
    /// A model that gives these replies, one a call, and fails when there are none left.
    pub fn new<R: Into<Reply>>(
        name: impl Into<String>,
        replies: impl IntoIterator<Item = R>,
    ) -> Self {
        let replies = replies.into_iter().map(Into::into).collect();
        Self { name: name.into(), script: Script::List(Mutex::new(replies)) }
    }

    /// A model that replies by this function of the conversation.
    pub fn from_fn<R: Into<Reply>>(
        name: impl Into<String>,
        reply: impl Fn(&ModelRequest) -> R + Send + Sync + 'static,
    ) -> Self {
        let reply = move |request: &ModelRequest| reply(request).into();
        Self { name: name.into(), script: Script::Function(Box::new(reply)) }
    }

    fn next(&self, request: &ModelRequest) -> Reply {
        match &self.script {
            Script::Function(reply) => reply(request),
            Script::List(replies) => {
                let mut replies = replies.lock().unwrap_or_else(PoisonError::into_inner);
                replies.pop_front().unwrap_or_else(|| {
                    Reply::error(ModelError::other("the script has no reply left"))
                })
            }
        }
    }
}

#[async_trait]
impl Model for ScriptedModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn provider(&self) -> Option<&str> {
        Some("scripted")
    }

    async fn respond(&self, request: &ModelRequest) -> Result<ModelResponse, ModelError> {
        let (content, calls, usage) = match self.next(request).0 {
            Said::Error(error) => return Err(error),
            Said::Message { content, calls, usage } => (content, calls, usage),
        };
        let spoken = request.messages.iter().filter_map(|message| match message {
            Message::Assistant(message) => Some(message.tool_calls.len()),
            _ => None,
        });
        let (turns, called) = spoken.fold((0, 0), |(turns, sum), calls| (turns + 1, sum + calls));
        let tool_calls = (called + 1..)
            .zip(calls)
            .map(|(number, (name, arguments))| ToolCall {
                id: format!("call_{number}"),
                name,
                arguments,
            })
            .collect();
        let message = AssistantMessage { content, tool_calls };
        let usage = usage.unwrap_or_else(|| count_words(request, &message));
        let mut response = ModelResponse::new(message).with_usage(usage).with_id(format!(
            "{}-{}",
            self.name,
            turns + 1
        ));
        response.model = Some(self.name.clone());
        Ok(response)
    }
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedModel").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a [`ScriptedModel`] says at one call.
#[derive(Clone, Debug)]
pub struct Reply(Said);

#[derive(Clone, Debug)]
enum Said {
    Message { content: Option<String>, calls: Vec<(String, String)>, usage: Option<Usage> },
    Error(ModelError),
}

impl Reply {
    /// It says this.
    pub fn text(content: impl Into<String>) -> Self {
        Self(Said::Message { content: Some(content.into()), calls: Vec::new(), usage: None })
    }

    /// It wants this tool called.
    pub fn call(name: impl Into<String>, arguments: Json) -> Self {
        Self::calls([(name, arguments)])
    }

    /// It wants these tools called, all in one turn.
    pub fn calls<N: Into<String>>(calls: impl IntoIterator<Item = (N, Json)>) -> Self {
        let calls = calls.into_iter().map(|(name, json)| (name.into(), json.to_string()));
        Self(Said::Message { content: None, calls: calls.collect(), usage: None })
    }

    /// It wants this tool called, with arguments that need not be JSON: as a model at fault does.
    pub fn raw_call(name: impl Into<String>, arguments: impl Into<String>) -> Self {
        let calls = vec![(name.into(), arguments.into())];
        Self(Said::Message { content: None, calls, usage: None })
    }

    /// It fails.
    pub fn error(error: ModelError) -> Self {
        Self(Said::Error(error))
    }

    /// The same, using so many tokens instead of a token a word. A failure uses none.
    #[must_use]
    pub fn with_usage(mut self, tokens: Usage) -> Self {
        if let Said::Message { usage, .. } = &mut self.0 {
            *usage = Some(tokens);
        }
        self
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

fn count_words(request: &ModelRequest, answer: &AssistantMessage) -> Usage {
    let said = |message: &AssistantMessage| {
        let called =
            message.tool_calls.iter().map(|call| words(&call.name) + words(&call.arguments));
        words(message.content.as_deref().unwrap_or_default()) + called.sum::<u64>()
    };
    let heard = request.messages.iter().map(|message| match message {
        Message::Assistant(message) => said(message),
        other => words(other.text()),
    });
    let instructions = words(request.instructions.as_deref().unwrap_or_default());
    Usage::new(instructions + heard.sum::<u64>(), said(answer))
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn the_list_is_followed_and_then_an_error() {
        let model = ScriptedModel::new("m", ["one", "two"]);
        let request = ModelRequest::new([Message::user("go on")]);
        for expected in ["one", "two"] {
            let response = model.respond(&request).await.unwrap();
            assert_eq!(response.message, AssistantMessage::text(expected));
        }
        let error = model.respond(&request).await.unwrap_err();
        assert_eq!(error.to_string(), "the script has no reply left");
    }

    #[tokio::test]
    async fn tokens_are_words_and_ids_follow_from_the_conversation() {
        let model = ScriptedModel::from_fn("m", |_: &ModelRequest| {
            Reply::calls([("search", json!({"q": "a"})), ("rank", json!({}))])
        });
        let mut request = ModelRequest::new([Message::user("two words")]).with_instructions("one");
        let first = model.respond(&request).await.unwrap();
        assert_eq!(first.usage, Usage::new(3, 4));
        assert_eq!(first.id.as_deref(), Some("m-1"));
        request.messages.push(Message::Assistant(first.message.clone()));
        let second = model.respond(&request).await.unwrap();
        let ids = |response: &ModelResponse| {
            response.message.tool_calls.iter().map(|call| call.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&first), ["call_1", "call_2"]);
        assert_eq!(ids(&second), ["call_3", "call_4"]);
        assert_eq!(second.usage, Usage::new(7, 4));
    }
}
