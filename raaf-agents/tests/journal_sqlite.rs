//! Journals in a `SQLite` file.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "also the helpers of a test may panic")]

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use futures::FutureExt as _;
use raaf_agents::{
    FlowExt as _, Journal as _, SqliteJournal, SqliteOptions, SqliteSessions, State, StepError,
    service,
};
use rusqlite::Connection;
use serde_json::json;

/// Set in the processes that a test starts: the file of their journal.
const FILE: &str = "JOURNAL_FILE_OF_A_CHILD";
const PLACES: usize = 60;

/// Visits all places that the journal does not have, and prints each.
#[allow(clippy::print_stdout, reason = "a pipe to the test")]
async fn tour(file: &Path) -> State {
    let visit = service("Visit", |state: State| async move {
        let place: usize = state.get("place")?;
        println!("\nvisited {place}");
        Ok(state.with("visited", place))
    });
    let visit = visit.requires("place").provides("visited").each_over("places").item("place");
    let journal = SqliteJournal::open(file).await.unwrap();
    let pipeline = visit.named("Tour").build().unwrap().journaled(journal, "tour");
    pipeline.run(State::new().with("places", (0..PLACES).collect::<Vec<_>>())).await.unwrap()
}

/// Returns the places that the journal has.
async fn known(file: &Path) -> Vec<usize> {
    let journal = SqliteJournal::open(file).await.unwrap();
    let mut known = Vec::new();
    for place in 0..PLACES {
        if journal.known(&format!("tour/0.[{place}]")).await.unwrap().is_some() {
            known.push(place);
        }
    }
    known
}

#[tokio::test]
async fn a_run_whose_process_is_killed_goes_on_in_the_next_one() {
    const TEST: &str = "a_run_whose_process_is_killed_goes_on_in_the_next_one";
    if let Some(file) = env::var_os(FILE) {
        drop(tour(file.as_ref()).await);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let mut visited = 0;
    for round in 0..6 {
        let before = known(&file).await;
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", TEST, "--nocapture", "--test-threads=1"]).env(FILE, &file);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut places =
            lines.filter_map(|line| line.strip_prefix("visited ")?.parse::<usize>().ok());
        let mut now: Vec<_> = places.by_ref().take(1 + 2 * round).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        now.extend(places);
        assert!(now.iter().all(|place| !before.contains(place)), "{before:?} again: {now:?}");
        visited += now.len();
    }
    assert!(visited > 0);
    let state = tour(&file).await;
    assert_eq!(state.get::<Vec<usize>>("places_visited").unwrap(), (0..PLACES).collect::<Vec<_>>());
    assert_eq!(known(&file).await.len(), PLACES);
}

#[tokio::test]
async fn of_two_runs_at_once_the_first_result_counts_for_both() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let draws = AtomicU32::new(0);
    let (first, second) = (SqliteJournal::open(&file).await, SqliteJournal::open(&file).await);
    let draw = async |journal: SqliteJournal| {
        let work = async { Some(json!(draws.fetch_add(1, Ordering::Relaxed))) };
        journal.step("lottery/0.draw", work.boxed()).await.unwrap().unwrap()
    };
    let (one, other) = tokio::join!(draw(first.unwrap()), draw(second.unwrap()));
    assert_eq!(one, other);
}

#[tokio::test]
async fn a_run_is_removed_without_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let journal = SqliteJournal::open(&file).await.unwrap();
    for name in ["run/1", "run/1/c0", "run-2/1", "run0/1", "ru/1", "r%n/1", "a\0b/1", "a\0c/1"] {
        journal.step(name, async { Some(json!(name)) }.boxed()).await.unwrap();
    }
    assert_eq!(journal.step("run/2", async { None }.boxed()).await.unwrap(), None);
    assert!(journal.remove("run").await.unwrap());
    assert!(!journal.remove("run").await.unwrap());
    let known = async |name: &str| journal.known(name).await.unwrap();
    assert_eq!(
        (known("run/1").await, known("run/1/c0").await, known("run/2").await),
        (None, None, None)
    );
    for name in ["run-2/1", "run0/1", "ru/1", "r%n/1", "a\0b/1"] {
        assert_eq!(known(name).await, Some(json!(name)));
    }
    assert!(journal.remove("r%n").await.unwrap());
    assert!(journal.remove("a\0b").await.unwrap());
    assert_eq!(known("a\0c/1").await, Some(json!("a\0c/1")));
}

#[tokio::test]
async fn a_locked_file_is_an_error_that_names_the_step_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    let options = SqliteOptions::new().with_busy_timeout(Duration::from_millis(50));
    let journal = SqliteJournal::open_with(&file, options).await.unwrap();
    let draw = service("draw", |state: State| async { Ok(state.with("lot", 17)) });
    let lottery = draw.named("Lottery").build().unwrap().journaled(journal, "draw");
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = lottery.run(State::new()).await.unwrap_err().to_string();
    assert!(error.contains("the journal failed at step `draw/0.draw`: SQLite file `"), "{error}");
    assert!(error.contains("is locked by another process, after a wait of 50ms"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(lottery.run(State::new()).await.unwrap().get::<u32>("lot").unwrap(), 17);
}

#[tokio::test]
async fn a_result_that_is_damaged_names_file_and_step() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("runs.db");
    // A file of sessions can have a journal, too.
    SqliteSessions::open(&file).await.unwrap();
    let journal = SqliteJournal::open(&file).await.unwrap();
    let damage = "INSERT INTO steps (name, result) VALUES ('tour/0.Visit', '{\"set\":')";
    Connection::open(&file).unwrap().execute(damage, ()).unwrap();
    let pipeline = service("Visit", |state: State| async { Ok(state) }).named("Tour");
    let journaled = pipeline.build().unwrap().journaled(journal, "tour");
    let error = journaled.run(State::new()).await.unwrap_err();
    assert!(matches!(error.source, StepError::Journal { .. }));
    let expected = format!(
        "the journal failed at step `tour/0.Visit`: SQLite file `{}` has a result that cannot be read, of \
         step \"tour/0.Visit\": ",
        file.display()
    );
    assert!(error.to_string().contains(&expected), "{error}");
}
