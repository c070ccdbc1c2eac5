//! The sinks keep the contract that the core holds every sink to.

#![allow(clippy::unwrap_used, reason = "tests may fail")]

#[cfg(any(feature = "openai", feature = "otlp"))]
mod server;

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
};

#[cfg(feature = "otlp")]
use raaf_processors::OtlpSink;
use raaf_processors::{ConsoleMode, ConsoleSink, FileSink, FileSync, read::TraceReader};
use raaf_testkit::{
    conformance::{Suite, check_processor},
    read,
};
use raaf_trace_core::sink::BatchConfig;

#[test]
fn the_file_sink_keeps_the_contract_of_exporters() {
    let directory = tempfile::tempdir().unwrap();
    let files = AtomicUsize::new(0);
    let make = || {
        let number = files.fetch_add(1, Ordering::Relaxed);
        FileSink::new(directory.path().join(format!("{number}.jsonl")))
    };
    let spans = |sink: &FileSink| match read::file(sink.path()) {
        Ok(read) => {
            assert_eq!(read.faults(), &[]);
            read.as_written().to_vec()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => std::panic::panic_any(error.to_string()),
    };
    Suite::exporter(make).read_back(spans).check();
}

#[cfg(feature = "otlp")]
#[test]
fn the_otlp_sink_keeps_the_contract_of_exporters() {
    use server::{Answer, Request, Server};
    use std::sync::{Arc, Mutex};

    let servers = Arc::new(Mutex::new(Vec::new()));
    let make = || {
        let server = Server::start(Answer::status(200));
        let sink = OtlpSink::builder().endpoint(server.url()).build().unwrap();
        servers.lock().unwrap().push((sink.endpoint().to_owned(), server));
        sink
    };
    let held = Arc::clone(&servers);
    let spans = move |sink: &OtlpSink| {
        let servers = held.lock().unwrap();
        let (_, server) = servers.iter().find(|(url, _)| url == sink.endpoint()).unwrap();
        let read = |request: Request| {
            let read = read::otlp(&request.body).unwrap();
            assert_eq!(read.faults(), &[]);
            read.as_written().to_vec()
        };
        server.requests().into_iter().flat_map(read).collect()
    };
    Suite::exporter(make).read_back(spans).check();
}

#[test]
fn the_file_sink_keeps_it_while_it_rotates() {
    let directory = tempfile::tempdir().unwrap();
    let files = AtomicUsize::new(0);
    let make = || {
        let number = files.fetch_add(1, Ordering::Relaxed);
        let path = directory.path().join(format!("{number}.jsonl"));
        FileSink::builder(path).max_size(2_000).keep(100_000).sync(FileSync::OnFlush).build()
    };
    let spans = |sink: &FileSink| match TraceReader::open_rotated(sink.path()) {
        Ok(records) => records.filter_map(|record| record.unwrap().into_span()).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => std::panic::panic_any(error.to_string()),
    };
    Suite::exporter(make).read_back(spans).check();
}

#[test]
fn the_file_sink_that_records_starts_keeps_the_contract_of_processors() {
    let directory = tempfile::tempdir().unwrap();
    let files = AtomicUsize::new(0);
    check_processor(|| {
        let number = files.fetch_add(1, Ordering::Relaxed);
        let path = directory.path().join(format!("{number}.jsonl"));
        FileSink::builder(path).build_with_starts(BatchConfig::default())
    });
}

#[test]
fn the_console_sink_keeps_the_contract_of_processors() {
    for mode in [ConsoleMode::Tree, ConsoleMode::Lines] {
        for detailed in [false, true] {
            let console = ConsoleSink::builder;
            check_processor(|| console().mode(mode).detailed(detailed).writer(io::sink()).build());
        }
    }
}

#[cfg(feature = "openai")]
#[test]
fn the_openai_sink_keeps_the_contract_of_exporters() {
    let server = server::Server::start(server::Answer::status(204));
    raaf_testkit::conformance::check_exporter(|| {
        let sink = raaf_processors::OpenAiSink::builder();
        sink.api_key("sk-1").base_url(server.url()).build().unwrap()
    });
    assert!(!server.requests().is_empty());
}
