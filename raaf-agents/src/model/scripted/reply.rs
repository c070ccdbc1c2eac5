//! Replies of a scripted model.

use std::{borrow::Cow, time::Duration};

use serde_json::Value as Json;

use crate::{
    conversation::HostedCall,
    model::{FinishReason, ModelError, Usage},
};

/// Reply of a [`ScriptedModel`](crate::ScriptedModel) to one call.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use raaf_agents::{ModelError, Reply};
///
/// let slow = Reply::text("At last.").after(Duration::from_secs(2));
/// let broken = Reply::chunks(["The an", "swer is"])
///     .then_error(ModelError::Connection { message: "connection reset".into() });
/// ```
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) content: Content,
    /// Delay before the reply.
    pub(super) delay: Duration,
    /// Error after the reply.
    pub(super) failure: Option<ModelError>,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    None,
    Message(Box<Spoken>),
}

/// Message of a reply.
#[derive(Clone, Debug, Default)]
pub(super) struct Spoken {
    pub(super) reasoning: Option<String>,
    pub(super) hosted: Vec<HostedCall>,
    pub(super) content: Option<String>,
    /// The chunks of the text; empty to stream it word by word.
    pub(super) pieces: Vec<String>,
    pub(super) refusal: Option<String>,
    pub(super) calls: Vec<(String, String)>,
    pub(super) usage: Option<Usage>,
    pub(super) finish_reason: Option<FinishReason>,
}

impl Reply {
    /// Creates a reply with text.
    pub fn text(content: impl Into<String>) -> Self {
        Self::message(Spoken { content: Some(content.into()), ..Spoken::default() })
    }

    /// Creates a reply with text that is streamed in these chunks.
    pub fn chunks<S: Into<String>>(pieces: impl IntoIterator<Item = S>) -> Self {
        let pieces = pieces.into_iter().map(Into::into).collect();
        Self::message(Spoken { content: Some(String::new()), pieces, ..Spoken::default() })
    }

    /// Creates a reply that calls a tool.
    pub fn call(name: impl Into<String>, arguments: Json) -> Self {
        Self::calls([(name, arguments)])
    }

    /// Creates a reply that calls several tools in one turn.
    pub fn calls<N: Into<String>>(calls: impl IntoIterator<Item = (N, Json)>) -> Self {
        let calls = calls.into_iter().map(|(name, json)| (name.into(), json.to_string()));
        Self::message(Spoken { calls: calls.collect(), ..Spoken::default() })
    }

    /// Creates a reply that calls a tool with arguments that may be invalid JSON.
    pub fn raw_call(name: impl Into<String>, arguments: impl Into<String>) -> Self {
        let calls = vec![(name.into(), arguments.into())];
        Self::message(Spoken { calls, ..Spoken::default() })
    }

    /// Creates a reply that refuses to answer.
    pub fn refusal(words: impl Into<String>) -> Self {
        Self::message(Spoken { refusal: Some(words.into()), ..Spoken::default() })
    }

    /// Creates a failure.
    pub fn error(error: ModelError) -> Self {
        Self { content: Content::None, delay: Duration::ZERO, failure: Some(error) }
    }

    /// Delays the reply. Requires a tokio runtime with a timer.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Ends the reply with an error: after its chunks if streamed, at once otherwise.
    #[must_use]
    pub fn then_error(mut self, error: ModelError) -> Self {
        self.failure = Some(error);
        self
    }

    /// Sets the usage, instead of counting words. A failure has no usage.
    #[must_use]
    pub fn with_usage(self, tokens: Usage) -> Self {
        self.map(|spoken| spoken.usage = Some(tokens))
    }

    /// Adds reasoning before the reply.
    #[must_use]
    pub fn with_reasoning(self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.map(|spoken| spoken.reasoning = Some(text))
    }

    /// Adds a call of a hosted tool, with its result, before the text.
    #[must_use]
    pub fn with_hosted_call(self, call: HostedCall) -> Self {
        self.map(|spoken| spoken.hosted.push(call))
    }

    /// Sets the finish reason, such as [`FinishReason::Length`] for a reply that is cut off.
    #[must_use]
    pub fn with_finish_reason(self, reason: FinishReason) -> Self {
        self.map(|spoken| spoken.finish_reason = Some(reason))
    }

    fn map(mut self, change: impl FnOnce(&mut Spoken)) -> Self {
        if let Content::Message(spoken) = &mut self.content {
            change(spoken);
        }
        self
    }

    fn message(spoken: Spoken) -> Self {
        Self { content: Content::Message(Box::new(spoken)), delay: Duration::ZERO, failure: None }
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

impl From<Cow<'_, str>> for Reply {
    fn from(text: Cow<'_, str>) -> Self {
        Self::text(text)
    }
}
