//! Files of the file sink, read by the testkit.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::time::Duration;

use proptest::prelude::*;
use raaf_processors::FileSink;
use raaf_testkit::{Capture, build, read, strategy};
use raaf_trace_core::{
    Component, FinishedSpan, SpanExporter as _, Traceable as _, propagation::TraceState, trace,
    tracer,
};

fn described(span: &FinishedSpan) -> String {
    let events: Vec<_> = span.events().map(|event| format!("{event:?}")).collect();
    format!(
        "{span:?} {} {:?} {} {} {:?} {:?} {:?} {events:?} {:?} {:?} {}",
        span.is_local_root(),
        span.kind(),
        span.component_name(),
        span.method(),
        span.start_time(),
        span.duration(),
        span.error(),
        span.trace().workflow_name(),
        span.trace().metadata().iter().collect::<Vec<_>>(),
        span.trace_state(),
    )
}

#[test]
fn everything_that_a_span_says_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let sink = FileSink::new(directory.path().join("traces.jsonl"));
    let tree = build::trace("nightly").group_id("g").metadata("team", "\u{1b}[31mred").child(
        build::agent("line\nbreak \u{2028} \u{202e}bidi \"quotes\"")
            .attribute("big", u64::MAX)
            .attribute("json", serde_json::json!({"a": [1, null, {"b": "\u{0}"}]}))
            .attribute("small", -0.1)
            .event("retry", |attributes| {
                attributes.set("attempt", 2);
            })
            .lasting(Duration::from_nanos(1_234_567))
            .error("io::Error", "disk")
            .error_sources(["full", "really"]),
    );
    let mut spans = tree.build();
    let remote = FinishedSpan::builder("tool", "Remote")
        .parent_id(spans[0].span_id())
        .local_root(true)
        .trace_state(TraceState::parse("a=1"))
        .build();
    spans.push(remote);
    sink.export(&spans).unwrap();
    let read = read::file(sink.path()).unwrap().without_faults();
    for span in &spans {
        let found = read.iter().find(|found| found.span_id() == span.span_id()).unwrap();
        assert_eq!(described(found), described(span));
    }
}

#[test]
fn a_workflow_that_ran_leaves_the_same_tree_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let capture = Capture::with(|provider| provider.with(FileSink::new(&path)));
    capture.run(|| {
        trace("nightly").in_span(|| {
            let _ = Component::tool("parse").try_in_span("run", || "x".parse::<u8>());
            drop(tracer().llm_span("gpt").with("gen_ai.usage.input_tokens", 3).start());
        });
    });
    capture.provider().force_flush(Duration::from_secs(60)).unwrap();
    let read = read::file(&path).unwrap().without_faults();
    assert_eq!(read.to_string(), capture.spans().to_string());
    read.check_coherent().unwrap();
}

/// The span's line, without what reading rounds or does not count anew, and without the model, which
/// can be the text of a number.
fn line(span: &FinishedSpan) -> serde_json::Value {
    let mut line = serde_json::to_value(span).unwrap();
    for field in ["ended_at", "lost", "model"] {
        line.as_object_mut().unwrap().remove(field);
    }
    line
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn any_trace_comes_back_as_it_was(tree in strategy::tree()) {
        let directory = tempfile::tempdir()?;
        let sink = FileSink::new(directory.path().join("traces.jsonl"));
        let spans = tree.build();
        sink.export(&spans).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let read = read::file(sink.path())?;
        prop_assert_eq!(read.faults(), &[]);
        for (found, span) in read.as_written().iter().zip(&spans) {
            prop_assert_eq!(found.duration(), span.duration());
            prop_assert_eq!(line(found), line(span));
        }
        prop_assert_eq!(read.spans().len(), spans.len());
    }
}
