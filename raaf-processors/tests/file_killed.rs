//! Programs that are killed while they write.

#![cfg(all(feature = "file", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::naive_bytecount,
    clippy::similar_names,
    reason = "only tests are here"
)]

mod program;

use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    path::Path,
    process::{Child, Stdio},
    thread,
    time::Instant,
};

use program::{LONG, is_inside, program};
use raaf_processors::{
    FileSink,
    read::{LineFault, ReadError, TraceReader, TreeProblem},
};
use raaf_trace_core::{TracerProvider, sink::BatchConfig};

const KILLS: usize = 15;
const NAME: &str = "killed.jsonl";

/// Kills the program, which otherwise ran on.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(test: &str, directory: &Path) -> Killed {
    let child = program(test, directory).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Killed(child.unwrap())
}

/// Waits until the program has written so much, in all of its files.
fn wait_for(bytes: u64, directory: &Path, program: &mut Killed) {
    let written = || {
        let files = fs::read_dir(directory).unwrap();
        // A file may get another name in between.
        files.filter_map(|file| Some(file.ok()?.metadata().ok()?.len())).sum::<u64>()
    };
    while written() < bytes {
        assert!(program.0.try_wait().unwrap().is_none(), "the program ended by itself");
        thread::yield_now();
    }
}

/// Writes spans from several threads until it is killed.
fn write_for_ever(sink: FileSink) {
    let batch = BatchConfig::default().with_max_spans(500).with_batch_size(100);
    let provider = TracerProvider::builder().with(sink).batch(batch).build();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in (0_usize..1_000).cycle() {
                    let span = provider.tracer().tool_span("T").with("text", "é".repeat(number));
                    span.start().finish();
                }
            });
        }
    });
}

/// Kills a program again and again, each time with files of its own, and looks at what it left.
fn kill_repeatedly(test: &str, sink: impl Fn(&Path) -> FileSink) {
    for _ in 0..KILLS {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(NAME);
        let mut running = start(test, directory.path());
        let bytes = 1 + RandomState::new().hash_one(0) % 1_500_000;
        wait_for(bytes, directory.path(), &mut running);
        drop(running);

        let last = fs::read(&path).unwrap_or_default();
        let whole = last.iter().filter(|byte| **byte == b'\n').count() as u64;
        let mut before = 0;
        for record in TraceReader::open_rotated(&path).unwrap() {
            match record {
                Ok(_) => before += 1,
                Err(ReadError::Line { path: place, line, fault, .. }) => {
                    assert_eq!(fault, LineFault::Unfinished);
                    assert_eq!((place.as_deref(), line), (Some(&*path), whole + 1));
                }
                Err(other) => std::panic::panic_any(other.to_string()),
            }
        }
        assert!(before > 0);

        let provider = TracerProvider::builder().with(sink(&path)).build();
        provider.tracer().tool_span("Next").start().finish();
        provider.shutdown(LONG).unwrap();
        let records: Vec<_> = TraceReader::open_rotated(&path).unwrap().collect();
        let (good, bad): (Vec<_>, Vec<_>) = records.into_iter().partition(Result::is_ok);
        assert_eq!((good.len(), bad.len() <= 1), (before + 1, true), "{bad:?}");
        let next = good.into_iter().next_back().unwrap().unwrap().into_span().unwrap();
        assert_eq!(next.component_name(), "Next");
    }
}

fn plain(path: &Path) -> FileSink {
    FileSink::new(path)
}

fn rotating(path: &Path) -> FileSink {
    FileSink::builder(path).max_size(100_000).keep(1_000).build()
}

#[test]
fn d2_every_line_but_the_last_outlives_a_kill() {
    if is_inside() {
        return write_for_ever(plain(Path::new(NAME)));
    }
    kill_repeatedly("d2_every_line_but_the_last_outlives_a_kill", plain);
}

#[test]
fn d2_rotated_files_outlive_a_kill() {
    if is_inside() {
        return write_for_ever(rotating(Path::new(NAME)));
    }
    kill_repeatedly("d2_rotated_files_outlive_a_kill", rotating);
}

#[test]
fn what_was_running_when_a_program_was_killed_is_told() {
    if is_inside() {
        let sink = FileSink::builder(NAME).build_with_starts(BatchConfig::default());
        let provider = TracerProvider::builder().with(sink).build();
        let tracer = provider.tracer();
        provider.run(|| {
            tracer.pipeline_span("Report").in_span(|| {
                tracer.agent_span("Planner").in_span(|| ());
                tracer.agent_span("Writer").in_span(|| {
                    provider.force_flush(LONG).unwrap();
                    loop {
                        thread::park();
                    }
                });
            });
        });
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(NAME);
    let test = "what_was_running_when_a_program_was_killed_is_told";
    let mut running = start(test, directory.path());
    let written =
        || fs::read(&path).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
    while written() < 4 {
        assert!(running.0.try_wait().unwrap().is_none(), "the program ended by itself");
        thread::yield_now();
    }
    drop(running);

    let (traces, faults) = TraceReader::open(path).unwrap().traces();
    assert_eq!((traces.len(), faults.len()), (1, 0));
    let running: Vec<_> =
        traces[0].running().map(|span| span.component_name().to_owned()).collect();
    assert_eq!(running, ["Report", "Writer"]);
    let shown: Vec<_> = traces[0]
        .walk()
        .map(|(depth, node)| (depth, node.component_name(), node.status().is_some()))
        .collect();
    assert_eq!(shown, [(0, "Report", false), (1, "Planner", true), (1, "Writer", false)]);
    let problems = traces[0].problems();
    assert!(
        problems.len() == 2
            && problems.iter().all(|problem| matches!(problem, TreeProblem::NeverEnded { .. })),
        "{problems:?}"
    );
}

/// The end of a span is in the file as soon as starts are, whatever the flush interval.
#[test]
fn d2_what_finished_is_not_shown_as_running_after_a_kill() {
    const TEST: &str = "d2_what_finished_is_not_shown_as_running_after_a_kill";
    if is_inside() {
        let batch = BatchConfig::default().with_flush_interval(60 * LONG);
        let sink = FileSink::builder(NAME).build_with_starts(batch);
        let provider = TracerProvider::builder().with(sink).build();
        let _running = provider.tracer().span("outer").start();
        provider.tracer().span("inner").start().finish();
        loop {
            thread::park();
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let mut killed = start(TEST, directory.path());
    let begin = Instant::now();
    let read = || fs::read_to_string(directory.path().join(NAME)).unwrap_or_default();
    while !read().contains(r#""type":"span","#) {
        assert!(killed.0.try_wait().unwrap().is_none(), "the program ended by itself");
        assert!(begin.elapsed() < LONG, "only starts: {}", read());
        thread::yield_now();
    }
}
