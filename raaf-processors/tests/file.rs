//! The file sink: what it writes, and that lines stay whole.

#![cfg(feature = "file")]
#![allow(clippy::unwrap_used, reason = "only tests are here")]

use std::{fs, path::Path, thread, time::Duration};

use raaf_processors::FileSink;
use raaf_trace_core::{
    SpanContext, Status, TracerProvider,
    clock::ManualClock,
    id::{IdGenerator as _, SequentialIds},
    keys,
    sink::BatchConfig,
    trace,
};
use serde_json::{Value, json};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

fn provider(path: impl AsRef<Path>) -> TracerProvider {
    TracerProvider::builder().with(FileSink::new(path.as_ref())).build()
}

fn lines(path: impl AsRef<Path>) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.split_terminator('\n').map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_span_is_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let time = ManualClock::new();
    let provider = TracerProvider::builder()
        .with(FileSink::new(&path))
        .clock(time.clock())
        .ids(SequentialIds::default())
        .build();
    provider.context().run(|| {
        trace("nightly").group_id("g-1").metadata("team", "search").in_span(|| {
            time.advance(Duration::from_micros(1_500));
            let span = provider.tracer().tool_span("Search").method("lookup").start();
            span.set_attribute("tool.rank", 0.5);
            span.add_event("retry", |attributes| {
                attributes.set("attempt", 2);
            });
            time.advance(Duration::from_micros(250));
            span.record_error(&std::io::Error::other("gone"));
            span.finish();
        });
    });
    provider.shutdown(LONG).unwrap();
    let written = lines(&path);
    assert_eq!(
        written[0],
        json!({
            "v": 2,
            "type": "span",
            "trace_id": "trace_00000000000000000000000000000001",
            "span_id": "span_0000000000000002",
            "parent_id": "span_0000000000000001",
            "local_root": false,
            "started_at": "2026-01-01T00:00:00.001500Z",
            "duration_ms": 0.25,
            "status": "error",
            "kind": "tool",
            "component": "Search",
            "method": "lookup",
            "workflow_name": "nightly",
            "group_id": "g-1",
            "error_type": "io::Error::Other",
            "name": "run.workflow.tool.Search.lookup",
            "ended_at": "2026-01-01T00:00:00.001750Z",
            "error_message": "gone",
            "attributes": {"tool.rank": 0.5},
            "events": [
                {
                    "name": "retry",
                    "time": "2026-01-01T00:00:00.001500Z",
                    "attributes": {"attempt": 2},
                },
                {
                    "name": "exception",
                    "time": "2026-01-01T00:00:00.001750Z",
                    "attributes": {
                        "exception.type": "io::Error::Other",
                        "exception.message": "gone",
                    },
                },
            ],
            "metadata": {"team": "search"},
        })
    );
    let root = &written[1];
    assert_eq!(root["kind"], "trace");
    assert_eq!(root["component"], "nightly");
    assert_eq!((&root["parent_id"], &root["local_root"]), (&Value::Null, &Value::Bool(true)));
    assert_eq!((&root["status"], &root["error_type"]), (&json!("ok"), &Value::Null));
    assert_eq!(root["metadata"], json!({"team": "search"}));
    assert_eq!(written.len(), 2);
}

#[test]
fn a2_what_was_lost_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let provider = provider(&path);
    let span = provider.tracer().start_span("x");
    span.set_attribute("note", "x".repeat(5_000));
    for number in 0..130 {
        span.add_event("tick", |attributes| {
            attributes.set("number", number);
        });
    }
    span.finish();
    provider.shutdown(LONG).unwrap();
    assert_eq!(lines(&path)[0]["lost"], json!({"cut_values": 1, "dropped_events": 2}));
}

#[test]
fn a_torn_last_line_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    fs::write(&path, "{\"whole\":1}\n{\"tor").unwrap();
    for _ in 0..2 {
        let provider = provider(&path);
        provider.tracer().start_span("next").finish();
        provider.shutdown(LONG).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    let found: Vec<bool> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).is_ok()).collect();
    assert_eq!(found, [true, false, true, true]);
    assert!(text.starts_with("{\"whole\":1}\n{\"tor\n{\"v\":2,"));
}

#[test]
fn threads_and_sinks_share_a_file() {
    const SPANS: usize = 2_000;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let config = BatchConfig::default().with_max_spans(100_000).with_batch_size(7);
    let build = || {
        let builder = TracerProvider::builder().with(FileSink::new(&path));
        builder.batch(config.clone()).build()
    };
    let providers = [build(), build()];
    thread::scope(|scope| {
        for provider in &providers {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..SPANS {
                        let span = provider.tracer().span("x").with("text", "y".repeat(300));
                        span.start().finish();
                    }
                });
            }
        }
    });
    for provider in providers {
        provider.shutdown(LONG).unwrap();
    }
    assert_eq!(lines(&path).len(), 4 * SPANS);
}

