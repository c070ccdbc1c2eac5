//! Sessions: conversations over several runs.

mod memory;

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use thiserror::Error;

use crate::model::Message;
pub use memory::MemorySession;

/// Store of a conversation over several runs; see [`RunConfig::session`](crate::RunConfig::session).
///
/// A run starts with the stored messages and appends its own when it has an answer; a run that fails
/// appends nothing. A session that fails, or exceeds the run's
/// [deadline](crate::RunConfig::deadline), fails the run.
#[async_trait]
pub trait Session: Send + Sync {
    /// Returns the messages so far, oldest first.
    ///
    /// # Errors
    ///
    /// If the store fails.
    async fn load(&self) -> Result<Vec<Message>, SessionError>;

    /// Appends the messages of a run: all of them or none.
    ///
    /// # Errors
    ///
    /// If the store fails.
    async fn append(&self, messages: Vec<Message>) -> Result<(), SessionError>;

    /// Removes all messages.
    ///
    /// # Errors
    ///
    /// If the store fails.
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

/// Failure of a [`Session`]'s store.
#[derive(Debug, Error)]
#[error("session store failed")]
pub struct SessionError {
    source: Box<dyn Error + Send + Sync>,
}

impl SessionError {
    /// Creates an error from its cause.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}
