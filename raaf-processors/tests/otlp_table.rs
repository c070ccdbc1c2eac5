//! The table of the `otlp` sink matches the sink.

#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;
mod table;

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use raaf_processors::OtlpSink;
use raaf_trace_core::{FinishedSpan, Kind, SpanExporter as _, keys};

use server::{Answer, Server};

/// The keys on the wire of a failed span with this attribute.
fn sent(server: &Server, key: &'static str) -> BTreeSet<String> {
    let span =
        FinishedSpan::builder(Kind::Custom, "c").method("m").error("e", "m").error_sources(["s"]);
    let sink = OtlpSink::builder().endpoint(server.url()).build().unwrap();
    sink.export(&[span.attribute(key, "said").build()]).unwrap();
    let requests = server.requests();
    let message = ExportTraceServiceRequest::decode(&*requests.last().unwrap().body).unwrap();
    let span = &message.resource_spans[0].scope_spans[0].spans[0];
    span.attributes.iter().map(|pair| pair.key.clone()).collect()
}

#[test]
fn a6_each_key_is_sent_as_the_table_says_or_as_it_is() {
    let server = Server::start(Answer::status(200));
    let rows = table::rows(include_str!("../src/otlp/mod.rs"));
    let always = sent(&server, "unknown");
    for key in keys::ALL {
        let row = rows.iter().find(|row| row[0].iter().any(|one| one == key));
        let names = row.map_or_else(|| vec![(*key).to_owned()], |row| row[1].clone());
        assert_eq!(&sent(&server, key) - &always, &BTreeSet::from_iter(names) - &always, "{key}");
    }
}
