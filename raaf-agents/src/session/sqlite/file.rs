//! Connection to a file of sessions and journals.

use std::{
    fs::OpenOptions,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, TransactionBehavior, params};
use serde_json::Value as Json;
use tokio::runtime::Handle;

use super::{SqliteDurability, SqliteOptions, error::Fault, schema};
use crate::{
    conversation::Message,
    session::{SessionError, without_open_results},
};

/// Pause between attempts to switch the journal, for which `SQLite` does not wait itself.
const RETRY: Duration = Duration::from_millis(10);

/// Conversation in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredSession {
    /// The id.
    pub id: String,
    /// Number of messages.
    pub messages: usize,
    /// Time at which the oldest message was appended.
    pub started: SystemTime,
    /// Time at which the latest message was appended.
    pub updated: SystemTime,
}

/// Open file. Its operations block.
#[derive(Debug)]
pub(crate) struct File {
    path: PathBuf,
    options: SqliteOptions,
    connection: Mutex<Connection>,
}

impl File {
    /// Opens a file where that may block.
    pub(crate) async fn open_at(
        path: &Path,
        options: SqliteOptions,
    ) -> Result<Arc<Self>, SessionError> {
        let path = path.to_owned();
        blocking(move || Self::open(path, options)).await.map(Arc::new)
    }

    fn open(path: PathBuf, options: SqliteOptions) -> Result<Self, SessionError> {
        match connect(&path, options) {
            Ok(connection) => Ok(Self { path, options, connection: Mutex::new(connection) }),
            Err(fault) => Err(fault.at(&path, &options)),
        }
    }

