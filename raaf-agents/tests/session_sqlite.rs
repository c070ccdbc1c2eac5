//! Sessions in a `SQLite` file.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime},
};

use futures::FutureExt as _;
use raaf_agents::{
    Agent, CompactingSession, Message, RunConfig, Runner, ScriptedModel, Session, SessionError,
    SqliteOptions, SqliteSession, SqliteSessions, ToolCall,
};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

/// Set in the processes that a test starts: the file that they append to.
const FILE: &str = "SESSION_FILE_OF_A_CHILD";

const BATCH: usize = 5;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    (folder, path)
}

fn quick() -> SqliteOptions {
    SqliteOptions::new().with_busy_timeout(Duration::from_millis(50))
}

fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| message.text().into_owned()).collect()
}

/// Starts this test again in a process of its own, which arrives in [`child`].
fn start(test: &str, path: &Path) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(FILE, path);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// Returns the file to append to in a process that [`start`] started.
fn child() -> Option<PathBuf> {
    env::var_os(FILE).map(PathBuf::from)
}

/// Appends batches of messages that have the process and the number of the batch.
async fn append_batches(path: &Path, batches: usize, mut appended: impl FnMut(usize)) {
    let session = SqliteSession::open(path, "shared").await.unwrap();
    for batch in 0..batches {
        let text = format!("{} {batch}", std::process::id());
        session.append(vec![Message::user(text); BATCH]).await.unwrap();
        appended(batch);
    }
}

/// Checks that each batch is there as a whole and in one piece. Returns their number.
async fn whole_batches(path: &Path) -> usize {
    let session = SqliteSession::open(path, "shared").await.unwrap();
    let texts = texts(&session.load().await.unwrap());
    let (batches, rest) = texts.as_chunks::<BATCH>();
    assert!(rest.is_empty(), "torn: {rest:?}");
    for batch in batches {
        assert!(batch.iter().all(|text| *text == batch[0]), "torn: {batch:?}");
    }
    let mut different: Vec<_> = batches.iter().map(|batch| &batch[0]).collect();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), batches.len());
    batches.len()
}

#[tokio::test]
async fn a_conversation_goes_on_after_the_file_is_opened_again() {
    let (_folder, path) = folder();
    for (number, answer) in ["one", "two"].into_iter().enumerate() {
        let session = SqliteSession::open(&path, "mine").await.unwrap();
        assert_eq!(session.id(), Some("mine"));
        let agent = Agent::builder("Talker", ScriptedModel::new("scripted", [answer])).build();
        let runner = Runner::new().with_config(RunConfig::new().session(session.clone()));
        let result = runner.run(&agent, "next").await.unwrap();
        assert_eq!(result.messages.len(), 2 * (number + 1));
        assert_eq!(session.load().await.unwrap(), result.messages);
    }
}

#[tokio::test]
async fn latest_messages_and_pop_read_from_the_end() {
    let (_folder, path) = folder();
    let session = SqliteSession::open(&path, "mine").await.unwrap();
    let call = ToolCall::new("c", "search", &json!({}));
    let said = [
        Message::user("find"),
        Message::calls([call.clone()]),
        Message::tool(&call, "found"),
        Message::assistant("here"),
    ];
    session.append(said.to_vec()).await.unwrap();
    for (max, expected) in [(0, 4), (1, 3), (2, 3), (3, 1), (4, 0), (99, 0)] {
        assert_eq!(session.load_latest(max).await.unwrap(), said[expected..], "{max}");
    }
    for expected in said.iter().rev() {
        assert_eq!(session.pop().await.unwrap().as_ref(), Some(expected));
    }
    assert_eq!(session.pop().await.unwrap(), None);
}

#[tokio::test]
async fn any_text_is_an_id_and_sessions_do_not_mix() {
    let (_folder, path) = folder();
    let sessions = SqliteSessions::open(&path).await.unwrap();
    let long = "x".repeat(100_000);
    let ids = [
        "",
        " ",
        "a",
        "A",
        "a\0b",
        "a\0c",
        "'; DROP TABLE messages; --",
        "%",
        "_",
        "\"",
        "../../x",
        "🦀",
        "e\u{301}",
        "é",
        "1",
        "1.0",
        "NULL",
        "\u{202e}",
        &long,
    ];
    for id in ids {
        sessions.session(id).append(vec![Message::user(id)]).await.unwrap();
    }
    for id in ids {
        assert_eq!(texts(&sessions.session(id).load().await.unwrap()), [id]);
    }
    let listed = sessions.list().await.unwrap();
    assert!(listed.iter().map(|stored| &*stored.id).eq(ids.into_iter().rev()), "latest first");
    for stored in &listed {
        assert_eq!(stored.messages, 1);
        assert!(stored.started == stored.updated && stored.updated <= SystemTime::now());
    }
    for (at, id) in ids.iter().enumerate() {
        assert!(sessions.delete(id).await.unwrap());
        assert!(!sessions.delete(id).await.unwrap());
        assert_eq!(sessions.list().await.unwrap().len(), ids.len() - at - 1);
    }
}

