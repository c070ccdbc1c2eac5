//! The worker that runs until it is told to go, stopped as a supervisor stops it.

#![cfg(unix)]

use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    io::{BufRead as _, BufReader, Lines},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use raaf_testkit::read;
use raaf_trace_core::attributes::ValueRef;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);
/// Default signal of `kill`.
const SIGTERM: i32 = 15;

/// A worker in its endless form, ended with the test.
struct Worker {
    child: Child,
    says: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    fn start(traces: &Path, variables: &[(&str, &str)]) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(program());
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("RAAF_") {
                command.env_remove(variable);
            }
        }
        command.arg("forever").env("RAAF_TRACE_CONSOLE", "false").env("RAAF_TRACE_FILE", traces);
        let mut child = command.envs(variables.iter().copied()).stdout(Stdio::piped()).spawn()?;
        let says = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        Ok(Self { child, says })
    }

    /// Sends it the signal that asks it to end.
    fn terminate(&self) -> Result<(), Box<dyn Error>> {
        let status = Command::new("kill").arg(self.child.id().to_string()).status()?;
        if status.success() { Ok(()) } else { Err("it cannot be told to end".into()) }
    }

    /// The numbers of jobs that it calls done, from now until it ends or there were so many.
    fn done(&mut self, at_most: usize) -> Result<BTreeSet<i64>, Box<dyn Error>> {
        let mut done = BTreeSet::new();
        for line in self.says.by_ref().take(at_most) {
            let line = line?;
            let number = line.strip_prefix("job ").and_then(|rest| rest.strip_suffix(" is done"));
            done.insert(number.ok_or_else(|| line.clone())?.parse()?);
        }
        Ok(done)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program that was built beside this test.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let profile = test.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    let program = profile.join("examples").join("long_running_worker");
    assert!(
        program.exists(),
        "`cargo test` builds examples; `--test` alone does not: {}",
        program.display()
    );
    program
}

/// The numbers of the jobs whose spans are in the file, each once.
fn traced(path: &Path) -> Result<BTreeSet<i64>, Box<dyn Error>> {
    let file = read::file(path)?;
    assert_eq!(file.faults(), &[]);
    let mut jobs = BTreeSet::new();
    for span in file.as_written().iter().filter(|span| span.kind().as_str() == "job") {
        let number = span.attributes().get("number").and_then(ValueRef::as_i64);
        assert!(jobs.insert(number.ok_or("a job without a number")?), "twice: {number:?}");
    }
    Ok(jobs)
}

#[test]
fn d2_sigterm_ends_a_worker_with_every_finished_job_delivered() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let traces = directory.path().join("jobs.jsonl");
    // Nothing but the signal delivers the last ones: batches never fill, and none is due.
    let never = [("RAAF_TRACE_FLUSH_INTERVAL", "3600"), ("RAAF_TRACE_BATCH_SIZE", "100000")];
    let room = ("RAAF_TRACE_MAX_SPANS", "1000000");
    let mut worker = Worker::start(&traces, &[never[0], never[1], room])?;
    let mut done = worker.done(20)?;
    assert_eq!(done.len(), 20);
    assert_eq!(fs::metadata(&traces).map_or(0, |file| file.len()), 0, "nothing was due");
    worker.terminate()?;
    done.extend(worker.done(usize::MAX)?);
    let status = worker.child.wait()?;
    assert_eq!(status.signal(), Some(SIGTERM), "{status}");
    let delivered = traced(&traces)?;
    let lost: Vec<_> = done.difference(&delivered).collect();
    assert!(lost.is_empty(), "called done, but in no trace: {lost:?}");
    assert!(delivered.len() <= done.len() + 1, "one may be traced that was not yet called done");
    Ok(())
}

#[test]
fn d5_spans_of_a_worker_leave_without_a_call() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let traces = directory.path().join("jobs.jsonl");
    let often = [("RAAF_TRACE_FLUSH_INTERVAL", "0.01"), ("RAAF_TRACE_BATCH_SIZE", "100000")];
    let room = ("RAAF_TRACE_MAX_SPANS", "1000000");
    let mut worker = Worker::start(&traces, &[often[0], often[1], room])?;
    worker.done(1)?;
    let start = Instant::now();
    while fs::read_to_string(&traces).map_or(0, |written| written.lines().count()) < 10 {
        assert_eq!(worker.child.try_wait()?, None, "it goes on");
        assert!(start.elapsed() < LONG, "nothing leaves");
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
