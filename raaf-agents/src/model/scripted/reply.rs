//! What a script says.

use std::time::Duration;

use serde_json::Value as Json;

use crate::model::{ModelError, Usage};

/// What a [`ScriptedModel`](crate::ScriptedModel) says at one call.
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
    pub(super) said: Said,
    /// Before anything is said.
    pub(super) delay: Duration,
    /// After all is said.
    pub(super) failure: Option<ModelError>,
}

#[derive(Clone, Debug)]
pub(super) enum Said {
    Nothing,
    Message {
        content: Option<String>,
        /// The words, in pieces as they are to be streamed; empty if that does not matter.
        pieces: Vec<String>,
        calls: Vec<(String, String)>,
        usage: Option<Usage>,
    },
}

impl Reply {
    /// It says this.
    pub fn text(content: impl Into<String>) -> Self {
        Self::message(Some(content.into()), Vec::new(), Vec::new())
    }

    /// It says this; streamed, in these pieces.
    pub fn chunks<S: Into<String>>(pieces: impl IntoIterator<Item = S>) -> Self {
        let pieces = pieces.into_iter().map(Into::into).collect();
        Self::message(Some(String::new()), pieces, Vec::new())
    }

    /// It wants this tool called.
    pub fn call(name: impl Into<String>, arguments: Json) -> Self {
        Self::calls([(name, arguments)])
    }

    /// It wants these tools called, all in one turn.
    pub fn calls<N: Into<String>>(calls: impl IntoIterator<Item = (N, Json)>) -> Self {
        let calls = calls.into_iter().map(|(name, json)| (name.into(), json.to_string()));
        Self::message(None, Vec::new(), calls.collect())
    }

    /// It wants this tool called, with arguments that need not be JSON: as a model at fault does.
    pub fn raw_call(name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self::message(None, Vec::new(), vec![(name.into(), arguments.into())])
    }

    /// It fails.
    pub fn error(error: ModelError) -> Self {
        Self { said: Said::Nothing, delay: Duration::ZERO, failure: Some(error) }
    }

    /// The same, so much later. Waiting needs a tokio runtime with time enabled.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same, and then it fails: streamed, after the last of its words and calls; else at once.
    #[must_use]
    pub fn then_error(mut self, error: ModelError) -> Self {
        self.failure = Some(error);
        self
    }

    /// The same, using so many tokens instead of a token a word. A failure uses none.
    #[must_use]
    pub fn with_usage(mut self, tokens: Usage) -> Self {
        if let Said::Message { usage, .. } = &mut self.said {
            *usage = Some(tokens);
        }
        self
    }

    fn message(content: Option<String>, pieces: Vec<String>, calls: Vec<(String, String)>) -> Self {
        let said = Said::Message { content, pieces, calls, usage: None };
        Self { said, delay: Duration::ZERO, failure: None }
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
