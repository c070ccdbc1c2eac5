//! Errors of files of sessions and journals, with the file and what is wrong with it.

use std::path::Path;

use rusqlite::{Error, ErrorCode};
use thiserror::Error as ThisError;

use super::SqliteOptions;
use crate::session::SessionError;

#[derive(Debug, ThisError)]
pub(crate) enum Fault {
    #[error(transparent)]
    Sqlite(#[from] Error),
    #[error("has schema version {found}, and this program reads up to {known}: update the program")]
    NewerSchema { found: i64, known: i64 },
    #[error("is the SQLite database of another program: choose another file")]
    Foreign,
    #[error("has a message that cannot be read, number {number} of session {session:?}")]
    Unreadable { session: String, number: i64, source: serde_json::Error },
    #[error("has a result that cannot be read, of step {step:?}")]
    UnreadableStep { step: String, source: serde_json::Error },
    #[error("was not given a message that can be stored")]
    Unwritable { source: serde_json::Error },
}

impl Fault {
    pub(super) fn at(&self, path: &Path, options: &SqliteOptions) -> SessionError {
        SessionError::new(format!("SQLite file `{}` {}", path.display(), self.what(options)))
    }

    fn what(&self, options: &SqliteOptions) -> String {
        let error = match self {
            Self::Sqlite(error) => error,
            Self::Unreadable { source, .. }
            | Self::UnreadableStep { source, .. }
            | Self::Unwritable { source } => {
                return format!("{self}: {source}");
            }
            other => return other.to_string(),
        };
        let what = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                let waited = options.busy_timeout;
                return format!(
                    "is locked by another process, after a wait of {waited:?}: end what holds it, or set a \
                     longer `SqliteOptions::with_busy_timeout`"
                );
            }
            Some(ErrorCode::DiskFull) => "cannot grow, because the disk is full",
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => "cannot be written",
            Some(ErrorCode::CannotOpen) => "cannot be opened for writing",
            Some(ErrorCode::NotADatabase) => "is not a SQLite database",
            Some(ErrorCode::DatabaseCorrupt) => "is damaged",
            _ => "failed",
        };
        format!("{what}: {error}")
    }
}
