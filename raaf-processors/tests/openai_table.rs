//! The table of the `openai` sink matches the sink.

#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;
mod table;

use std::collections::BTreeSet;

use raaf_processors::OpenAiSink;
use raaf_trace_core::{
    FinishedSpan, Kind, SpanExporter as _, SpanId, keys, span::FinishedSpanBuilder,
};
use serde_json::Value as Json;
use server::{Answer, Server};

/// A span that is not the root, with the usage without which no details of it are sent.
fn span(kind: &Kind) -> FinishedSpanBuilder {
    let span = FinishedSpan::builder(kind.clone(), "c").parent_id(SpanId::random());
    let span = span.attribute(keys::GEN_AI_USAGE_INPUT_TOKENS, 1);
    span.attribute(keys::GEN_AI_USAGE_OUTPUT_TOKENS, 1)
}

/// Spans with this attribute, in each type that a key may have; none for reserved keys.
fn probes(kind: &Kind, key: &'static str) -> Vec<FinishedSpan> {
    let text = span(kind).attribute(key, "said").build();
    let probes =
        [text, span(kind).attribute(key, 7).build(), span(kind).attribute(key, true).build()];
    probes.into_iter().filter(|span| span.attributes().stored().contains(key)).collect()
}

/// The data that is sent of each span.
fn sent(server: &Server, sink: &OpenAiSink, spans: &[FinishedSpan]) -> Vec<Json> {
    sink.export(spans).unwrap();
    let items = server.requests().last().unwrap().json()["data"].clone();
    let spans = items.as_array().unwrap().iter().filter(|item| item["object"] == "trace.span");
    spans.map(|item| item["span_data"].clone()).collect()
}

/// The fields that are not the same in both.
fn differing(one: &Json, other: &Json) -> BTreeSet<String> {
    let fields = one.as_object().unwrap().iter();
    fields.filter(|(name, value)| other[*name] != **value).map(|(name, _)| name.clone()).collect()
}

#[test]
fn a6_each_key_goes_into_the_field_of_the_table_or_nowhere() {
    let server = Server::start(Answer::status(204));
    let sink = OpenAiSink::builder().api_key("sk-test-not-a-real-key").base_url(server.url());
    // One connection: a machine has not enough ports for one a key, many times over.
    let sink = sink.build().unwrap();
    let rows = table::rows(include_str!("../src/openai/mod.rs"));
    for kind in Kind::KNOWN {
        let rows = rows.iter().filter(|row| row[1].iter().any(|one| kind == &**one));
        let rows: Vec<_> = rows.collect();
        for key in keys::ALL {
            let probes = probes(kind, key);
            if probes.is_empty() {
                continue;
            }
            let expected: BTreeSet<String> = if rows.is_empty() {
                ["data".to_owned()].into()
            } else {
                let of_key = rows.iter().filter(|row| row[0].iter().any(|one| one == key));
                of_key.map(|row| row[2][0].clone()).collect()
            };
            let sent = sent(&server, &sink, &[&[span(kind).build()], &*probes].concat());
            let found = sent[1..].iter().flat_map(|probe| differing(probe, &sent[0])).collect();
            assert_eq!(expected, found, "`{key}` on spans of kind `{kind}`");
        }
    }
}
