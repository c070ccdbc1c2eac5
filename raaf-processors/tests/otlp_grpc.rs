//! The `otlp` sink over gRPC: its requests, and its handling of the answers.

#![cfg(feature = "otlp-grpc")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod grpc_server;
#[path = "server/mod.rs"]
mod http_server;

use std::{io::Read as _, net::TcpListener, time::Duration};

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;
use raaf_processors::{OtlpProtocol, OtlpSink};
use raaf_testkit::{assert_span_tree, read};
use raaf_trace_core::{
    FinishedSpan, Kind, SpanExporter as _, TracerProvider, environment::Environment,
    sink::ExportError,
};

use grpc_server::{Answer, Server};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);
/// Timeout of a call to a silent server.
const SHORT: Duration = Duration::from_millis(50);

fn sink(url: impl Into<String>) -> OtlpSink {
    let sink = OtlpSink::builder().protocol(OtlpProtocol::Grpc).endpoint(url);
    sink.timeout(LONG).build().unwrap()
}

fn one() -> [FinishedSpan; 1] {
    [FinishedSpan::builder(Kind::Job, "j").build()]
}

fn refusal(answer: Answer) -> ExportError {
    let server = Server::start(answer);
    sink(server.url()).export(&one()).unwrap_err()
}

#[test]
fn a_workflow_is_one_call_with_a_message_that_reads_back() {
    let server = Server::start(Answer::default());
    let sink = OtlpSink::builder()
        .protocol(OtlpProtocol::Grpc)
        .endpoint(server.url())
        .header("Authorization", "Bearer sk-1")
        .header("Connection", "keep-alive") // of HTTP/1.1 alone
        .timeout(Duration::from_secs(7))
        .build()
        .unwrap();
    let provider = TracerProvider::builder().with(sink).build();
    provider.run(|| {
        let tracer = provider.tracer();
        tracer.agent_span("Planner").in_span(|| tracer.tool_span("search").in_span(|| ()));
    });
    provider.shutdown(LONG).unwrap();
    let calls = server.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("grpc-timeout", "7000m"),
        ("authorization", "Bearer sk-1"),
    ] {
        assert_eq!(calls[0].header(name), Some(value), "{name}");
    }
    assert!(!calls[0].compressed && calls[0].header("grpc-encoding").is_none());
    let read = read::otlp(&calls[0].message).unwrap();
    assert_span_tree!(read, { agent "Planner" { tool "search" } });
}

#[test]
fn the_environment_alone_is_enough() {
    let server = Server::start(Answer::default());
    for variable in ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] {
        let environment = Environment::from_pairs([
            ("RAAF_TRACE_PROCESSORS", "otlp"),
            (variable, "grpc"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &server.url()),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ]);
        let provider = TracerProvider::builder().environment(&environment).build().unwrap();
        provider.tracer().agent_span("Planner").in_span(|| ());
        provider.shutdown(LONG).unwrap();
    }
    let calls = server.calls();
    assert_eq!(calls.len(), 2);
    for call in calls {
        assert_eq!(
            (call.header("x-key"), call.header("grpc-encoding")),
            (Some("a b"), Some("gzip"))
        );
        assert!(call.compressed);
        let mut message = Vec::new();
        GzDecoder::new(&*call.message).read_to_end(&mut message).unwrap();
        assert_eq!(read::otlp(&message).unwrap().as_written().len(), 1);
    }
    let grpc = [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let sink = OtlpSink::from_environment(&Environment::from_pairs(grpc)).unwrap();
    assert!(sink.endpoint().starts_with("http://localhost:4317/opentelemetry."));
    // Code precedes variables.
    let http = OtlpSink::builder().protocol(OtlpProtocol::HttpProtobuf);
    let http = http.environment(&Environment::from_pairs(grpc)).unwrap().build().unwrap();
    assert_eq!(http.endpoint(), "http://localhost:4318/v1/traces");
}

#[test]
fn d2_only_codes_that_the_protocol_allows_are_retried() {
    for code in 1..=16 {
        let error = refusal(Answer::Status(code, "no%20spans%0Ahere", None));
        assert_eq!(error.is_retryable(), [1, 4, 10, 11, 14, 15].contains(&code), "{error}");
    }
    let error = refusal(Answer::Status(14, "no%20spans%0Ahere", None));
    assert_eq!(error.to_string(), "the server answered UNAVAILABLE: no spans here");
    // Code 8, and a detail: `RetryInfo` of 7 s.
    let details = "CAgaMAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIECgIIBw";
    let busy = refusal(Answer::Status(8, "busy", Some(details.to_owned())));
    assert_eq!((busy.is_retryable(), busy.retry_after()), (true, Some(Duration::from_secs(7))));
    assert!(!refusal(Answer::Status(8, "quota", None)).is_retryable());
}

