//! Replies of a scripted model.

use std::time::Duration;

use serde_json::Value as Json;

use crate::model::{ModelError, Usage};

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
    Message {
        content: Option<String>,
        /// The chunks of the text; empty to stream it word by word.
        pieces: Vec<String>,
        calls: Vec<(String, String)>,
        usage: Option<Usage>,
    },
}

impl Reply {
    /// Creates a reply with text.
    pub fn text(content: impl Into<String>) -> Self {
        Self::message(Some(content.into()), Vec::new(), Vec::new())
    }

    /// Creates a reply with text that is streamed in these chunks.
    pub fn chunks<S: Into<String>>(pieces: impl IntoIterator<Item = S>) -> Self {
        let pieces = pieces.into_iter().map(Into::into).collect();
        Self::message(Some(String::new()), pieces, Vec::new())
    }

    /// Creates a reply that calls a tool.
    pub fn call(name: impl Into<String>, arguments: Json) -> Self {
        Self::calls([(name, arguments)])
    }

    /// Creates a reply that calls several tools in one turn.
    pub fn calls<N: Into<String>>(calls: impl IntoIterator<Item = (N, Json)>) -> Self {
        let calls = calls.into_iter().map(|(name, json)| (name.into(), json.to_string()));
        Self::message(None, Vec::new(), calls.collect())
    }

    /// Creates a reply that calls a tool with arguments that may be invalid JSON.
    pub fn raw_call(name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self::message(None, Vec::new(), vec![(name.into(), arguments.into())])
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
    pub fn with_usage(mut self, tokens: Usage) -> Self {
        if let Content::Message { usage, .. } = &mut self.content {
            *usage = Some(tokens);
        }
        self
    }

    fn message(content: Option<String>, pieces: Vec<String>, calls: Vec<(String, String)>) -> Self {
        let content = Content::Message { content, pieces, calls, usage: None };
        Self { content, delay: Duration::ZERO, failure: None }
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
