//! The openai sink when things go wrong: nothing is lost that can be delivered, all else counted.

#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

mod server;

use std::{net::TcpListener, thread, time::Duration};

use raaf_processors::OpenAiSink;
use raaf_trace_core::{
    FinishedSpan, MemoryExporter, SpanExporter, TracerProvider,
    sink::{BatchConfig, ExportError},
};
use server::{Answer, Server};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);
/// Timeout of a request to a hanging server; no result depends on it.
const SHORT: Duration = Duration::from_millis(200);

fn sink(url: &str) -> OpenAiSink {
    with_timeout(url, LONG)
}

fn with_timeout(url: &str, timeout: Duration) -> OpenAiSink {
    OpenAiSink::builder().api_key("sk-1").base_url(url).timeout(timeout).build().unwrap()
}

/// Tries again soon, and never gives up.
fn tireless() -> BatchConfig {
    let millisecond = Duration::from_millis(1);
    BatchConfig::default()
        .with_batch_size(10)
        .with_backoff(millisecond, 10 * millisecond)
        .with_max_retries(usize::MAX)
        .with_give_up_after(LONG)
}

fn provider(sink: OpenAiSink) -> TracerProvider {
    TracerProvider::builder().batch(tireless()).with(sink).build()
}

fn run(provider: &TracerProvider, spans: usize) {
    for number in 0..spans {
        provider.tracer().start_span(format!("span {number}")).finish();
    }
}

#[track_caller]
fn assert_all_delivered(provider: &TracerProvider, spans: u64) {
    let stats = &provider.stats().processors[0];
    assert_eq!((stats.delivered, stats.dropped), (spans, 0), "{stats:?}");
    assert!(stats.retried > 0, "{stats:?}");
}