#[test]
fn replies_of_servers_in_the_way_are_those_of_http() {
    for (status, again) in [(401, false), (404, false), (429, true), (500, false), (503, true)] {
        let error = refusal(Answer::Http(status, "sign in"));
        assert_eq!(error.is_retryable(), again, "{error}");
        let expected = format!("the server answered {status} ");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    let error = refusal(Answer::Http(200, "<html>"));
    assert!(!error.is_retryable());
    let expected = "does not answer in gRPC (text/html); expected the port for OTLP over gRPC, \
                    usually 4317";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn an_error_repeats_no_secret() {
    let server = Server::start(Answer::Status(16, "bad key sk-1", None));
    let sink = OtlpSink::builder().protocol(OtlpProtocol::Grpc).endpoint(server.url());
    let sink = sink.header("authorization", "Bearer sk-1").build().unwrap();
    let error = sink.export(&one()).unwrap_err();
    assert_eq!(error.to_string(), "the server answered UNAUTHENTICATED: bad key [REDACTED]");
}

#[test]
fn spans_that_the_server_rejects_are_counted_as_dropped() {
    let part = ExportTracePartialSuccess { rejected_spans: 1, error_message: "too old".to_owned() };
    let reply = ExportTraceServiceResponse { partial_success: Some(part) }.encode_to_vec();
    let error = refusal(Answer::Message(reply));
    assert_eq!(error.rejected_of(1), 1);
    assert!(error.to_string().contains("the server rejected 1 of 1 spans: too old"), "{error}");
}

fn large(name: String, length: usize) -> FinishedSpan {
    FinishedSpan::builder(Kind::Job, "j").name(name).attribute("text", "x".repeat(length)).build()
}

#[test]
fn a_batch_that_is_too_large_is_sent_in_halves() {
    let server = Server::start(Answer::UpTo(30_000));
    let mut batch: Vec<_> = (0..20).map(|number| large(number.to_string(), 5_000)).collect();
    batch[4] = large("huge".to_owned(), 50_000);
    let error = sink(server.url()).export(&batch).unwrap_err();
    assert_eq!((error.is_retryable(), error.rejected_of(20)), (false, 1));
    assert_eq!(
        error.to_string(),
        "1 of 20 spans were rejected: span `huge` is too large by itself: \
         the server answered RESOURCE_EXHAUSTED: grpc: received message larger than max"
    );
    let accepted = server.calls().into_iter().filter(|call| call.message.len() <= 30_000);
    let spans: usize =
        accepted.map(|call| read::otlp(&call.message).unwrap().as_written().len()).sum();
    assert_eq!(spans, 19);
}

#[test]
fn a_message_of_megabytes_arrives() {
    let server = Server::start(Answer::default());
    sink(server.url()).export(&[large("huge".to_owned(), 10_000_000)]).unwrap();
    assert!(server.calls()[0].message.len() > 10_000_000);
}

#[test]
fn a_connection_is_kept_and_made_anew_where_the_server_has_closed_it() {
    let answers = [Answer::default(), Answer::default(), Answer::Close, Answer::default()];
    let server = Server::scripted(answers, Answer::default());
    let sink = sink(server.url());
    for connections in [1, 1, 1, 2, 2] {
        sink.export(&one()).unwrap();
        assert_eq!(server.connections(), connections);
    }
}

#[test]
fn a_silent_server_and_one_that_is_not_there_are_tried_again() {
    let server = Server::start(Answer::Hang);
    let builder = || OtlpSink::builder().protocol(OtlpProtocol::Grpc);
    let sink = builder().endpoint(server.url()).timeout(SHORT).build().unwrap();
    let error = sink.export(&one()).unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let nowhere = http_server::Server::start(http_server::Answer::Hang).url();
    let error = self::sink(&nowhere).export(&one()).unwrap_err();
    assert!(error.is_retryable() && error.to_string().starts_with(&nowhere), "{error}");
}

#[test]
fn a_connection_that_failed_is_closed_at_once() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let builder = OtlpSink::builder().protocol(OtlpProtocol::Grpc).endpoint(url);
    let sink = builder.timeout(SHORT).build().unwrap();
    assert!(sink.export(&one()).unwrap_err().is_retryable());
    let (mut stream, _) = listener.accept().unwrap();
    // Until the end, though the sink goes on living.
    std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    drop(sink);
}

#[test]
fn a_port_that_speaks_http_1_is_tried_once_with_a_hint() {
    for words in [&b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..], b"SSH-2.0-x\r\n"] {
        let server = http_server::Server::start(http_server::Answer::Raw(words.to_vec()));
        let error = sink(server.url()).export(&one()).unwrap_err();
        assert!(!error.is_retryable(), "{error}");
        assert!(error.to_string().contains("does not answer in HTTP/2"), "{error}");
        assert!(error.to_string().contains("OTLP over gRPC, usually 4317"), "{error}");
    }
}

#[tokio::test]
async fn a_runtime_of_the_program_is_not_used() {
    let server = Server::start(Answer::default());
    let sink = sink(server.url());
    sink.export(&one()).unwrap();
    sink.export(&one()).unwrap();
    drop(sink);
    assert_eq!((server.calls().len(), server.connections()), (2, 1));
}
