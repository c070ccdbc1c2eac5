//! Options of files of sessions and journals.

use std::{path::Path, time::Duration};

use super::{SqliteSessions, file::File};
use crate::session::SessionError;

/// Durability of appended messages after a power failure or a crash of the operating system. A process that
/// is killed loses nothing that was appended, in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SqliteDurability {
    /// All of them: each append waits for the disk (`PRAGMA synchronous = FULL`). The default.
    #[default]
    Full,
    /// The latest ones may be lost, whole appends at a time; the file stays intact (`PRAGMA
    /// synchronous = NORMAL`). Appends do not wait for the disk.
    Normal,
}

/// Options of a file of sessions and journals.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use raaf_agents::{SqliteDurability, SqliteOptions};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("sessions.db");
/// let options = SqliteOptions::new()
///     .with_busy_timeout(Duration::from_secs(30))
///     .with_durability(SqliteDurability::Normal);
/// let sessions = options.open(path).await?;
/// assert!(sessions.list().await?.is_empty());
/// # Ok::<(), raaf_agents::SessionError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "options do nothing until a file is opened with them"]
pub struct SqliteOptions {
    pub(super) busy_timeout: Duration,
    pub(super) durability: SqliteDurability,
}

impl SqliteOptions {
    /// Creates default options: 5 s to wait for a lock, and [`SqliteDurability::Full`].
    pub fn new() -> Self {
        Self { busy_timeout: Duration::from_secs(5), durability: SqliteDurability::Full }
    }

    /// Sets how long an operation waits while another process writes.
    pub fn with_busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Sets what a power failure leaves.
    pub fn with_durability(mut self, durability: SqliteDurability) -> Self {
        self.durability = durability;
        self
    }

    /// Opens a file; creates it if it is missing.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened and written, is locked for too long, is not a `SQLite` database or
    /// that of another program, or was written by a later version of this library.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<SqliteSessions, SessionError> {
        Ok(SqliteSessions { file: File::open_at(path.as_ref(), self).await? })
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}
