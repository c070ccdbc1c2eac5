//! Journal in a `SQLite` file.

use std::{error::Error, path::Path, sync::Arc};

use async_trait::async_trait;
use futures::future::BoxFuture;
use serde_json::Value as Json;

use super::Journal;
use crate::session::{
    SessionError,
    sqlite::{File, SqliteOptions},
};

type BoxError = Box<dyn Error + Send + Sync>;

/// [`Journal`] in a `SQLite` file, for runs that go on after their process was killed. Clones share the
/// connection.
///
/// The file can be that of [`SqliteSessions`](crate::SqliteSessions), and what is said there holds. A result
/// is on the disk before the run goes on, unless the [options](Self::open_with) are others. If two processes
/// run the same run at once, the first result of a step counts for both; the step itself may run twice, so
/// let only one process take a run.
///
/// # Examples
///
/// ```
/// use raaf_agents::{FlowExt as _, SqliteJournal, State, service};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("runs.db");
/// let journal = SqliteJournal::open(path).await?;
/// let draw = service("draw", |state: State| async { Ok(state.with("lot", 17)) });
/// let pipeline = draw.named("Lottery").build()?.journaled(journal.clone(), "draw-1");
///
/// // In the next process, this takes the lot from the file.
/// let state = pipeline.run(State::new()).await?;
/// assert_eq!(state.get::<i64>("lot")?, 17);
///
/// // Once nobody will ask for the run again:
/// assert!(journal.remove("draw-1").await?);
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteJournal {
    file: Arc<File>,
}

impl SqliteJournal {
    /// Opens a file with default [`SqliteOptions`]; creates it if it is missing.
    ///
    /// # Errors
    ///
    /// See [`SqliteOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, BoxError> {
        Self::open_with(path, SqliteOptions::new()).await
    }

    /// Opens a file; creates it if it is missing.
    ///
    /// # Errors
    ///
    /// See [`SqliteOptions::open`].
    pub async fn open_with(
        path: impl AsRef<Path>,
        options: SqliteOptions,
    ) -> Result<Self, BoxError> {
        let file = File::open_at(path.as_ref(), options).await;
        Ok(Self { file: file.map_err(SessionError::into_cause)? })
    }

    /// Removes the results of the run with this id, and returns whether there were any. Those of ids that begin
    /// with this one and `/` are removed, too.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub async fn remove(&self, id: &str) -> Result<bool, BoxError> {
        let id = id.to_owned();
        let removed = self.file.run(move |file| file.remove_steps(&id)).await;
        Ok(removed.map_err(SessionError::into_cause)? > 0)
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn step(
        &self,
        name: &str,
        work: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, BoxError> {
        let known = self.known(name).await?;
        if known.is_some() {
            return Ok(known);
        }
        let Some(result) = work.await else { return Ok(None) };
        let (name, kept) = (name.to_owned(), result.clone());
        let other = self.file.run(move |file| file.add_step(&name, &kept)).await;
        Ok(Some(other.map_err(SessionError::into_cause)?.unwrap_or(result)))
    }

    async fn known(&self, name: &str) -> Result<Option<Json>, BoxError> {
        let name = name.to_owned();
        self.file.run(move |file| file.step(&name)).await.map_err(SessionError::into_cause)
    }
}