#[test]
fn helping_threads_lose_and_mix_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let provider = TracerProvider::builder()
        .with(FileSink::new(&path))
        .batch(BatchConfig::default().with_max_spans(20).with_batch_size(5))
        .build();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..500).for_each(|_| provider.tracer().start_span("x").finish()));
        }
    });
    let _ = provider.shutdown(LONG);
    let stats = &provider.stats().processors[0];
    assert_eq!(lines(&path).len() as u64, stats.delivered);
    assert_eq!(stats.delivered + stats.dropped, 1_500);
}

#[test]
fn the_file_is_made_with_the_first_span() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let provider = provider(&path);
    provider.force_flush(LONG).unwrap();
    assert!(!path.exists());
    provider.tracer().start_span("x").finish();
    provider.force_flush(LONG).unwrap();
    assert_eq!(lines(&path).len(), 1);
}

#[test]
fn d1_a_missing_directory_is_named_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nowhere").join("traces.jsonl");
    let provider = provider(&path);
    let value = provider.tracer().span("x").in_span(|| 7);
    assert_eq!(value, 7);
    let error = provider.force_flush(LONG).unwrap_err().to_string();
    let expected =
        format!("`file` cannot write to `{}`: its directory does not exist", path.display());
    assert!(error.contains(&expected), "{error}");
    let stats = &provider.stats().processors[0];
    assert_eq!((stats.delivered, stats.dropped), (0, 1));
    assert!(!directory.path().join("nowhere").exists());
}

#[test]
fn d1_a_directory_that_comes_later_is_used() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("later");
    let path = place.join("traces.jsonl");
    let provider = provider(&path);
    provider.tracer().start_span("lost").finish();
    assert!(provider.force_flush(LONG).is_err());
    fs::create_dir(place).unwrap();
    provider.tracer().start_span("kept").finish();
    provider.force_flush(LONG).unwrap();
    assert_eq!(lines(&path)[0]["name"], "kept");
}

#[cfg(target_os = "linux")]
#[test]
fn d1_a_full_disk_is_counted_and_reported() {
    let mut config = BatchConfig::default();
    config.max_retries = 0;
    let provider = TracerProvider::builder().with(FileSink::new("/dev/full")).batch(config).build();
    provider.tracer().start_span("x").finish();
    let error = provider.force_flush(LONG).unwrap_err().to_string();
    assert!(error.contains("cannot write to `/dev/full`: No space left"), "{error}");
    assert_eq!(provider.stats().processors[0].dropped, 1);
}

#[test]
fn p3_the_tracestate_of_a_remote_parent_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let ids = SequentialIds::default();
    let there = SpanContext::new(ids.trace_id(), ids.span_id())
        .with_trace_state(raaf_trace_core::propagation::TraceState::parse("vendor=a"));
    let provider = provider(&path);
    provider.tracer().span("x").remote_parent(there).start().finish();
    provider.shutdown(LONG).unwrap();
    let line = &lines(&path)[0];
    assert_eq!(line["tracestate"], "vendor=a");
    assert_eq!(line["local_root"], true);
    assert_eq!(line["parent_id"], "span_0000000000000001");
}

#[test]
fn a4_secrets_are_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let provider = provider(&path);
    provider
        .tracer()
        .span("x")
        .with("db.password", "hunter2")
        .with(keys::GEN_AI_USAGE_INPUT_TOKENS, 3)
        .start()
        .set_status(Status::Ok)
        .finish();
    provider.shutdown(LONG).unwrap();
    let attributes = &lines(&path)[0]["attributes"];
    assert_eq!(*attributes, json!({"db.password": "[REDACTED]", "gen_ai.usage.input_tokens": 3}));
}

#[cfg(unix)]
#[test]
fn a_file_that_is_deleted_while_running_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let provider = provider(&path);
    for name in ["before", "after"] {
        provider.tracer().start_span(name).finish();
        provider.force_flush(LONG).unwrap();
        let written = lines(&path);
        assert_eq!((written.len(), &written[0]["name"]), (1, &json!(name)));
        fs::remove_file(&path).unwrap();
    }
    provider.shutdown(LONG).unwrap();
}

#[cfg(unix)]
#[test]
fn a_pipe_that_nobody_reads_any_more_takes_nothing() {
    use std::{
        io::{BufRead as _, BufReader},
        process::Command,
    };

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let reader = thread::spawn({
        let path = path.clone();
        move || BufReader::new(fs::File::open(path).unwrap()).lines().next().unwrap().unwrap()
    });
    let provider = provider(&path);
    provider.tracer().start_span("read").finish();
    provider.force_flush(LONG).unwrap();
    assert!(reader.join().unwrap().contains(r#""name":"read""#));
    provider.tracer().start_span("unread").finish();
    let error = provider.force_flush(LONG).unwrap_err();
    assert!(error.to_string().contains("Broken pipe"), "{error}");
    provider.shutdown(LONG).unwrap();
}

#[test]
fn a2_a_long_group_id_does_not_fill_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let provider = provider(&path);
    provider.context().run(|| {
        trace("chat").group_id("g".repeat(1_000_000)).in_span(|| {
            for _ in 0..199 {
                provider.tracer().start_span("step").finish();
            }
        });
    });
    provider.shutdown(LONG).unwrap();
    assert_eq!(lines(&path).len(), 200);
    assert!(fs::metadata(&path).unwrap().len() < 300_000);
}
