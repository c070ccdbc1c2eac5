//! Sessions in a `SQLite` file.

mod error;
mod file;
mod options;
mod schema;

use std::{path::Path, sync::Arc};

use async_trait::async_trait;

use super::{Session, SessionError};
use crate::conversation::Message;
pub(crate) use file::File;
pub use file::StoredSession;
pub use options::{SqliteDurability, SqliteOptions};

/// `SQLite` file with conversations. Clones share its connection.
///
/// Several processes can use a file at once. If it is locked, an operation waits, by default 5 s. Each
/// [`append`](Session::append) is one transaction, so that a process that is killed leaves all of it or
/// nothing; [`SqliteDurability`] determines what a power failure leaves. The file must be on a local disk.
/// While it is open, a second file with the suffix `-wal` belongs to it. Messages are stored as JSON in
/// their versioned form. Blocking work is done on tokio's blocking threads, or on this thread outside of a
/// runtime.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, RunConfig, Runner, ScriptedModel, SqliteSessions};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("sessions.db");
/// let sessions = SqliteSessions::open(path).await?;
/// let config = RunConfig::new().session(sessions.session("customer-17"));
/// let agent = Agent::builder("Talker", ScriptedModel::new("scripted", ["Hello."])).build();
/// Runner::new().with_config(config).run(&agent, "Hi!").await?;
///
/// let stored = sessions.list().await?;
/// assert_eq!((stored[0].id.as_str(), stored[0].messages), ("customer-17", 2));
/// assert!(sessions.delete("customer-17").await?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteSessions {
    file: Arc<File>,
}

impl SqliteSessions {
    /// Opens a file with default [`SqliteOptions`]; creates it if it is missing.
    ///
    /// # Errors
    ///
    /// See [`SqliteOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SessionError> {
        SqliteOptions::new().open(path).await
    }

    /// Returns the conversation with this id, which may have no messages yet. Any string is a valid id.
    pub fn session(&self, id: impl Into<String>) -> SqliteSession {
        SqliteSession { file: self.file.clone(), id: Arc::from(id.into()) }
    }

    /// Lists the conversations that have messages, beginning with the one that was appended to last.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub async fn list(&self) -> Result<Vec<StoredSession>, SessionError> {
        self.file.run(File::list).await
    }

    /// Deletes a conversation, and returns whether it had messages.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub async fn delete(&self, id: &str) -> Result<bool, SessionError> {
        let id = id.to_owned();
        self.file.run(move |file| file.clear(&id)).await
    }
}

/// [`Session`] in a `SQLite` file; see [`SqliteSessions`]. Clones share the conversation.
#[derive(Clone, Debug)]
pub struct SqliteSession {
    file: Arc<File>,
    id: Arc<str>,
}

impl SqliteSession {
    /// Opens the conversation with an id in a file; creates the file if it is missing.
    ///
    /// # Errors
    ///
    /// See [`SqliteOptions::open`].
    pub async fn open(path: impl AsRef<Path>, id: impl Into<String>) -> Result<Self, SessionError> {
        Ok(SqliteSessions::open(path).await?.session(id))
    }
}

#[async_trait]
impl Session for SqliteSession {
    async fn load(&self) -> Result<Vec<Message>, SessionError> {
        let id = self.id.clone();
        self.file.run(move |file| file.load(&id, usize::MAX)).await
    }

    async fn append(&self, messages: Vec<Message>) -> Result<(), SessionError> {
        let id = self.id.clone();
        self.file.run(move |file| file.append(&id, None, &messages)).await
    }

    async fn append_once(&self, key: &str, messages: Vec<Message>) -> Result<(), SessionError> {
        let (id, key) = (self.id.clone(), key.to_owned());
        self.file.run(move |file| file.append(&id, Some(&key), &messages)).await
    }

    async fn clear(&self) -> Result<(), SessionError> {
        let id = self.id.clone();
        self.file.run(move |file| file.clear(&id)).await.map(drop)
    }

    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }

    async fn load_latest(&self, max: usize) -> Result<Vec<Message>, SessionError> {
        let id = self.id.clone();
        self.file.run(move |file| file.load(&id, max)).await
    }

    async fn pop(&self) -> Result<Option<Message>, SessionError> {
        let id = self.id.clone();
        self.file.run(move |file| file.pop(&id)).await
    }
}
