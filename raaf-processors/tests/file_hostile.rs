//! Whatever a program or a model says, a line stays a line, and reads back as it was.

#![cfg(feature = "file")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::naive_bytecount,
    clippy::similar_names,
    reason = "only tests are here"
)]

use std::{fs, path::PathBuf, time::Duration};

use raaf_processors::{
    FileSink,
    read::{Record, TraceReader},
};
use raaf_trace_core::{FinishedSpan, TracerProvider, attributes::SpanLimits, sink::BatchConfig};
use serde_json::{Value as Json, json};

struct Written {
    text: Vec<u8>,
    span: FinishedSpan,
    _directory: tempfile::TempDir,
}

/// The one span that `make` makes, with no limits, as it is in the file and as it reads back.
fn written(make: impl FnOnce(&TracerProvider)) -> Written {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join("traces.jsonl");
    let sink = FileSink::builder(&path).build_with_starts(BatchConfig::default());
    let limits = SpanLimits::default().with_max_value_bytes(u32::MAX).with_max_attributes(u32::MAX);
    let provider = TracerProvider::builder().with(sink).limits(limits).build();
    make(&provider);
    provider.shutdown(Duration::from_secs(60)).unwrap();
    let text = fs::read(&path).unwrap();
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!((lines, text.last()), (2, Some(&b'\n')));
    let mut spans = Vec::new();
    for record in TraceReader::open(&path).unwrap() {
        if let Record::Span(span) = record.unwrap() {
            spans.push(span);
        }
    }
    assert_eq!(spans.len(), 1);
    Written { text, span: spans.remove(0), _directory: directory }
}

const HOSTILE: [&str; 8] = [
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "\0",
    "one\ntwo\r\nthree\u{85}",
    "\u{2028}\u{2029}",
    "\"},{\"v\":2,\"type\":\"span\"}\n{\"",
    r#"{"half":"\ud800"}"#,
    "\u{202e}\u{200f}\u{feff}\u{10ffff}",
    "",
];

#[test]
fn texts_stay_on_their_line_and_come_back() {
    for text in HOSTILE {
        let written = written(|provider| {
            let span = provider.tracer().agent_span(text).method(text).with("text", text);
            let span = span.with(format!("key{text}"), json!({ text: [text] })).start();
            span.add_event(text.to_owned(), |attributes| {
                attributes.set("said", text);
            });
            span.finish();
        });
        assert!(!written.text.iter().any(|byte| *byte < b' ' && *byte != b'\n'), "{text:?}");
        let span = &written.span;
        assert_eq!((span.component_name(), span.method()), (text, text));
        assert!(span.attributes().get("text").is_some_and(|value| value == text), "{text:?}");
        let nested = span.attributes().get(&format!("key{text}")).unwrap();
        assert!(nested == json!({ text: [text] }), "{text:?}");
        let event = span.events().next().unwrap();
        assert_eq!(event.name(), text);
    }
}

#[test]
fn a_string_of_ten_megabytes_comes_back() {
    let unit = "x\0é\n";
    let text = unit.repeat(10_000_000 / unit.len());
    let written = written(|provider| {
        provider.tracer().start_span("x").set_attribute("text", text.clone()).finish();
    });
    assert!(written.span.attributes().get("text").is_some_and(|value| value == text.as_str()));
}

#[test]
fn ten_thousand_attributes_come_back() {
    let written = written(|provider| {
        let span = provider.tracer().start_span("x");
        span.span().unwrap().set_attributes(|attributes| {
            for number in 0..10_000 {
                attributes.set(format!("k.{number}"), number);
            }
        });
        span.finish();
    });
    let attributes = written.span.attributes();
    assert_eq!(attributes.stored().len(), 10_000);
    assert!(attributes.get("k.9999").is_some_and(|value| value == 9_999));
}

#[test]
fn deep_json_stays_json_that_can_be_read() {
    for depth in [10, 100, 10_000] {
        let mut deep = json!(1);
        for _ in 0..depth {
            deep = Json::Array(vec![deep]);
        }
        let written = written(|provider| {
            provider.tracer().start_span("x").set_attribute("deep", deep).finish();
        });
        assert!(written.span.attributes().get("deep").is_some());
    }
}
