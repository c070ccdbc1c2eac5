//! Conversations that go on over several runs.

mod memory;

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use thiserror::Error;

use crate::model::Message;
pub use memory::MemorySession;

/// A conversation that goes on over several runs: a run begins with what is in it, and adds what was
/// said once it has an answer. A run that fails adds nothing. A run whose session fails, or is not
/// done within the run's [deadline](crate::RunConfig::deadline), fails as well.
#[async_trait]
pub trait Session: Send + Sync {
    /// What was said so far, oldest first.
    ///
    /// # Errors
    ///
    /// When the store fails.
    async fn load(&self) -> Result<Vec<Message>, SessionError>;

    /// Adds what a run said, all of it or nothing.
    ///
    /// # Errors
    ///
    /// When the store fails.
    async fn append(&self, messages: Vec<Message>) -> Result<(), SessionError>;

    /// Forgets all.
    ///
    /// # Errors
    ///
    /// When the store fails.
    async fn clear(&self) -> Result<(), SessionError>;
}

#[async_trait]
impl<S: Session + ?Sized> Session for Arc<S> {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        (**self).load().await
    }

    async fn append(&self, messages: Vec<Message>) -> Result<(), SessionError> {
        (**self).append(messages).await
    }

    async fn clear(&self) -> Result<(), SessionError> {
        (**self).clear().await
    }
}

/// A session's store failed.
#[derive(Debug, Error)]
#[error("the session's store failed")]
pub struct SessionError {
    source: Box<dyn Error + Send + Sync>,
}

impl SessionError {
    /// The store failed for that reason.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}