#[tokio::test]
async fn two_processes_that_append_at_once_lose_nothing() {
    if let Some(path) = child() {
        return append_batches(&path, 100, |_| ()).await;
    }
    let (_folder, path) = folder();
    let test = "two_processes_that_append_at_once_lose_nothing";
    let children = [start(test, &path), start(test, &path)];
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    assert_eq!(whole_batches(&path).await, 200);
}

#[tokio::test]
async fn a_process_killed_in_the_middle_of_appends_leaves_whole_ones_and_all_that_were_acknowledged()
 {
    if let Some(path) = child() {
        return append_batches(&path, usize::MAX, |batch| println!("\nappended {batch}")).await;
    }
    let (_folder, path) = folder();
    let test = "a_process_killed_in_the_middle_of_appends_leaves_whole_ones_and_all_that_were_acknowledged";
    let mut acknowledged = 0;
    for round in 0..8 {
        let mut child = start(test, &path);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let appended = |line: &String| line.starts_with("appended ");
        let wanted = 3 * round + 1;
        acknowledged += lines.by_ref().filter(appended).take(wanted).count();
        child.kill().unwrap();
        child.wait().unwrap();
        // What the child had written before it was killed.
        acknowledged += lines.filter(appended).count();
        let stored = whole_batches(&path).await;
        assert!(
            (acknowledged..=acknowledged + round + 1).contains(&stored),
            "{acknowledged} {stored}"
        );
    }
}

