//! What the core's table of keys says of OTLP is what the `otlp` sink does.

#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use std::{collections::HashMap, fs, path::Path};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use raaf_processors::OtlpSink;
use raaf_trace_core::{FinishedSpan, Kind, SpanExporter as _};

use server::{Answer, Server};

/// A row of the table: the keys that hold the fact, and those that it has on the wire.
struct Row {
    keys: Vec<String>,
    wire: Vec<String>,
}

/// The source of the table, which is in the core's documentation.
fn source() -> String {
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../raaf-trace-core/model/src/keys.rs");
    fs::read_to_string(core).unwrap()
}

fn table(source: &str) -> Vec<Row> {
    let constants: HashMap<&str, &str> = source
        .lines()
        .filter_map(|line| line.trim().strip_suffix("\";")?.split_once(" = \""))
        .collect();
    let rows = source.lines().filter_map(|line| line.strip_prefix("//! | "));
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        let named = quoted(cells[1]).into_iter();
        let keys: Vec<String> = named
            .filter_map(|name| constants.get(name.trim_matches(['[', ']']))?.to_string().into())
            .collect();
        let wire = cells.last()?.trim_end_matches(['|', ' ']);
        let wire = if wire.starts_with('=') { keys.clone() } else { quoted(wire) };
        (!keys.is_empty()).then_some(Row { keys, wire })
    })
    .collect()
}

/// The words in backquotes.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(|word| word.trim_matches(['[', ']']).to_owned())
        .collect()
}

/// The keys of a span that says these.
fn sent(server: &Server, keys: &[String]) -> Vec<String> {
    let mut span = FinishedSpan::builder(Kind::Custom, "c").error("e", "m").error_sources(["s"]);
    for key in keys {
        span = span.attribute(key.clone(), "said");
    }
    let sink = OtlpSink::builder().endpoint(server.url()).build().unwrap();
    sink.export(&[span.build()]).unwrap();
    let requests = server.requests();
    let message = ExportTraceServiceRequest::decode(&*requests.last().unwrap().body).unwrap();
    let span = &message.resource_spans[0].scope_spans[0].spans[0];
    span.attributes.iter().map(|pair| pair.key.clone()).collect()
}

#[test]
fn a6_each_fact_is_sent_under_the_keys_of_the_table() {
    let server = Server::start(Answer::status(200));
    let table = table(&source());
    assert!(table.len() > 50, "the table was not found: {} rows", table.len());
    let mut wrong = Vec::new();
    for Row { keys, wire } in &table {
        let sent = sent(&server, keys);
        wrong.extend(wire.iter().filter(|key| !sent.contains(key)).map(|key| format!("no {key}")));
        let other = keys.iter().filter(|key| !wire.contains(key) && sent.contains(key));
        wrong.extend(other.map(|key| format!("{key}, which has another key there")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
