//! Schema of files of sessions and journals.

use rusqlite::{Connection, TransactionBehavior};

use super::error::Fault;

/// Version of the schema, in `PRAGMA user_version`.
const VERSION: i64 = 3;

/// `RAAF`, in `PRAGMA application_id`.
const APPLICATION: i64 = 0x5241_4146;

const CREATE: &str = "
    CREATE TABLE messages (
        number INTEGER PRIMARY KEY,
        session TEXT NOT NULL,
        at INTEGER NOT NULL,
        message TEXT NOT NULL
    ) STRICT;
    CREATE INDEX messages_by_session ON messages (session, number);
";

/// Keys of appends that are made once: new in version 2.
const CREATE_APPENDS: &str = "
    CREATE TABLE appends (
        session TEXT NOT NULL,
        key TEXT NOT NULL,
        PRIMARY KEY (session, key)
    ) STRICT, WITHOUT ROWID;
";

/// Results of the steps of journaled runs: new in version 3.
const CREATE_STEPS: &str = "
    CREATE TABLE steps (
        name TEXT NOT NULL PRIMARY KEY,
        result TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Checks that a file has sessions in a version that is known, brings an older one up to date, and makes an
/// empty one such a file.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), Fault> {
    if versions(connection)? == (APPLICATION, VERSION) {
        return Ok(());
    }
    // Several processes may open an empty file at once: what is read here is what one of them leaves.
    let create = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let is_empty = "SELECT count(*) = 0 FROM sqlite_schema";
    let missing: &[&str] = match versions(&create)? {
        (APPLICATION, VERSION) => return Ok(()),
        (APPLICATION, 1) => &[CREATE_APPENDS, CREATE_STEPS],
        (APPLICATION, 2) => &[CREATE_STEPS],
        (APPLICATION, found) => return Err(Fault::NewerSchema { found, known: VERSION }),
        (0, 0) if create.query_row(is_empty, (), |row| row.get(0))? => {
            &[CREATE, CREATE_APPENDS, CREATE_STEPS]
        }
        _ => return Err(Fault::Foreign),
    };
    missing.iter().try_for_each(|tables| create.execute_batch(tables))?;
    create.pragma_update(None, "application_id", APPLICATION)?;
    create.pragma_update(None, "user_version", VERSION)?;
    Ok(create.commit()?)
}

/// Returns the application and the version of the schema that a file names.
fn versions(connection: &Connection) -> Result<(i64, i64), Fault> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}
