//! Two sinks of one program that write to one file.

#![cfg(feature = "file")]
#![allow(clippy::unwrap_used, reason = "only tests are here")]

mod program;

use std::fs;

use program::{LONG, is_inside, program};
use raaf_processors::FileSink;
use raaf_trace_core::TracerProvider;

/// Traces one span by that many sinks with the same file, then again by one alone.
fn trace_by(sinks: &[&str]) {
    let mut provider = TracerProvider::builder();
    for path in sinks {
        provider = provider.with(FileSink::new(*path));
    }
    let provider = provider.build();
    provider.tracer().start_span("work").finish();
    provider.shutdown(LONG).unwrap();
}

#[test]
fn two_sinks_with_one_file_write_each_span_once_and_are_reported_once() {
    if is_inside() {
        trace_by(&["traces.jsonl", "./traces.jsonl", "traces.jsonl"]);
        trace_by(&["traces.jsonl"]);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut inside = program(
        "two_sinks_with_one_file_write_each_span_once_and_are_reported_once",
        directory.path(),
    );
    let said = String::from_utf8(inside.output().unwrap().stderr).unwrap();
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("raaf ")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].contains("two file sinks write to"), "{said}");
    let written = fs::read_to_string(directory.path().join("traces.jsonl")).unwrap();
    assert_eq!(written.lines().count(), 2);
}

#[cfg(unix)]
#[test]
fn links_to_one_file_are_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    // A chain of links to a file that does not exist yet.
    std::os::unix::fs::symlink("later.jsonl", at("link")).unwrap();
    std::os::unix::fs::symlink(at("link"), at("chain")).unwrap();
    fs::write(at("there.jsonl"), "").unwrap();
    fs::hard_link(at("there.jsonl"), at("hard")).unwrap();
    std::os::unix::fs::symlink("circle", at("circle")).unwrap();
    for (file, link) in [("later.jsonl", "chain"), ("there.jsonl", "hard")] {
        trace_by(&[&at(file), &at(link)]);
        assert_eq!(fs::read_to_string(at(file)).unwrap().lines().count(), 1, "{link}");
    }
    let _ends = FileSink::new(at("circle"));
}