/// Each span's id in the requests that the server took, the last ones.
fn names(server: &Server, last: usize) -> Vec<String> {
    let requests = server.requests();
    let taken = &requests[requests.len() - last..];
    let data = taken.iter().flat_map(|request| request.json()["data"].as_array().unwrap().clone());
    let spans = data.filter(|item| item["object"] == "trace.span");
    spans.map(|item| item["span_data"]["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn d2_no_batch_is_lost_to_a_server_that_recovers() {
    for fault in [
        Answer::status(408),
        Answer::status(409),
        Answer::with_header(429, "Retry-After: 0"),
        Answer::status(500),
        Answer::status(503),
        Answer::Hang,
        Answer::Close,
        Answer::Raw(b"HTTP/1.1 200".to_vec()),
    ] {
        let server = Server::scripted([fault.clone(), fault.clone()], Answer::status(204));
        let provider = provider(match fault {
            Answer::Hang => with_timeout(&server.url(), SHORT),
            _ => sink(&server.url()),
        });
        run(&provider, 10);
        // Each flush tries once.
        while provider.force_flush(LONG).is_err() {}
        assert_all_delivered(&provider, 10);
        let expected: Vec<_> = (0..10).map(|number| format!("span {number}")).collect();
        assert_eq!(names(&server, 1), expected);
    }
}

fn refusal(answer: Answer) -> ExportError {
    let server = Server::start(answer);
    let batch = [FinishedSpan::builder("agent", "A").build()];
    sink(&server.url()).export(&batch).unwrap_err()
}

#[test]
fn d2_the_wait_that_a_server_asks_for_is_passed_on() {
    let error = refusal(Answer::with_header(429, "Retry-After: 7"));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    let error = refusal(Answer::with_header(429, "Retry-After-Ms: 150\r\nRetry-After: 7"));
    assert_eq!(error.retry_after(), Some(Duration::from_millis(150)));
}

#[test]
fn d2_the_server_decides_about_a_retry() {
    for (status, header, again) in [
        (503, "X-Should-Retry: false", false),
        (400, "X-Should-Retry: true", true),
        (503, "X-Should-Retry: perhaps", true),
        (503, "X-Should-Retry: false\r\nRetry-After: 7", false),
    ] {
        let error = refusal(Answer::with_header(status, header));
        assert_eq!(error.is_retryable(), again, "{status} {header}");
    }
}

#[test]
fn d2_a_server_that_is_down_at_the_start_gets_all_when_it_is_up() {
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let provider = provider(sink(&format!("http://{address}/v1")));
    run(&provider, 10);
    let error = loop {
        match provider.stats().processors[0].last_error.clone() {
            Some(error) => break error,
            None => thread::yield_now(),
        }
    };
    assert!(error.contains("cannot be reached"), "{error}");
    let server = Server::at(address, Answer::status(204));
    provider.force_flush(LONG).unwrap();
    assert_all_delivered(&provider, 10);
    assert_eq!(names(&server, 1).len(), 10);
}

#[test]
fn d2_what_the_server_refuses_is_dropped_and_counted_and_the_next_batch_goes_on() {
    for status in [400, 401, 403, 404, 422] {
        let refusal = Answer::text(status, "Invalid usage\u{1b}[31m key: \"requests\"");
        let server = Server::scripted([refusal], Answer::status(204));
        let provider = provider(sink(&server.url()));
        run(&provider, 10);
        let error = provider.force_flush(LONG).unwrap_err().to_string();
        assert!(error.contains(&status.to_string()), "{error}");
        assert!(error.contains(r#"Invalid usage[31m key: "requests""#), "{error}");
        run(&provider, 5);
        provider.force_flush(LONG).unwrap();
        let stats = &provider.stats().processors[0];
        assert_eq!((stats.delivered, stats.dropped, stats.retried), (5, 10, 0), "{status}");
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn garbage_in_place_of_an_answer_is_an_error_and_nothing_worse() {
    for garbage in [&b"\x16\x03\x01 no http at all"[..], b"HTTP/1.1 abc\r\n\r\n", b"\0\0\0\0", b""]
    {
        let server = Server::start(Answer::Raw(garbage.to_vec()));
        let sink = sink(&server.url());
        let span = FinishedSpan::builder("agent", "A").build();
        assert!(sink.export(&[span]).is_err(), "{garbage:?}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(Answer::status(204));
    let location = format!("Location: {}", elsewhere.url());
    let server = Server::start(Answer::with_header(307, &location));
    let error = sink(&server.url()).export(&[FinishedSpan::builder("agent", "A").build()]);
    let error = error.unwrap_err();
    assert!(!error.is_retryable() && error.to_string().contains(&server.url()), "{error}");
    assert_eq!(elsewhere.requests().len(), 0, "keys and spans stay where they were sent");
}

/// Panics over every batch.
struct Panicking;

impl SpanExporter for Panicking {
    fn name(&self) -> &'static str {
        "panicking"
    }

    fn export(&self, _: &[FinishedSpan]) -> Result<(), ExportError> {
        std::panic::panic_any("at the wrong moment".to_owned())
    }
}

#[test]
fn d1_a_sink_that_panics_beside_it_costs_it_nothing() {
    let server = Server::start(Answer::status(204));
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder()
        .with(Panicking)
        .with(sink(&server.url()))
        .with(memory.clone())
        .build();
    run(&provider, 20);
    let error = provider.force_flush(LONG).unwrap_err().to_string();
    assert!(error.contains("panicking") && !error.contains("openai"), "{error}");
    let delivered: Vec<_> =
        provider.stats().processors.iter().map(|sink| (sink.delivered, sink.dropped)).collect();
    assert_eq!(delivered, [(0, 20), (20, 0), (20, 0)]);
    assert_eq!(memory.len(), 20);
}

#[test]
fn a_function_for_keys_that_panics_costs_its_batch_and_no_more() {
    let server = Server::start(Answer::status(204));
    let sink = OpenAiSink::builder()
        .api_key("sk-1")
        .base_url(server.url())
        .key_for(|trace| match trace.workflow_name() {
            Some(name) => std::panic::panic_any(name.to_owned()),
            None => None,
        })
        .build()
        .unwrap();
    let provider = provider(sink);
    provider.run(|| raaf_trace_core::trace("broken").in_span(|| ()));
    assert!(provider.force_flush(LONG).is_err());
    run(&provider, 3);
    provider.force_flush(LONG).unwrap();
    let stats = &provider.stats().processors[0];
    assert_eq!((stats.delivered, stats.dropped), (3, 1));
}
