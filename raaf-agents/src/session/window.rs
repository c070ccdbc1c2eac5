//! Sessions that pass only their latest part to runs.

use async_trait::async_trait;
use raaf_trace_core::{current_span, keys};

use super::{Session, SessionError};
use crate::{
    conversation::{Message, TokenCounter, Window},
    model::ModelCall,
};

/// [`Session`] that passes only its latest messages to runs. The store keeps all of them.
///
/// A call and its results stay together. System messages, the last message of the user and the messages
/// of the last turn are loaded even if they do not fit. If something is left out, the span around the
/// load has an event `conversation.windowed` with the numbers of messages that were left out and kept.
/// To limit what a run adds, too, use [`TrimHistory`](crate::TrimHistory).
///
/// # Examples
///
/// ```
/// use raaf_agents::{MemorySession, RunConfig, WindowSession};
///
/// let session = WindowSession::to_tokens(MemorySession::new(), 8_000);
/// let config = RunConfig::new().session(session);
/// ```
#[derive(Clone, Debug)]
pub struct WindowSession<S> {
    session: S,
    window: Window,
}

impl<S: Session> WindowSession<S> {
    /// Loads at most this number of messages, besides system messages.
    pub fn to_messages(session: S, max: usize) -> Self {
        Self { session, window: Window::of_messages(max) }
    }

    /// Loads messages of at most this number of tokens, counted as 4 bytes each. Each
    /// image, audio clip or file counts as 1000 tokens.
    pub fn to_tokens(session: S, max: usize) -> Self {
        Self { session, window: Window::of_tokens(max) }
    }

    /// Sets the counter of tokens.
    #[must_use]
    pub fn with_counter(mut self, counter: impl TokenCounter + 'static) -> Self {
        self.window.set_counter(counter);
        self
    }
}

#[async_trait]
impl<S: Session> Session for WindowSession<S> {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        self.load_with_calls(&mut Vec::new()).await
    }

    async fn load_with_calls(
        &self,
        calls: &mut Vec<ModelCall>,
    ) -> Result<Vec<Message>, SessionError> {
        let messages = self.session.load_with_calls(calls).await?;
        let kept = self.window.kept(&messages);
        let left_out = kept.iter().filter(|kept| !**kept).count();
        let messages = messages.into_iter().zip(kept).filter(|(_, kept)| *kept);
        let messages: Vec<_> = messages.map(|(message, _)| message).collect();
        record_left_out("conversation.windowed", left_out, messages.len());
        Ok(messages)
    }

    async fn append(&self, messages: Vec<Message>) -> Result<(), SessionError> {
        self.session.append(messages).await
    }

    async fn append_once(&self, key: &str, messages: Vec<Message>) -> Result<(), SessionError> {
        self.session.append_once(key, messages).await
    }

    async fn clear(&self) -> Result<(), SessionError> {
        self.session.clear().await
    }

    fn id(&self) -> Option<&str> {
        self.session.id()
    }

    async fn pop(&self) -> Result<Option<Message>, SessionError> {
        self.session.pop().await
    }
}

/// Records in the current span that the run does not receive all messages of its session.
pub(super) fn record_left_out(event: &'static str, left_out: usize, kept: usize) {
    if let Some(span) = current_span().filter(|_| left_out > 0) {
        span.add_event(event, |attributes| {
            attributes
                .set(keys::CONVERSATION_MESSAGES_LEFT_OUT, left_out)
                .set(keys::CONVERSATION_MESSAGES_KEPT, kept);
        });
    }
}
