//! The openai sink: where it sends to, and with whose key.

#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, reason = "tests may fail")]

mod server;

use std::time::Duration;

use raaf_processors::{OpenAiBuilder, OpenAiSink};
use raaf_trace_core::{
    FinishedSpan, SpanExporter as _, TracerProvider, environment::Environment, provider::BuildError,
};
use server::{Answer, Server};

const KEY: &str = "sk-test-not-a-real-key";
/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

fn sink(server: &Server) -> OpenAiBuilder {
    OpenAiSink::builder().api_key(KEY).base_url(server.url() + "/v1").timeout(LONG)
}

#[test]
fn batches_are_grouped_by_key() {
    let server = Server::start(Answer::status(204));
    let sink = sink(&server)
        .key_for(|trace| {
            let customer = trace.metadata().get("customer")?.as_str()?;
            Some(format!("sk-of-{customer}"))
        })
        .build()
        .unwrap();
    let span = |customer: Option<&str>| {
        let span = FinishedSpan::builder("agent", "A");
        customer.map_or(span.clone(), |name| span.metadata("customer", name)).build()
    };
    sink.export(&[span(Some("ann")), span(None), span(Some("bob")), span(Some("ann"))]).unwrap();
    let requests = server.requests();
    let keys: Vec<_> = requests
        .iter()
        .map(|request| {
            (
                request.header("authorization").unwrap(),
                request.json()["data"].as_array().unwrap().len(),
            )
        })
        .collect();
    let own = format!("Bearer {KEY}");
    assert_eq!(keys, [("Bearer sk-of-ann", 4), (&*own, 2), ("Bearer sk-of-bob", 2)]);
    assert!(
        requests.iter().all(|request| !String::from_utf8_lossy(&request.body).contains("sk-of"))
    );
}

