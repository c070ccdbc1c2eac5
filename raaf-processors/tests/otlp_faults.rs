//! The `otlp` sink when the server, the network or the content is not as it should be.

#![cfg(feature = "otlp")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    thread,
    time::Duration,
};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;
use raaf_processors::OtlpSink;
use raaf_testkit::read;
use raaf_trace_core::{
    FinishedSpan, Kind, SpanExporter as _, TracerProvider, Value,
    attributes::{SpanLimits, ValueRef},
    sink::{BatchConfig, BatchProcessor, ExportError},
    stats::ProcessorStats,
};
use serde_json::{Value as Json, json};

use server::{Answer, Server};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);
/// Timeout of a request to a silent server.
const SHORT: Duration = Duration::from_millis(50);

fn sink(url: impl Into<String>) -> OtlpSink {
    OtlpSink::builder().endpoint(url).timeout(LONG).build().unwrap()
}

fn one() -> [FinishedSpan; 1] {
    [FinishedSpan::builder(Kind::Job, "j").build()]
}

fn refusal(answer: Answer) -> ExportError {
    let server = Server::start(answer);
    sink(server.url()).export(&one()).unwrap_err()
}

/// A provider that tries again at once, as often as a test needs.
fn provider(sink: OtlpSink) -> TracerProvider {
    let config = BatchConfig::default()
        .with_backoff(Duration::from_millis(1), Duration::from_millis(1))
        .with_max_retries(1_000_000)
        .with_give_up_after(LONG);
    let batch = BatchProcessor::with_config(sink, config);
    TracerProvider::builder().with(batch).build()
}

fn stats(provider: &TracerProvider) -> ProcessorStats {
    provider.stats().processors.remove(0)
}

#[test]
fn any_timeout_can_be_asked_for() {
    let server = Server::start(Answer::status(200));
    let sink = OtlpSink::builder().endpoint(server.url()).timeout(Duration::MAX).build().unwrap();
    sink.export(&one()).unwrap();
}

#[test]
fn d2_only_statuses_that_the_protocol_allows_are_retried() {
    let kept = [307, 400, 401, 403, 404, 408, 409, 413, 500, 501, 505];
    let retried = [429, 502, 503, 504];
    let all = kept.map(|status| (status, false)).into_iter();
    for (status, again) in all.chain(retried.map(|status| (status, true))) {
        let error = refusal(Answer::status(status));
        assert_eq!(error.is_retryable(), again, "{error}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
    }
    let error = refusal(Answer::with_header(500, "Retry-After: 7"));
    assert!(!error.is_retryable(), "{error}");
    let busy = refusal(Answer::with_header(429, "Retry-After: 7"));
    assert_eq!(busy.retry_after(), Some(Duration::from_secs(7)));
}

#[test]
fn a_refusal_repeats_the_servers_words_without_secrets() {
    let error = refusal(Answer::text(400, "no \u{1b}[31mspans\nhere"));
    assert_eq!(error.to_string(), "the server answered 400 Bad Request: no [31mspans here");
    // gRPC's status, as servers of this protocol write it: code 3, `bad id`.
    let status = [&[0x08, 3, 0x12, 6][..], b"bad id"].concat();
    let error = refusal(Answer::Reply(400, String::new(), status));
    assert_eq!(error.to_string(), "the server answered 400 Bad Request: bad id");

    let server = Server::start(Answer::text(401, "sk-1 at /tok-2/v1/traces?key=k3: who is k3?"));
    let sink = OtlpSink::builder()
        .endpoint(format!("{}/tok-2?key=k3", server.url()))
        .header("authorization", "Bearer sk-1")
        .build()
        .unwrap();
    let error = sink.export(&one()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server answered 401 Unauthorized: [REDACTED] at [REDACTED]/v1/traces?[REDACTED]: \
         who is [REDACTED]?"
    );
    assert!(server.requests()[0].head.contains("sk-1"), "it is sent");
}

fn large(name: String, length: usize) -> FinishedSpan {
    FinishedSpan::builder(Kind::Job, "j").name(name).attribute("text", "x".repeat(length)).build()
}

/// Names of the spans in the requests that the server accepted.
fn accepted(server: &Server, most: usize) -> Vec<String> {
    let requests = server.requests().into_iter().filter(|request| request.body.len() <= most);
    let spans = requests.map(|request| read::otlp(&request.body).unwrap());
    spans
        .flat_map(|read| {
            let names = read.as_written().iter().map(|span| span.name().into_owned());
            names.collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn a_batch_that_is_too_large_is_sent_in_halves() {
    let server = Server::start(Answer::UpTo(30_000));
    let batch: Vec<_> = (0..20).map(|number| large(number.to_string(), 5_000)).collect();
    sink(server.url()).export(&batch).unwrap();
    let names: Vec<_> = (0..20).map(|number: usize| number.to_string()).collect();
    assert_eq!(accepted(&server, 30_000), names, "each span once, in order");
}

#[test]
fn a_server_that_closes_before_it_has_read_a_large_batch_gets_halves() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut accepted = 0;
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let head: Vec<_> = reader
                .by_ref()
                .lines()
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty())
                .collect();
            let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
            let length: u64 = length.unwrap().parse().unwrap();
            let status = if length > 3_000_000 { 413 } else { 200 };
            if status == 200 {
                std::io::copy(&mut reader.take(length), &mut std::io::sink()).unwrap();
                accepted += 1;
            }
            let reply =
                format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            (&stream).write_all(reply.as_bytes()).unwrap();
            if accepted == 2 {
                return;
            }
        }
    });
    let batch: Vec<_> = (0..2).map(|number| large(number.to_string(), 2_900_000)).collect();
    sink(url).export(&batch).unwrap();
    server.join().unwrap();
}

