//! Trimming of long conversations.

use async_trait::async_trait;

use crate::{
    agent::{Agent, ModelAction, RunHooks},
    conversation::{TokenCounter, Window},
    model::ModelRequest,
    run::RunContext,
};

/// Hook that leaves the oldest messages out of requests to the model.
///
/// A call and its results stay together. System messages, the last message of the user and the messages of
/// the last turn are sent even if they do not fit. The conversation of the run is not changed. If
/// something is left out, the agent's span has an event `hook`.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, ScriptedModel, TrimHistory};
///
/// let agent = Agent::builder("Talker", ScriptedModel::new("scripted", ["Hello."]))
///     .hooks(TrimHistory::to_tokens(8_000))
///     .build();
/// ```
#[derive(Clone, Debug)]
pub struct TrimHistory {
    window: Window,
}

impl TrimHistory {
    /// Sends at most this number of messages, besides system messages.
    pub fn to_messages(max: usize) -> Self {
        Self { window: Window::of_messages(max) }
    }

    /// Sends messages of at most this number of tokens, counted as 4 bytes each. Each image, audio clip
    /// or file counts as 1000 tokens.
    pub fn to_tokens(max: usize) -> Self {
        Self { window: Window::of_tokens(max) }
    }

    /// Sets the counter of tokens.
    #[must_use]
    pub fn with_counter(mut self, counter: impl TokenCounter + 'static) -> Self {
        self.window.set_counter(counter);
        self
    }
}

#[async_trait]
impl RunHooks for TrimHistory {
    async fn before_model(&self, _: &RunContext, _: &Agent, request: &ModelRequest) -> ModelAction {
        let kept = self.window.kept(&request.messages);
        if kept.iter().all(|kept| *kept) {
            return ModelAction::Proceed;
        }
        let mut trimmed = request.clone();
        let mut kept = kept.into_iter();
        trimmed.messages.retain(|_| kept.next().unwrap_or(true));
        ModelAction::replace_with(trimmed)
    }
}