#[test]
fn without_a_key_spans_are_dropped_and_counted() {
    let server = Server::start(Answer::status(204));
    let url = server.url();
    let environment = Environment::from_pairs([
        ("RAAF_TRACE_PROCESSORS", "openai"),
        ("RAAF_TRACE_OPENAI_BASE_URL", &url),
    ]);
    let provider = TracerProvider::builder().environment(&environment).build().unwrap();
    provider.tracer().start_span("one").finish();
    let error = provider.force_flush(LONG).unwrap_err();
    assert!(error.to_string().contains("no API key is set"), "{error}");
    let stats = &provider.stats().processors[0];
    assert_eq!((stats.name.as_str(), stats.delivered, stats.dropped), ("openai", 0, 1));
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn the_environment_is_enough() {
    let server = Server::start(Answer::status(204));
    let url = server.url() + "/v1/";
    let environment = Environment::from_pairs([
        ("RAAF_TRACE_PROCESSORS", "openai"),
        ("RAAF_TRACE_OPENAI_BASE_URL", &url),
        ("OPENAI_BASE_URL", "http://models.invalid/v1"),
        ("OPENAI_API_KEY", " sk-of-the-environment\n"),
        ("OPENAI_ORG_ID", "org-2"),
        ("OPENAI_PROJECT_ID", "proj_2"),
    ]);
    let provider = TracerProvider::builder().environment(&environment).build().unwrap();
    provider.tracer().start_span("one").finish();
    provider.shutdown(LONG).unwrap();
    let request = &server.requests()[0];
    assert!(request.head.starts_with("POST /v1/traces/ingest "));
    for (name, value) in [
        ("authorization", "Bearer sk-of-the-environment"),
        ("openai-organization", "org-2"),
        ("openai-project", "proj_2"),
    ] {
        assert_eq!(request.header(name), Some(value));
    }
}

#[test]
fn code_beats_the_environment() {
    let server = Server::start(Answer::status(204));
    let environment = Environment::from_pairs([
        ("RAAF_TRACE_OPENAI_BASE_URL", "http://elsewhere.invalid"),
        ("OPENAI_API_KEY", "theirs"),
        ("OPENAI_PROJECT_ID", "theirs"),
    ]);
    let sink = sink(&server).project("ours").environment(&environment).unwrap().build().unwrap();
    sink.export(&[FinishedSpan::builder("agent", "A").build()]).unwrap();
    let request = &server.requests()[0];
    assert_eq!(request.header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert_eq!(request.header("openai-project"), Some("ours"));
}

#[test]
fn what_cannot_be_used_is_named_without_what_is_secret() {
    let build = |pairs: &[(&str, &str)]| -> Result<TracerProvider, BuildError> {
        let named = [("RAAF_TRACE_PROCESSORS", "openai")];
        let environment = Environment::from_pairs(named.iter().chain(pairs).copied());
        TracerProvider::builder().environment(&environment).build()
    };
    for (pair, expected) in [
        (
            ("RAAF_TRACE_OPENAI_BASE_URL", "ftp://me:secret@host/token"),
            "RAAF_TRACE_OPENAI_BASE_URL is `ftp://host`; expected an http:// or https:// URL \
             with a host and an optional path, without a user",
        ),
        (
            ("OPENAI_API_KEY", "sk-1\nsk-2"),
            "the API key contains characters that are not allowed in a header",
        ),
        (
            ("OPENAI_API_KEY", "sk-é"),
            "the API key contains characters that are not allowed in a header",
        ),
        (
            ("OPENAI_PROJECT_ID", "é"),
            "the project contains characters that are not allowed in a header",
        ),
        (
            ("OPENAI_ORG_ID", "a\nb"),
            "the organization contains characters that are not allowed in a header",
        ),
    ] {
        let error = build(&[pair]).unwrap_err().to_string();
        assert_eq!(error, format!("the sink `openai` could not be built: {expected}"));
    }
}

#[test]
fn the_key_is_in_no_text() {
    let words = format!(r#"{{"error":{{"message":"Incorrect API key: {KEY}."}}}}"#);
    let server = Server::start(Answer::text(401, &words));
    let builder = sink(&server);
    let sink = builder.clone().build().unwrap();
    let error = sink.export(&[FinishedSpan::builder("agent", "A").build()]).unwrap_err();
    assert!(!error.is_retryable());
    assert_eq!(
        error.to_string(),
        r#"the server answered 401 Unauthorized: {"error":{"message":"Incorrect API key: [REDACTED]."}}"#
    );
    for text in [format!("{builder:?}"), format!("{sink:?}"), format!("{error:?}")] {
        assert!(!text.contains("sk-"), "{text}");
    }
}

#[test]
fn an_address_that_is_none_is_shown_without_what_may_be_secret() {
    for (url, shown) in [
        ("api.openai.com/v1", "api.openai.com"),
        ("ftp://host/token", "ftp://host"),
        ("https://me:secret@host/v1", "https://host"),
        ("me:secret@host", "host"),
        ("https://host/v1?key=secret", "https://host"),
        ("https://host/v1#secret", "https://host"),
    ] {
        let builder = OpenAiSink::builder().base_url(url);
        assert!(!format!("{builder:?}").contains("secret"), "{builder:?}");
        let error = builder.build().unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{shown}` is not a base URL; expected ")), "{error}");
    }
}

#[test]
fn a_reply_that_repeats_the_path_of_a_proxy_does_not_show_it() {
    let server = Server::start(Answer::text(404, "no route for /of-ann/traces/ingest"));
    let sink = OpenAiSink::builder().api_key(KEY).base_url(server.url() + "/of-ann").timeout(LONG);
    let sink = sink.build().unwrap();
    let error = sink.export(&[FinishedSpan::builder("agent", "A").build()]).unwrap_err();
    assert!(error.to_string().ends_with("no route for [REDACTED]/traces/ingest"), "{error}");
}

#[test]
fn any_timeout_can_be_asked_for() {
    let server = Server::start(Answer::status(204));
    let sink = sink(&server).timeout(Duration::MAX).build().unwrap();
    sink.export(&[FinishedSpan::builder("agent", "A").build()]).unwrap();
}

/// Parts of a request that a server repeats in plain text, as they are or with escapes of JSON.
#[test]
fn d2_an_echo_of_key_and_organization_is_hidden() {
    let echo = r"\u0073k-test-not-a-real-key of org\/1, \u{202e}".replace("\\u{202e}", "\u{202e}");
    let server = Server::start(Answer::text(400, &echo));
    let sink = sink(&server).organization("org/1").build().unwrap();
    let error = sink.export(&[FinishedSpan::builder("agent", "A").build()]).unwrap_err();
    let error = error.to_string();
    assert!(error.contains(r"[REDACTED] of [REDACTED], \u{202e}"), "{error}");
}