#[tokio::test]
async fn a_locked_file_is_an_error_that_names_it_and_works_when_it_is_free() {
    let (_folder, path) = folder();
    let session = quick().open(&path).await.unwrap().session("mine");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = session.append(vec![Message::user("hi")]).await.unwrap_err().to_string();
    let expected = format!(
        "session store failed: SQLite file `{}` is locked by another process, after a wait of 50ms: end what \
         holds it, or set a longer `SqliteOptions::with_busy_timeout`",
        path.display()
    );
    assert_eq!(error, expected);
    other.execute_batch("ROLLBACK").unwrap();
    session.append(vec![Message::user("hi")]).await.unwrap();
    assert_eq!(session.load().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_new_file_that_is_locked_is_an_error_too() {
    let (_folder, path) = folder();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = quick().open(&path).await.unwrap_err().to_string();
    assert!(error.contains("is locked by another process"), "{error}");
}

async fn refused(path: &Path) -> String {
    let error: SessionError = quick().open(path).await.unwrap_err();
    let error = error.to_string();
    let start = format!("session store failed: SQLite file `{}` ", path.display());
    assert!(error.starts_with(&start), "{error}");
    error[start.len()..].to_owned()
}

#[tokio::test]
async fn a_newer_schema_and_foreign_files_are_refused_and_left_as_they_are() {
    let (folder, path) = folder();
    drop(SqliteSessions::open(&path).await.unwrap());
    let other = Connection::open(&path).unwrap();
    other.pragma_update(None, "user_version", 7).unwrap();
    assert_eq!(
        refused(&path).await,
        "has schema version 7, and this program reads up to 3: update the program"
    );

    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let before = fs::read(&foreign).unwrap();
    assert_eq!(
        refused(&foreign).await,
        "is the SQLite database of another program: choose another file"
    );
    assert_eq!(fs::read(&foreign).unwrap(), before);

    let text = folder.path().join("notes.txt");
    fs::write(&text, "Not a database, but long enough to have a header. ".repeat(20)).unwrap();
    let error = refused(&text).await;
    assert!(error.starts_with("is not a SQLite database: "), "{error}");
}

#[tokio::test]
async fn a_path_that_cannot_be_opened_is_named() {
    let (folder, _) = folder();
    let missing = folder.path().join("no/such/folder/sessions.db");
    for path in [folder.path(), &missing] {
        let error = refused(path).await;
        assert!(error.starts_with("cannot be opened for writing: "), "{error}");
    }
}

/// Root may write read-only files, which is then not tested.
#[cfg(unix)]
#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let (folder, path) = folder();
    let session = SqliteSession::open(&path, "a").await.unwrap();
    session.append(vec![Message::user("private")]).await.unwrap();
    let modes = fs::read_dir(folder.path()).unwrap().map(|file| {
        let file = file.unwrap();
        (file.file_name(), file.metadata().unwrap().permissions().mode() & 0o777)
    });
    let modes: Vec<_> = modes.collect();
    assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");
}

#[tokio::test]
async fn a_read_only_file_is_an_error_that_names_it() {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    let (folder, path) = folder();
    drop(SqliteSessions::open(&path).await.unwrap());
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    set(&path, 0o444);
    set(folder.path(), 0o555);
    if fs::OpenOptions::new().write(true).open(&path).is_ok() {
        println!("skipped: this user may write read-only files");
    } else {
        let error = refused(&path).await;
        assert!(error.starts_with("cannot be"), "{error}");
    }
    set(folder.path(), 0o755);
}

#[tokio::test]
async fn an_append_with_a_key_is_made_once() {
    let (_folder, path) = folder();
    let session = SqliteSession::open(&path, "a").await.unwrap();
    for _ in 0..2 {
        session.append_once("run/session/1", vec![Message::user("hello")]).await.unwrap();
    }
    let next_process = SqliteSession::open(&path, "a").await.unwrap();
    next_process.append_once("run/session/1", vec![Message::user("hello")]).await.unwrap();
    next_process.append_once("run/session/2", vec![Message::user("more")]).await.unwrap();
    assert_eq!(texts(&session.load().await.unwrap()), ["hello", "more"]);
    let other = SqliteSession::open(&path, "b").await.unwrap();
    other.append_once("run/session/1", vec![Message::user("hello")]).await.unwrap();
    assert_eq!(other.load().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_of_the_first_schema_is_brought_up_to_date() {
    let (_folder, path) = folder();
    let session = SqliteSession::open(&path, "a").await.unwrap();
    session.append(vec![Message::user("hello")]).await.unwrap();
    drop(session);
    let old = Connection::open(&path).unwrap();
    old.execute_batch("DROP TABLE appends; DROP TABLE steps; PRAGMA user_version = 1").unwrap();
    drop(old);
    let session = SqliteSession::open(&path, "a").await.unwrap();
    session.append_once("run/session/1", vec![Message::user("more")]).await.unwrap();
    assert_eq!(texts(&session.load().await.unwrap()), ["hello", "more"]);
}

#[tokio::test]
async fn histories_of_an_older_version_are_read_and_those_of_a_newer_one_are_named() {
    let (_folder, path) = folder();
    let session = SqliteSession::open(&path, "old").await.unwrap();
    let insert = |text: &str| {
        let other = Connection::open(&path).unwrap();
        let row = "INSERT INTO messages (session, at, message) VALUES ('old', 0, ?1)";
        other.execute(row, [text]).unwrap();
    };
    insert(r#"{"role":"user","content":"hello"}"#);
    insert(
        r#"{"v":2,"role":"assistant","parts":[{"type":"text","text":"hi"},{"type":"hologram","x":1}]}"#,
    );
    let messages = session.load().await.unwrap();
    assert_eq!(texts(&messages), ["hello", "hi"]);
    session.append(vec![Message::user("more")]).await.unwrap();
    assert_eq!(session.load().await.unwrap().len(), 3);

    insert(r#"{"v":99,"role":"user","parts":[]}"#);
    let expected = "has a message that cannot be read, number 4 of session \"old\": ";
    for error in [session.load().await.unwrap_err(), session.pop().await.unwrap_err()] {
        let error = error.to_string();
        assert!(error.contains(expected) && error.contains("99"), "{error}");
    }
    assert_eq!(
        Connection::open(&path)
            .unwrap()
            .query_row("SELECT count(*) FROM messages", (), |row| { row.get::<_, i64>(0) }),
        Ok(4),
        "it stays"
    );
}

#[tokio::test]
async fn a_summary_is_found_in_the_file_by_the_next_process() {
    let (_folder, path) = folder();
    let open = || async {
        let store = SqliteSession::open(&path, "long").await.unwrap();
        CompactingSession::to_messages(store, ScriptedModel::new("small", ["short"]), 4)
    };
    let session = open().await;
    for number in 0..8 {
        session.append(vec![Message::user(number.to_string())]).await.unwrap();
    }
    let loaded = session.load().await.unwrap();
    assert_eq!(loaded.len(), 3);
    assert_eq!(open().await.load().await.unwrap(), loaded);
    assert_eq!(session.id(), Some("long"));
}

#[tokio::test]
async fn an_append_that_waits_for_the_file_does_not_block_the_runtime() {
    let (_folder, path) = folder();
    let session = SqliteSession::open(&path, "mine").await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // On a runtime of one thread: an append that blocked it would wait for this lock in vain.
    let append = session.append(vec![Message::user("hi")]);
    let unlock = async { other.execute_batch("ROLLBACK").unwrap() };
    tokio::join!(append, unlock).0.unwrap();
    assert_eq!(session.load().await.unwrap().len(), 1);
}

#[test]
fn a_session_works_outside_of_a_runtime() {
    let (_folder, path) = folder();
    let work = async {
        let session = SqliteSession::open(&path, "mine").await.unwrap();
        session.append(vec![Message::user("hi")]).await.unwrap();
        assert_eq!(session.load().await.unwrap().len(), 1);
        session.clear().await.unwrap();
        assert!(session.load().await.unwrap().is_empty());
    };
    work.now_or_never().unwrap();
}
