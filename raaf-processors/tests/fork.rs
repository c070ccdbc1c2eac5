//! Sinks in a forked child.

#![cfg(all(unix, feature = "console", feature = "file", feature = "prometheus"))]
#![allow(clippy::unwrap_used, reason = "tests and their helpers may fail")]

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    process, thread,
    time::Duration,
};

use fork::{Fork, fork, waitpid};
use raaf_processors::{ConsoleSink, FileSink, PrometheusSink};
use raaf_trace_core::{TracerProvider, tracer};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// Runs `child` in a forked child, which must succeed. One that hangs kills itself.
fn in_child(child: impl FnOnce()) {
    match fork().unwrap() {
        Fork::Child => {
            thread::spawn(|| {
                thread::sleep(LONG);
                process::abort();
            });
            process::exit(i32::from(catch_unwind(AssertUnwindSafe(child)).is_err()));
        }
        Fork::Parent(child) => assert_eq!(waitpid(child).unwrap(), 0, "the child failed or hung"),
    }
}

fn call(provider: &TracerProvider, name: &'static str) {
    provider.run(|| tracer().start_span(name).finish());
}

#[test]
fn l10_the_console_of_a_child_says_that_its_worker_is_gone_and_counts_what_it_drops() {
    let console = ConsoleSink::builder().stderr().build();
    let provider = TracerProvider::builder().with(console).build();
    call(&provider, "parent");
    in_child(|| {
        call(&provider, "child");
        let error = provider.force_flush(LONG).unwrap_err().to_string();
        assert!(error.contains("which has no thread to draw"), "{error}");
        assert_eq!(provider.stats().processors[0].dropped, 1);
    });
    provider.shutdown(LONG).unwrap();
}

#[test]
fn l10_parent_and_child_write_to_one_trace_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let provider = TracerProvider::builder().with(FileSink::new(&path)).build();
    call(&provider, "before");
    provider.force_flush(LONG).unwrap();
    call(&provider, "waiting");
    in_child(|| {
        call(&provider, "child");
        provider.shutdown(LONG).unwrap();
    });
    provider.shutdown(LONG).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
    for name in ["before", "child", "waiting"] {
        assert_eq!(text.matches(&format!(r#""name":"{name}""#)).count(), 1, "{text}");
    }
}

#[test]
fn l10_a_child_does_not_wait_for_the_scrape_endpoint_of_its_parent() {
    let sink = PrometheusSink::builder().address(([127, 0, 0, 1], 0)).build().unwrap();
    let provider = TracerProvider::builder().with(sink).build();
    in_child(|| {
        call(&provider, "child");
        provider.shutdown(LONG).unwrap();
    });
    provider.shutdown(LONG).unwrap();
}
