//! In-memory session.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Session, SessionError};
use crate::conversation::Message;

/// In-memory [`Session`]. Clones share the conversation.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, MemorySession, RunConfig, Runner, ScriptedModel};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let session = MemorySession::new();
/// let runner = Runner::new().with_config(RunConfig::new().session(session.clone()));
/// let agent = Agent::builder("Talker", ScriptedModel::new("scripted", ["Hi.", "Bye."])).build();
/// runner.run(&agent, "Hello!").await?;
/// let result = runner.run(&agent, "See you!").await?;
/// assert_eq!(result.messages.len(), 4);
/// assert_eq!(session.messages().len(), 4);
/// # Ok::<(), raaf_agents::RunError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemorySession {
    stored: Arc<Mutex<Stored>>,
}

#[derive(Debug, Default)]
struct Stored {
    messages: Vec<Message>,
    /// Keys of appends that are made once.
    keys: HashSet<String>,
}

impl MemorySession {
    /// Creates an empty session.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the messages so far, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.lock().messages.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Session for MemorySession {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        Ok(self.messages())
    }

    async fn append(&self, messages: Vec<Message>) -> Result<(), SessionError> {
        self.lock().messages.extend(messages);
        Ok(())
    }

    async fn append_once(&self, key: &str, messages: Vec<Message>) -> Result<(), SessionError> {
        let mut stored = self.lock();
        if stored.keys.insert(key.to_owned()) {
            stored.messages.extend(messages);
        }
        Ok(())
    }

    async fn clear(&self) -> Result<(), SessionError> {
        *self.lock() = Stored::default();
        Ok(())
    }

    async fn pop(&self) -> Result<Option<Message>, SessionError> {
        Ok(self.lock().messages.pop())
    }
}
