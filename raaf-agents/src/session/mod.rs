//! Sessions: conversations over several runs.

mod compacting;
mod memory;
mod policy;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod window;

use std::{error::Error, fmt, sync::Arc};

use async_trait::async_trait;

use crate::{
    conversation::{Message, Role},
    errors::behind,
    model::ModelCall,
};
pub use compacting::CompactingSession;
pub use memory::MemorySession;
pub use policy::SessionPolicy;
pub use window::WindowSession;

/// Store of a conversation over several runs; see [`RunConfig::session`](crate::RunConfig::session).
///
/// A run starts with the stored messages. It appends its own when the tool calls of a turn have results,
/// and when it has an answer; each message is appended once. If a run fails or is dropped, the session
/// therefore has the work of its tools: the messages up to the last result of a tool, with a result for
/// each call, and nothing if no tool was called. [`SessionPolicy`] changes that. If a session fails, or
/// exceeds the run's [deadline](crate::RunConfig::deadline), the run fails.
///
/// If a run is dropped while tools or an append are under way, the append is made or completed as the run
/// is dropped if the store saves at once, and otherwise in a task of the tokio runtime; outside of a
/// runtime it is lost. Calls without a result get one that states that the run was dropped.
#[async_trait]
pub trait Session: Send + Sync {
    /// Returns the messages so far, oldest first.
    ///
    /// # Errors
    ///
    /// If the store fails.
    async fn load(&self) -> Result<Vec<Message>, SessionError>;

    /// Returns the messages as [`load`](Self::load) does, and adds the model calls that this took to
    /// `calls`. A run loads its session by this method, and counts the calls in its usage, its cost and
    /// its [limits](crate::Limits). By default, loading takes no call; a session that wraps another one
    /// forwards the method.
    ///
    /// # Errors
    ///
    /// If the store fails. The calls so far are added nevertheless.
    async fn load_with_calls(
        &self,
        calls: &mut Vec<ModelCall>,
    ) -> Result<Vec<Message>, SessionError> {
        let _ = calls;
        self.load().await
    }

    /// Appends messages of a run: all of them or none. The run does not drop the future before it is
    /// ready. Only a run that fails and has a deadline, or that was cancelled, stops waiting after 5 s.
    ///
    /// # Errors
    ///
    /// If the store fails.
    async fn append(&self, messages: Vec<Message>) -> Result<(), SessionError>;

    /// Appends messages as [`append`](Self::append) does, unless messages were appended under this key
    /// before. A [journaled](crate::Journal) run uses this method, because it may repeat an append of
    /// which the journal has no record. The default does not store keys, and appends repeated messages
    /// again. A session that wraps another one forwards the method.
    ///
    /// # Errors
    ///
    /// If the store fails.
    async fn append_once(&self, key: &str, messages: Vec<Message>) -> Result<(), SessionError> {
        let _ = key;
        self.append(messages).await
    }

    /// Removes all messages.
    ///
    /// # Errors
    ///
    /// If the store fails.
    async fn clear(&self) -> Result<(), SessionError>;

    /// Returns the id of the conversation within its store; by default `None`.
    fn id(&self) -> Option<&str> {
        None
    }

    /// Returns the latest messages, at most `max`, oldest first. They do not begin with results of tools
    /// whose calls are older. By default, all messages are loaded.
    ///
    /// # Errors
    ///
    /// If the store fails.
    async fn load_latest(&self, max: usize) -> Result<Vec<Message>, SessionError> {
        let messages = self.load().await?;
        let older = messages.len().saturating_sub(max);
        Ok(without_open_results(messages.into_iter().skip(older)))
    }

    /// Removes the last message, and returns it. A call whose result was removed gets one in the next
    /// run, which states that it was lost.
    ///
    /// ```
    /// use raaf_agents::{Message, MemorySession, Role, Session};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let session = MemorySession::new();
    /// session.append(vec![Message::user("2 + 3?"), Message::assistant("5")]).await?;
    ///
    /// // Take the last question back, with all that followed.
    /// while let Some(message) = session.pop().await? {
    ///     if message.role == Role::User {
    ///         break;
    ///     }
    /// }
    /// assert!(session.messages().is_empty());
    /// # Ok::<(), raaf_agents::SessionError>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the store fails, and by default: removing a message by [`clear`](Self::clear) and
    /// [`append`](Self::append) would lose the conversation if the second one failed.
    async fn pop(&self) -> Result<Option<Message>, SessionError> {
        Err(SessionError::new("it does not remove single messages: implement `Session::pop`"))
    }
}

/// Removes the results at the beginning, whose calls are missing.
fn without_open_results(messages: impl IntoIterator<Item = Message>) -> Vec<Message> {
    messages.into_iter().skip_while(|message| message.role == Role::Tool).collect()
}

#[async_trait]
impl<S: Session + ?Sized> Session for Arc<S> {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        (**self).load().await
    }

    async fn load_with_calls(
        &self,
        calls: &mut Vec<ModelCall>,
    ) -> Result<Vec<Message>, SessionError> {
        (**self).load_with_calls(calls).await
    }

    async fn append(&self, messages: Vec<Message>) -> Result<(), SessionError> {
        (**self).append(messages).await
    }

    async fn append_once(&self, key: &str, messages: Vec<Message>) -> Result<(), SessionError> {
        (**self).append_once(key, messages).await
    }

    async fn clear(&self) -> Result<(), SessionError> {
        (**self).clear().await
    }

    fn id(&self) -> Option<&str> {
        (**self).id()
    }

    async fn load_latest(&self, max: usize) -> Result<Vec<Message>, SessionError> {
        (**self).load_latest(max).await
    }

    async fn pop(&self) -> Result<Option<Message>, SessionError> {
        (**self).pop().await
    }
}

/// Failure of a [`Session`]'s store.
///
/// Its text contains that of its cause, and [`Error::source`] returns the source of the cause.
#[derive(Debug)]
pub struct SessionError {
    cause: Box<dyn Error + Send + Sync>,
}

impl SessionError {
    /// Creates an error from its cause.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into() }
    }

    /// Returns the cause, without the text of this.
    #[cfg(feature = "sqlite")]
    pub(crate) fn into_cause(self) -> Box<dyn Error + Send + Sync> {
        self.cause
    }

    /// Returns the cause.
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.cause
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session store failed: {}", self.cause)
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        behind(&*self.cause)
    }
}
