//! Allocations of the `otlp` sink for a span.

#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use raaf_processors::OtlpSink;
use raaf_trace_core::{FinishedSpan, Kind, SpanExporter as _, Value, keys};
use serde_json::json;

use server::{Answer, Server};

/// Allocations of this thread to export so many spans.
fn allocations(sink: &OtlpSink, spans: usize) -> u64 {
    let span = FinishedSpan::builder(Kind::Tool, "weather")
        .attribute(keys::TOOL_CALL_ID, "call_1")
        .attribute(keys::TOOL_ARGUMENTS, Value::json(&json!({"city": "Oslo"})))
        .attribute(keys::TOOL_RESULT, "rain")
        .attribute("attempt", 2);
    let batch = vec![span.build(); spans];
    allocation_counter::measure(|| sink.export(&batch).unwrap()).count_total
}

/// The name and the arguments' JSON, which goes out in two forms, are made for each span; all else is
/// written where it belongs.
#[test]
fn a_span_is_encoded_without_intermediate_values() {
    let server = Server::start(Answer::status(200));
    let sink = OtlpSink::builder().endpoint(server.url()).build().unwrap();
    allocations(&sink, 1);
    let more = allocations(&sink, 501) - allocations(&sink, 1);
    // The buffer may grow, too.
    assert!(more < 500 * 4, "{more}");
}
