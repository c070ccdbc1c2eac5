//! Files that are rotated by size, by one process and by several.

#![cfg(feature = "file")]
#![allow(clippy::unwrap_used, reason = "only tests are here")]

mod program;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
};

use program::{LONG, is_inside, program};
use raaf_processors::{FileSink, FileSync, read::TraceReader};
use raaf_trace_core::{
    FinishedSpan, SpanExporter as _, TracerProvider, environment::Environment,
    provider::BuildError, sink::BatchConfig,
};

/// Number of spans that each of several writers writes.
const SPANS: usize = 1_500;
/// More files than any test makes.
const ALL: u32 = 10_000;
const SIZE: u64 = 20_000;

fn sizes(directory: &Path) -> Vec<u64> {
    let files = fs::read_dir(directory).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).collect()
}

/// The spans of all files, oldest first, none of which may be broken.
fn names(path: &Path) -> Vec<String> {
    let records = TraceReader::open_rotated(path).unwrap();
    records.map(|record| record.unwrap().into_span().unwrap().component_name().to_owned()).collect()
}

fn span(name: &str) -> FinishedSpan {
    FinishedSpan::builder("tool", name).build()
}

#[test]
fn a_full_file_is_moved_away_and_only_so_many_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.jsonl");
    // Each file takes two of these.
    FileSink::new(&path).export(&[span("0"), span("0")]).unwrap();
    let size = fs::metadata(&path).unwrap().len();
    fs::remove_file(&path).unwrap();
    let sink = FileSink::builder(&path).max_size(size).keep(2).build();
    for number in 0..9 {
        sink.export(&[span(&number.to_string())]).unwrap();
    }
    assert_eq!(names(&path), ["4", "5", "6", "7", "8"]);
    let mut sizes = sizes(directory.path());
    sizes.sort_unstable();
    assert_eq!(sizes, [size / 2, size, size]);
}

#[test]
fn a_batch_is_never_divided() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.jsonl");
    let sink = FileSink::builder(&path).max_size(1).keep(ALL).build();
    let batch: Vec<_> = (0..5).map(|number| span(&number.to_string())).collect();
    for _ in 0..3 {
        sink.export(&batch).unwrap();
    }
    assert_eq!(sizes(directory.path()).len(), 3);
    assert_eq!(names(&path), ["0", "1", "2", "3", "4"].repeat(3));
}

#[test]
fn a_sink_goes_on_with_the_file_that_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.jsonl");
    for number in 0..6 {
        let sink = FileSink::builder(&path).max_size(1_000).sync(FileSync::EveryBatch).build();
        sink.export(&[span(&number.to_string())]).unwrap();
        sink.shutdown().unwrap();
    }
    assert_eq!(names(&path), ["0", "1", "2", "3", "4", "5"]);
    assert!(sizes(directory.path()).len() > 1);
}

fn write_spans(providers: &[TracerProvider], threads: usize) {
    thread::scope(|scope| {
        for provider in providers {
            for _ in 0..threads {
                scope.spawn(|| {
                    for number in 0..SPANS {
                        let span = provider.tracer().tool_span("T");
                        span.with("text", "y".repeat(number % 500)).start().finish();
                    }
                });
            }
        }
    });
    for provider in providers {
        provider.shutdown(LONG).unwrap();
    }
}

fn provider(path: &Path) -> TracerProvider {
    let sink = FileSink::builder(path).max_size(SIZE).keep(ALL).build();
    let batch = BatchConfig::default().with_max_spans(100_000).with_batch_size(7);
    TracerProvider::builder().with(sink).batch(batch).build()
}

#[test]
fn threads_and_sinks_rotate_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.jsonl");
    write_spans(&[provider(&path), provider(&path)], 2);
    assert_eq!(names(&path).len(), 4 * SPANS);
    let sizes = sizes(directory.path());
    assert!(sizes.len() > 10 && sizes.iter().all(|size| *size <= SIZE), "{sizes:?}");
}

#[test]
fn processes_rotate_one_file() {
    let path = PathBuf::from("shared.jsonl");
    if is_inside() {
        return write_spans(&[provider(&path)], 2);
    }
    let directory = tempfile::tempdir().unwrap();
    let mut running = Vec::new();
    for _ in 0..3 {
        let mut program = program("processes_rotate_one_file", directory.path());
        running.push(program.stdout(Stdio::null()).spawn().unwrap());
    }
    for mut program in running {
        assert!(program.wait().unwrap().success());
    }
    assert_eq!(names(&directory.path().join(path)).len(), 3 * 2 * SPANS);
    let sizes = sizes(directory.path());
    assert!(sizes.len() > 10 && sizes.iter().all(|size| *size <= SIZE), "{sizes:?}");
}

fn by_name(pairs: &[(&str, &str)]) -> Result<TracerProvider, BuildError> {
    let environment = Environment::from_pairs(pairs.iter().copied());
    TracerProvider::builder().environment(&environment).build()
}

#[test]
fn the_environment_can_say_it_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.jsonl");
    let provider = by_name(&[
        ("RAAF_TRACE_FILE", path.to_str().unwrap()),
        ("RAAF_TRACE_FILE_MAX_SIZE", "1k"),
        ("RAAF_TRACE_FILE_KEEP", "1"),
        ("RAAF_TRACE_FILE_SYNC", "batch"),
        ("RAAF_TRACE_FILE_STARTS", "yes"),
        ("RAAF_TRACE_BATCH_SIZE", "1"),
    ])
    .unwrap();
    for _ in 0..10 {
        provider.tracer().start_span("work").finish();
        provider.force_flush(LONG).unwrap();
    }
    provider.shutdown(LONG).unwrap();
    let sizes = sizes(directory.path());
    assert!(sizes.len() == 2 && sizes.iter().all(|size| *size <= 1024), "{sizes:?}");
    let files = fs::read_dir(directory.path()).unwrap();
    let text: String =
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert!(text.contains(r#""type":"span_start""#), "{text}");
    let stats = provider.stats().processors.remove(0);
    assert_eq!((stats.name.as_str(), stats.delivered, stats.dropped), ("file", 10, 0));
}

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    for (variable, value, expected) in [
        (
            "RAAF_TRACE_FILE_MAX_SIZE",
            "0",
            "a whole number of bytes of at least 1, optionally followed by k, M or G",
        ),
        ("RAAF_TRACE_FILE_KEEP", "many", "a whole number from 0 to 4294967295"),
        ("RAAF_TRACE_FILE_SYNC", "always", "one of never, flush, batch"),
        ("RAAF_TRACE_FILE_STARTS", "2", "one of 1, true, yes, on, 0, false, no, off"),
    ] {
        let error = by_name(&[("RAAF_TRACE_FILE", "x"), (variable, value)]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the sink `file` could not be built: {variable} is `{value}`; expected {expected}"
            )
        );
    }
}