#[test]
fn a_span_that_is_too_large_by_itself_is_named_and_all_that_is_lost() {
    let server = Server::start(Answer::UpTo(30_000));
    let mut batch: Vec<_> = (0..10).map(|number| large(number.to_string(), 1_000)).collect();
    batch[4] = large("huge".to_owned(), 50_000);
    let error = sink(server.url()).export(&batch).unwrap_err();
    assert!(!error.is_retryable());
    assert_eq!(error.rejected_of(10), 1);
    assert_eq!(
        error.to_string(),
        "1 of 10 spans were rejected: span `huge` is too large by itself: \
         the server answered 413 Payload Too Large"
    );
    assert_eq!(accepted(&server, 30_000).len(), 9);
}

#[test]
fn of_a_divided_batch_only_what_failed_is_sent_again() {
    let answers = [413, 200, 503].map(Answer::status);
    let server = Server::scripted(answers, Answer::status(200));
    let sink = sink(server.url());
    let batch: Vec<_> = (0..4).map(|number| large(number.to_string(), 1)).collect();
    assert!(sink.export(&batch).unwrap_err().is_retryable());
    sink.export(&batch).unwrap();
    let sizes = server
        .requests()
        .into_iter()
        .map(|request| read::otlp(&request.body).unwrap().as_written().len());
    assert_eq!(sizes.collect::<Vec<_>>(), [4, 2, 2, 2]);
}

#[test]
fn of_a_divided_batch_nothing_is_sent_again_because_another_came_between() {
    let answers = [413, 200, 503].map(Answer::status);
    let server = Server::scripted(answers, Answer::status(200));
    let sink = sink(server.url());
    let batch: Vec<_> = (0..4).map(|number| large(number.to_string(), 1)).collect();
    assert!(sink.export(&batch).unwrap_err().is_retryable());
    // As a flush does while a batch waits for its retry.
    sink.export(&one()).unwrap();
    sink.export(&batch).unwrap();
    let names = accepted(&server, usize::MAX);
    assert_eq!(names.iter().filter(|name| **name == "0").count(), 2, "{names:?}: 413, then 200");
}

#[test]
fn of_a_divided_batch_that_is_given_up_only_the_part_that_failed_is_dropped() {
    for retries in [0, 1_000_000] {
        let answers = [413, 200].map(Answer::status);
        let server = Server::scripted(answers, Answer::status(503));
        let config = BatchConfig::default().with_max_retries(retries).with_backoff(LONG, LONG);
        let batch = BatchProcessor::with_config(sink(server.url()), config);
        let provider = TracerProvider::builder().with(batch).build();
        for _ in 0..4 {
            provider.tracer().start_span("s").finish();
        }
        assert!(provider.force_flush(LONG).is_err());
        let _ = provider.shutdown(LONG);
        let stats = stats(&provider);
        assert_eq!((stats.delivered, stats.dropped), (2, 2), "after {retries} retries");
    }
}

