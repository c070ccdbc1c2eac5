//! Requests of the sinks that send, in an environment with a proxy.

#![cfg(all(feature = "openai", feature = "otlp"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use raaf_processors::{OpenAiSink, OtlpSink};
use raaf_trace_core::{
    FinishedSpan, Kind, SpanExporter, environment::Environment, sink::ExportError,
};

use server::{Answer, Server};

/// An OTLP sink in an environment with this proxy.
fn otlp(url: &str, variable: &str, proxy: &str) -> OtlpSink {
    let environment = Environment::from_pairs([(variable, proxy)]);
    OtlpSink::builder().endpoint(url).environment(&environment).unwrap().build().unwrap()
}

fn export(sink: &impl SpanExporter) -> Result<(), ExportError> {
    sink.export(&[FinishedSpan::builder(Kind::Job, "j").build()])
}

/// The proxy's address with a user.
fn with_user(proxy: &Server) -> String {
    proxy.url().replace("http://", "http://me:p%40ss@")
}

#[test]
fn plain_http_is_forwarded_with_the_whole_address() {
    let proxy = Server::start(Answer::status(200));
    let sink = otlp("http://collector.example:4318?a=b", "HTTP_PROXY", &with_user(&proxy));
    let long = FinishedSpan::builder(Kind::Job, "j").attribute("text", "POST / ".repeat(100_000));
    sink.export(&[long.build()]).unwrap();
    export(&sink).unwrap();
    let requests = proxy.requests();
    for request in &requests {
        let target = "POST http://collector.example:4318/v1/traces?a=b HTTP/1.1\r\n";
        assert!(request.head.starts_with(target), "{}", request.head);
        assert_eq!(request.header("host"), Some("collector.example:4318"));
        // `me:p@ss` in base 64.
        assert_eq!(request.header("proxy-authorization"), Some("Basic bWU6cEBzcw=="));
        assert!(ExportTraceServiceRequest::decode(&*request.body).is_ok());
    }
    assert_eq!(requests.len(), 2);
}

#[test]
fn https_goes_through_a_tunnel() {
    let proxy = Server::start(Answer::status(503));
    let sink = otlp("https://collector.example:4318", "HTTPS_PROXY", &with_user(&proxy));
    let error = export(&sink).unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert!(error.to_string().contains(&format!("(through the proxy {})", proxy.url())), "{error}");
    let request = &proxy.requests()[0];
    assert!(request.head.starts_with("CONNECT collector.example:4318 HTTP/1.1\r\n"));
    assert_eq!(request.header("proxy-authorization"), Some("Basic bWU6cEBzcw=="));
}

#[test]
fn this_machine_and_the_other_scheme_need_no_proxy() {
    let (server, proxy) = (Server::start(Answer::status(200)), Server::start(Answer::Close));
    for variable in ["HTTPS_PROXY", "ALL_PROXY", "HTTP_PROXY", "all_proxy"] {
        export(&otlp(&server.url(), variable, &proxy.url())).unwrap();
    }
    assert_eq!((server.requests().len(), proxy.requests().len()), (4, 0));
}

#[test]
fn a_proxy_that_rejects_requests_is_named_and_tried_once() {
    for (url, variable) in
        [("http://collector.example", "HTTP_PROXY"), ("https://collector.example", "HTTPS_PROXY")]
    {
        for status in [403, 407] {
            let proxy = Server::start(Answer::status(status));
            let error = export(&otlp(url, variable, &with_user(&proxy))).unwrap_err();
            assert!(!error.is_retryable(), "{error}");
            let text = error.to_string();
            assert!(text.contains(&status.to_string()) && !text.contains("p@ss"), "{text}");
            if status == 407 {
                assert!(text.contains(&format!("the proxy {}", proxy.url())), "{text}");
            }
        }
    }
}

#[test]
fn a_proxy_that_is_down_is_named() {
    let proxy = Server::start(Answer::Close).url();
    for (url, variable) in
        [("http://collector.example", "HTTP_PROXY"), ("https://collector.example", "HTTPS_PROXY")]
    {
        let error = export(&otlp(url, variable, &proxy)).unwrap_err();
        assert!(error.is_retryable(), "{error}");
        let expected = format!("{url} (through the proxy {proxy}) cannot be reached: ");
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
}

#[test]
fn the_openai_sink_has_the_same_rules() {
    let proxy = Server::start(Answer::status(204));
    let environment = Environment::from_pairs([("HTTP_PROXY", proxy.url())]);
    let sink = OpenAiSink::builder().api_key("sk-1").base_url("http://openai.example/v1");
    export(&sink.environment(&environment).unwrap().build().unwrap()).unwrap();
    let target = "POST http://openai.example/v1/traces/ingest HTTP/1.1\r\n";
    assert!(proxy.requests()[0].head.starts_with(target));
}
