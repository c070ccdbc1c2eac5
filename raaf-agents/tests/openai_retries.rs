//! Retries against a server on loopback, and their events.

#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

use futures::StreamExt as _;
use raaf_agents::{
    Message, Model as _, ModelChunk, ModelError, ModelRequest, ModelResponse, OpenAiModel,
    RetryPolicy, TracedModel,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};

use server::{Answer, Server};

fn traced(server: &Server) -> TracedModel {
    let shortly = Duration::from_millis(1);
    let model = OpenAiModel::builder("m").base_url(server.url());
    let model = model.retries(RetryPolicy::new(2).with_delays(shortly, shortly));
    TracedModel::new(model.build().unwrap())
}

fn request() -> ModelRequest {
    ModelRequest::new([Message::user("hi")])
}

fn hello() -> Answer {
    Answer::ok(&json!({"id": "r", "choices": [{"message": {"content": "hello"}}]}))
}

fn refusal(status: u16) -> Answer {
    Answer::status(status, &json!({"error": {"message": "not now"}}).to_string())
}

async fn respond(server: &Server, capture: &Capture) -> Result<ModelResponse, ModelError> {
    capture.run_async(traced(server).respond(&request())).await
}

#[tokio::test]
async fn each_retry_is_an_event_of_the_one_span() {
    let server =
        Server::start([refusal(429).header("Retry-After", "0"), refusal(503), hello()]).await;
    let capture = Capture::new();
    respond(&server, &capture).await.unwrap();
    assert_eq!(server.requests().len(), 3);
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [
            ok,
            "retry.count" = 2,
            "gen_ai.response.id" = "r",
            event "retry" x 2,
            event "retry" [
                "retry.attempt" = 1,
                "retry.reason" = "rate_limited",
                "http.response.status_code" = 429,
                "retry.delay_ms" = 0.0
            ],
            event "retry" [
                "retry.attempt" = 2,
                "retry.reason" = "server",
                "http.response.status_code" = 503,
                "retry.delay_ms" >= 1.0
            ]
        ]
    });
}

#[tokio::test]
async fn the_last_error_is_returned_when_no_retry_is_left() {
    let server = Server::start([refusal(500), refusal(500), refusal(502)]).await;
    let capture = Capture::new();
    let error = respond(&server, &capture).await.unwrap_err();
    assert_eq!((error.kind(), error.status(), error.tries()), ("server", Some(502), 3));
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [
            error "server",
            "error.message" ~ "3 tries\\)$",
            "http.response.status_code" = 502,
            "retry.count" = 2,
            event "retry" x 2
        ]
    });
}

#[tokio::test]
async fn a_connection_that_is_closed_early_is_retried() {
    let server = Server::start([Answer::close(), hello()]).await;
    let capture = Capture::new();
    respond(&server, &capture).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [ok, event "retry" ["retry.reason" = "connection", !"http.response.status_code"]]
    });
}

#[tokio::test]
async fn permanent_errors_are_not_retried() {
    let rejected = "rejected";
    for (status, kind) in [(400, rejected), (401, "authentication"), (413, rejected)] {
        let server = Server::start([refusal(status), hello()]).await;
        let capture = Capture::new();
        respond(&server, &capture).await.unwrap_err();
        assert_eq!(server.requests().len(), 1);
        assert_span_tree!(capture.spans_async().await, {
            llm "m" [status = error, "error.type" = kind, !"retry.count", !event "retry"]
        });
    }
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    let server = Server::start([refusal(429).header("Retry-After", past), hello()]).await;
    let capture = Capture::new();
    respond(&server, &capture).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [ok, event "retry" ["retry.delay_ms" = 0.0]]
    });
}

#[tokio::test]
async fn a_retry_after_beyond_the_limit_is_not_retried() {
    let server = Server::start([refusal(429).header("Retry-After", "86400"), hello()]).await;
    let capture = Capture::new();
    let error = respond(&server, &capture).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(86_400)));
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [error "rate_limited", !event "retry"]
    });
}

fn piece(text: &str, finish_reason: Option<&str>) -> Json {
    json!({"choices": [{"delta": {"content": text}, "finish_reason": finish_reason}]})
}

#[tokio::test]
async fn a_stream_is_retried_until_its_first_chunk() {
    let server = Server::start([
        refusal(503),
        Answer::stream([piece("hel", None), piece("lo", Some("stop"))]),
    ])
    .await;
    let (model, request, capture) = (traced(&server), request(), Capture::new());
    let pieces: Vec<_> = capture.run_async(model.stream(&request).collect()).await;
    let Some(Ok(ModelChunk::Done(whole))) = pieces.last() else { panic!("{pieces:?}") };
    assert_eq!(whole.message.text(), "hello");
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [ok, "retry.count" = 1, event "retry" ["http.response.status_code" = 503]]
    });
}

#[tokio::test]
async fn a_stream_that_has_started_is_not_retried() {
    let server = Server::start([Answer::stream([piece("hel", None)]), hello()]).await;
    let (model, request, capture) = (traced(&server), request(), Capture::new());
    let pieces: Vec<_> = capture.run_async(model.stream(&request).collect()).await;
    assert!(
        matches!(&pieces[..], [Ok(_), Err(ModelError::Interrupted { pieces: 1, .. })]),
        "{pieces:?}"
    );
    assert_eq!(server.requests().len(), 1);
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [error "interrupted", !event "retry"]
    });
}

#[tokio::test]
async fn a_server_says_whether_and_when_to_retry() {
    let never = refusal(503).header("x-should-retry", "false");
    let server = Server::start([never, hello()]).await;
    let error = respond(&server, &Capture::new()).await.unwrap_err();
    assert_eq!((error.status(), server.requests().len()), (Some(503), 1));

    let soon = refusal(429).header("retry-after-ms", "0").header("Retry-After", "3600");
    let server = Server::start([soon, hello()]).await;
    respond(&server, &Capture::new()).await.unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_server_without_tls_is_named_with_the_remedy() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let model = OpenAiModel::builder("m").base_url(url).retries(RetryPolicy::new(0));
    let error = model.build().unwrap().respond(&request()).await.unwrap_err();
    assert!(error.to_string().contains("expected a base URL with http://"), "{error}");
}