#[test]
fn spans_that_the_server_rejects_are_counted_as_dropped() {
    let part = ExportTracePartialSuccess { rejected_spans: 1, error_message: "too old".to_owned() };
    let reply = ExportTraceServiceResponse { partial_success: Some(part) }.encode_to_vec();
    let server = Server::start(Answer::Reply(200, String::new(), reply));
    let provider = provider(sink(server.url()));
    for _ in 0..3 {
        provider.tracer().start_span("s").finish();
    }
    let error = provider.force_flush(LONG).unwrap_err();
    assert!(error.to_string().contains("the server rejected 1 of 3 spans: too old"), "{error}");
    let stats = stats(&provider);
    assert_eq!((stats.delivered, stats.dropped, stats.retried), (2, 1, 0));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_warning_and_a_reply_that_cannot_be_read_are_successes() {
    let part = ExportTracePartialSuccess { rejected_spans: 0, error_message: "slow".to_owned() };
    let warning = ExportTraceServiceResponse { partial_success: Some(part) }.encode_to_vec();
    for body in [Vec::new(), warning, b"{}".to_vec(), vec![0xff; 100_000]] {
        let server = Server::start(Answer::Reply(200, String::new(), body));
        assert_eq!(sink(server.url()).export(&one()), Ok(()));
    }
}

#[test]
fn a_wrong_path_is_shown_without_what_may_be_secret_in_it() {
    for (path, shown) in [
        ("", "/v1/traces"),
        ("/v1/traces", "/v1/traces"),
        ("/tok-2?key=k3", "[REDACTED]/v1/traces?[REDACTED]"),
    ] {
        for (status, text) in [(404, "404 Not Found"), (405, "405 Method Not Allowed")] {
            let server = Server::start(Answer::status(status));
            let error = sink(server.url() + path).export(&one()).unwrap_err();
            let expected = format!("the server answered {text} at {}{shown}", server.url());
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[test]
fn a_web_page_is_no_receiver() {
    let error = refusal(Answer::text(200, "\n<!doctype html><html></html>"));
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("web page"), "{error}");
}

#[test]
fn what_the_network_does_is_tried_again() {
    for answer in [Answer::Close, Answer::Raw(b"HTTP/1.1 2".to_vec())] {
        let error = refusal(answer);
        assert!(error.is_retryable(), "{error}");
        assert!(error.to_string().contains("http://127.0.0.1:"), "{error}");
    }
    let server = Server::start(Answer::Hang);
    let sink = OtlpSink::builder().endpoint(server.url()).timeout(SHORT).build().unwrap();
    assert!(sink.export(&one()).unwrap_err().is_retryable());
    let nowhere = Server::start(Answer::Hang).url();
    assert!(self::sink(nowhere).export(&one()).unwrap_err().is_retryable());
}

#[test]
fn a_port_that_speaks_grpc_is_tried_once_with_a_hint() {
    // HTTP/2's settings, which a gRPC server sends first.
    let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0";
    for other in [&settings[..], b"SSH-2.0-OpenSSH_9.6\r\n"] {
        let error = refusal(Answer::Raw(other.to_vec()));
        assert!(!error.is_retryable(), "{error}");
        assert!(error.to_string().contains("does not answer in HTTP/1.1"), "{error}");
        assert!(error.to_string().contains("OTLP over HTTP, usually 4318"), "{error}");
    }
}

#[test]
fn nothing_is_lost_to_a_server_that_is_down_at_first() {
    let address = Server::start(Answer::Hang).address();
    let provider = provider(sink(format!("http://{address}")));
    for _ in 0..3 {
        provider.tracer().start_span("s").finish();
    }
    // A flush tries once; nobody answers.
    assert!(provider.force_flush(SHORT).is_err());
    let server = Server::at(address, Answer::status(200));
    provider.force_flush(LONG).unwrap();
    let stats = stats(&provider);
    assert_eq!((stats.delivered, stats.dropped), (3, 0));
    assert!(stats.retried > 0);
    let read = read::otlp(&server.requests()[0].body).unwrap();
    assert_eq!(read.without_faults().len(), 3);
}

#[test]
fn a_batch_outlives_a_server_that_is_overwhelmed() {
    let answers = [Answer::status(503), Answer::Close, Answer::status(429)];
    let server = Server::scripted(answers, Answer::status(200));
    let provider = provider(sink(server.url()));
    provider.tracer().start_span("s").finish();
    // Each flush tries once more, at once.
    while provider.force_flush(LONG).is_err() {}
    let stats = stats(&provider);
    assert_eq!((stats.delivered, stats.dropped, stats.retried), (1, 0, 3));
    let bodies: Vec<_> = server.requests().into_iter().map(|request| request.body).collect();
    assert!(bodies.iter().all(|body| *body == bodies[3]), "the same each time");
}

#[test]
fn a_silent_server_does_not_harm_the_program() {
    let server = Server::start(Answer::Hang);
    let sink = OtlpSink::builder().endpoint(server.url()).timeout(SHORT).build().unwrap();
    let config = BatchConfig::default().with_max_retries(0).with_max_spans(10).with_batch_size(5);
    let batch = BatchProcessor::with_config(sink, config);
    let provider = TracerProvider::builder().with(batch).build();
    for _ in 0..100 {
        provider.tracer().start_span("s").finish();
    }
    assert!(provider.shutdown(LONG).is_err());
    let stats = stats(&provider);
    assert_eq!((stats.received, stats.delivered, stats.dropped, stats.queued), (100, 0, 100, 0));
}

/// A span as a server reads it.
fn read_back(server: &Server, span: FinishedSpan) -> FinishedSpan {
    sink(server.url()).export(&[span]).unwrap();
    let requests = server.requests();
    let read = read::otlp(&requests.last().unwrap().body).unwrap();
    assert_eq!(read.faults(), &[]);
    read.as_written()[0].clone()
}

#[test]
fn a1_hostile_content_arrives_as_it_is() {
    let server = Server::start(Answer::status(200));
    for hostile in [
        "\u{1b}[2J\u{1b}[31mred\u{1b}]0;title\u{7}",
        "a\0b",
        "a\r\nb\u{2028}c",
        r#""}],"injected":true,"x":[{""#,
        r#"{"half":"\ud800"}"#,
        "\u{202e}desrever\u{feff}",
    ] {
        let span = FinishedSpan::builder(Kind::from(hostile), hostile)
            .name(hostile.to_owned())
            .attribute(hostile.to_owned(), hostile)
            .attribute("list", Value::json(&[hostile]))
            .attribute("map", Value::json(&json!({hostile: hostile})))
            .event(hostile.to_owned(), std::time::UNIX_EPOCH, |event| {
                event.set(hostile.to_owned(), hostile);
            })
            .error(hostile, hostile)
            .build();
        let read = read_back(&server, span.clone());
        assert_eq!(read.name(), hostile);
        assert_eq!((read.kind(), read.component_name()), (span.kind(), span.component_name()));
        assert_eq!(read.attributes().get(hostile), Some(hostile.into()));
        assert_eq!(read.attributes().get("list"), Some((&json!([hostile])).into()));
        let map = read.attributes().get("map").and_then(ValueRef::as_str).unwrap_or_default();
        assert_eq!(serde_json::from_str::<Json>(map).unwrap(), json!({hostile: hostile}));
        assert_eq!(read.error().and_then(|error| error.message()), Some(hostile));
        assert_eq!(read.events().next().unwrap().name(), hostile);
    }
}

#[test]
fn a1_values_that_json_has_no_number_for_are_text() {
    let server = Server::start(Answer::status(200));
    for (value, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        let span = FinishedSpan::builder(Kind::Job, "j").attribute("x", value).build();
        assert_eq!(read_back(&server, span).attributes().get("x"), Some(text.into()));
    }
}

#[test]
fn a2_huge_values_many_attributes_and_deep_json_arrive_within_the_limits() {
    let server = Server::start(Answer::status(200));
    let deep = (0..10_000).fold(json!(1), |inner, _| Json::Array(vec![inner]));
    let provider = provider(sink(server.url()));
    let span = provider.tracer().start_span("within limits");
    span.set_attribute("huge", "ä".repeat(5_000_000));
    span.set_attribute("deep", Value::from(deep));
    for number in 0..10_000 {
        span.set_attribute(format!("key.{number}"), number);
    }
    span.finish();
    provider.shutdown(LONG).unwrap();
    let read = read::otlp(&server.requests()[0].body).unwrap();
    let span = &read.as_written()[0];
    let huge = span.attributes().get("huge").and_then(ValueRef::as_str).unwrap_or_default();
    let limits = SpanLimits::default();
    assert!(huge.len() <= limits.max_value_bytes as usize && huge.ends_with("[truncated]"));
    assert!(span.attributes().get("key.100").is_some());
    assert!(span.attributes().get("key.9999").is_none());
}

#[test]
fn a2_without_limits_everything_arrives() {
    let server = Server::start(Answer::status(200));
    let mut span = FinishedSpan::builder(Kind::Job, "j").attribute("huge", "x".repeat(10_000_000));
    for number in 0..10_000 {
        span = span.attribute(format!("key.{number}"), number);
    }
    let read = read_back(&server, span.build());
    let huge = read.attributes().get("huge").and_then(ValueRef::as_str).map(str::len);
    assert_eq!(huge, Some(10_000_000));
    assert!(read.attributes().stored().len() > 10_000);
}