    /// Runs an operation where it may block.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, SessionError> {
        let file = self.clone();
        blocking(move || work(&file).map_err(|fault| fault.at(&file.path, &file.options))).await
    }

    pub(super) fn load(&self, session: &str, max: usize) -> Result<Vec<Message>, Fault> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        self.with(|connection| {
            let mut select = connection.prepare(
                "SELECT number, message FROM messages WHERE session = ?1 ORDER BY number DESC LIMIT ?2",
            )?;
            let rows = select.query_map(params![session, max], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let mut rows: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
            rows.reverse();
            let messages = rows.iter().map(|(number, text)| parse(session, *number, text));
            let messages: Vec<_> = messages.collect::<Result<_, _>>()?;
            // The whole conversation may begin with the results of calls that the input brings.
            Ok(if max == i64::MAX { messages } else { without_open_results(messages) })
        })
    }

    pub(super) fn append(
        &self,
        session: &str,
        key: Option<&str>,
        messages: &[Message],
    ) -> Result<(), Fault> {
        let texts = messages.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        let texts = texts.map_err(|source| Fault::Unwritable { source })?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        self.with(|connection| {
            let append = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if let Some(key) = key {
                let add = "INSERT OR IGNORE INTO appends (session, key) VALUES (?1, ?2)";
                if append.execute(add, [session, key])? == 0 {
                    return Ok(());
                }
            }
            {
                let mut insert = append
                    .prepare("INSERT INTO messages (session, at, message) VALUES (?1, ?2, ?3)")?;
                for text in &texts {
                    insert.execute(params![session, now, text])?;
                }
            }
            Ok(append.commit()?)
        })
    }

    pub(super) fn pop(&self, session: &str) -> Result<Option<Message>, Fault> {
        self.with(|connection| {
            // A message that cannot be read stays.
            let pop = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let last = pop.query_row(
                "DELETE FROM messages WHERE number = (SELECT max(number) FROM messages WHERE session = ?1)
                 RETURNING number, message",
                [session],
                |row| Ok((row.get(0)?, row.get::<_, String>(1)?)),
            );
            let last = last.optional()?;
            let message = last.map(|(number, text)| parse(session, number, &text)).transpose()?;
            pop.commit()?;
            Ok(message)
        })
    }

    /// Removes the messages of a session, and returns whether there were any.
    pub(super) fn clear(&self, session: &str) -> Result<bool, Fault> {
        self.with(|connection| {
            let clear = connection.transaction()?;
            let removed = clear.execute("DELETE FROM messages WHERE session = ?1", [session])?;
            clear.execute("DELETE FROM appends WHERE session = ?1", [session])?;
            clear.commit()?;
            Ok(removed > 0)
        })
    }

    pub(super) fn list(&self) -> Result<Vec<StoredSession>, Fault> {
        self.with(|connection| {
            let mut select = connection.prepare(
                "SELECT session, count(*), min(at), max(at) FROM messages GROUP BY session
                 ORDER BY max(number) DESC",
            )?;
            let rows = select.query_map((), |row| {
                let time =
                    |at: i64| UNIX_EPOCH + Duration::from_millis(at.try_into().unwrap_or_default());
                Ok(StoredSession {
                    id: row.get(0)?,
                    messages: row.get::<_, u32>(1)? as usize,
                    started: time(row.get(2)?),
                    updated: time(row.get(3)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Returns the result of a journaled step.
    pub(crate) fn step(&self, name: &str) -> Result<Option<Json>, Fault> {
        self.with(|connection| step(connection, name))
    }

    /// Stores the result of a step, unless it has one. Returns the one that it has.
    pub(crate) fn add_step(&self, name: &str, result: &Json) -> Result<Option<Json>, Fault> {
        self.with(|connection| {
            let add = "INSERT OR IGNORE INTO steps (name, result) VALUES (?1, ?2)";
            match connection.execute(add, params![name, result.to_string()])? {
                0 => step(connection, name),
                _ => Ok(None),
            }
        })
    }

    /// Removes the steps of a run, whose names begin with its id and a slash, and returns their number.
    pub(crate) fn remove_steps(&self, run: &str) -> Result<usize, Fault> {
        // `0` follows the slash. The functions of SQLite for strings end at a null character.
        let range = [format!("{run}/"), format!("{run}0")];
        self.with(|connection| {
            Ok(connection.execute("DELETE FROM steps WHERE name >= ?1 AND name < ?2", range)?)
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        // A transaction of an operation that panicked was rolled back.
        work(&mut self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn connect(path: &Path, options: SqliteOptions) -> Result<Connection, Fault> {
    create(path);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(options.busy_timeout)?;
    schema::prepare(&mut connection)?;
    let given_up = Instant::now() + options.busy_timeout;
    while let Err(error) = connection.pragma_update(None, "journal_mode", "WAL") {
        let is_busy = error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
        if !is_busy || Instant::now() >= given_up {
            return Err(error.into());
        }
        thread::sleep(RETRY);
    }
    let synchronous = match options.durability {
        SqliteDurability::Full => "FULL",
        SqliteDurability::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    Ok(connection)
}

/// Creates a file that only its owner can read, unless there is one. The files that `SQLite` puts beside it
/// get its permissions.
fn create(path: &Path) {
    let text = path.to_string_lossy();
    if text == ":memory:" || text.starts_with("file:") {
        return;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // `SQLite` reports what is wrong with the path.
    let _ = options.open(path);
}

fn step(connection: &Connection, name: &str) -> Result<Option<Json>, Fault> {
    let select = "SELECT result FROM steps WHERE name = ?1";
    let text = connection.query_row(select, [name], |row| row.get::<_, String>(0)).optional()?;
    let result = text.map(|text| serde_json::from_str(&text)).transpose();
    result.map_err(|source| Fault::UnreadableStep { step: name.to_owned(), source })
}

fn parse(session: &str, number: i64, text: &str) -> Result<Message, Fault> {
    serde_json::from_str(text).map_err(|source| {
        let session = session.to_owned();
        Fault::Unreadable { session, number, source }
    })
}

/// Runs blocking work on a thread for it, or on this one outside of a runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SessionError> + Send + 'static,
) -> Result<T, SessionError> {
    let Ok(runtime) = Handle::try_current() else { return work() };
    let ended = runtime.spawn_blocking(work).await;
    ended.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => Err(SessionError::new(error)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file_and_nothing_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.db");
        let file = File::open(path.clone(), SqliteOptions::new()).unwrap();
        file.append("s", None, &[Message::user("small")]).unwrap();
        // SQLite reports the end of this limit in the way in which it reports a full disk.
        let limit = |pages: i64| {
            let set = |connection: &mut Connection| {
                Ok(connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?)
            };
            file.with(set).unwrap();
        };
        limit(8);
        let large = [Message::user("small"), Message::user("x".repeat(100_000))];
        let error =
            file.append("s", None, &large).unwrap_err().at(&file.path, &file.options).to_string();
        let expected = format!(
            "session store failed: SQLite file `{}` cannot grow, because the disk is full: ",
            path.display()
        );
        assert!(error.starts_with(&expected), "{error}");
        assert_eq!(file.load("s", usize::MAX).unwrap().len(), 1);
        limit(1_000_000);
        file.append("s", None, &large).unwrap();
        assert_eq!(file.load("s", usize::MAX).unwrap().len(), 3);
    }

    #[test]
    fn each_append_waits_for_the_disk_unless_told_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        for (durability, expected) in [(SqliteDurability::Full, 2), (SqliteDurability::Normal, 1)] {
            let options = SqliteOptions::new().with_durability(durability);
            let file = File::open(folder.path().join("sessions.db"), options).unwrap();
            let setting = |connection: &mut Connection| {
                Ok(connection
                    .pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0))?)
            };
            assert_eq!(file.with(setting).unwrap(), expected);
        }
    }
}
