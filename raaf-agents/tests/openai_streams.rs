//! Streamed responses from a server on loopback.

#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use std::time::Duration;

use futures::StreamExt as _;
use raaf_agents::{
    FinishReason, Message, ModelChunk, ModelError, ModelRequest, OpenAiModel, RetryPolicy,
    ToolCall, ToolCallDelta, TracedModel, Usage,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};

use server::{Answer, Server};

const KEY: &str = "sk-test-0123456789";

type Pieces = Vec<Result<ModelChunk, ModelError>>;

/// The timeout for servers that never answer.
const SHORT: Duration = Duration::from_millis(50);

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

fn traced(server: &Server, timeout: Duration) -> TracedModel {
    let model = OpenAiModel::builder("m").base_url(server.url()).api_key(KEY);
    let model = model.timeout(timeout).retries(RetryPolicy::never());
    TracedModel::new(model.build().unwrap())
}

async fn streamed(answer: Answer, capture: &Capture) -> Pieces {
    streamed_within(LONG, answer, capture).await
}

async fn streamed_within(timeout: Duration, answer: Answer, capture: &Capture) -> Pieces {
    let server = Server::start([answer]).await;
    let model = traced(&server, timeout);
    let request = ModelRequest::new([Message::user("hi")]);
    capture.run_async(model.stream(&request).collect()).await
}

fn text(text: &str) -> Json {
    json!({"id": "r", "model": "m-2026", "choices": [{"index": 0, "delta": {"content": text}}]})
}

fn calls(calls: &Json) -> Json {
    json!({"id": "r", "choices": [{"index": 0, "delta": {"tool_calls": calls}}]})
}

fn end(reason: &str) -> Json {
    json!({"id": "r", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

#[tokio::test]
async fn text_is_streamed_and_the_span_has_the_whole_response() {
    let role = json!({"choices": [{"delta": {"role": "assistant", "content": ""}}]});
    let usage = json!({"choices": [], "usage": {
        "prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 2}, "cost": 0.25,
    }});
    let events = [role, text("It "), text("rains."), end("stop"), usage, json!("[DONE]")];
    let events =
        events.map(|event| event.as_str().map_or_else(|| event.to_string(), str::to_owned));
    let server = Server::start([Answer::stream(events)]).await;
    let (model, request) = (traced(&server, LONG), ModelRequest::new([Message::user("hi")]));
    let capture = Capture::new();
    let pieces: Pieces = capture.run_async(model.stream(&request).collect()).await;
    assert_eq!(
        pieces[..2],
        [Ok(ModelChunk::Text("It ".into())), Ok(ModelChunk::Text("rains.".into()))]
    );
    let [_, _, Ok(ModelChunk::Done(whole))] = &pieces[..] else { panic!("{pieces:?}") };
    assert_eq!(whole.message.text(), "It rains.");
    assert_eq!(whole.finish_reason, FinishReason::Stop);
    assert_eq!(whole.usage.total_tokens(), Usage::new(9, 4).total_tokens());
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [
            ok,
            "gen_ai.provider.name" = "127.0.0.1",
            "gen_ai.request.stream" = true,
            "gen_ai.request.model" = "m",
            "gen_ai.response.model" = "m-2026",
            "gen_ai.response.id" = "r",
            "gen_ai.response.finish_reasons" = ["stop"],
            "gen_ai.response.time_to_first_chunk" > 0.0,
            "gen_ai.usage.input_tokens" = 9,
            "gen_ai.usage.output_tokens" = 4,
            "gen_ai.usage.cache_read.input_tokens" = 8,
            "gen_ai.usage.reasoning.output_tokens" = 2,
            "gen_ai.usage.cost" = 0.25,
            "gen_ai.output.messages" contains "It rains."
        ]
    });
    let sent = &server.requests()[0];
    assert_eq!(sent.body["stream"], true);
    assert_eq!(sent.body["stream_options"], json!({"include_usage": true}));
    assert!(sent.head.contains("traceparent: 00-"), "{}", sent.head);
}

#[tokio::test]
async fn tool_calls_are_assembled_from_their_parts() {
    let capture = Capture::new();
    let pieces = streamed(
        Answer::stream([
            calls(&json!([{"index": 0, "id": "a", "type": "function",
                "function": {"name": "search", "arguments": ""}}])),
            calls(&json!([{"index": 0, "function": {"arguments": "{\"query\":"}}])),
            calls(&json!([{"index": 0, "function": {"arguments": "\"lamp\"}"}}])),
            calls(&json!([{"index": 1, "id": "b", "type": "function",
                "function": {"name": "rank", "arguments": "{}"}}])),
            end("tool_calls"),
        ]),
        &capture,
    )
    .await;
    assert_eq!(pieces[0], Ok(ModelChunk::ToolCall(ToolCallDelta::start(0, "a", "search"))));
    assert_eq!(pieces.len(), 5);
    let Ok(ModelChunk::Done(whole)) = &pieces[4] else { panic!("{pieces:?}") };
    let search = ToolCall::new("a", "search", &json!({"query": "lamp"}));
    let expected = [search, ToolCall::new("b", "rank", &json!({}))];
    assert!(whole.message.tool_calls().eq(&expected), "{whole:?}");
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [ok, "gen_ai.response.finish_reasons" = ["tool_calls"]]
    });
}

#[tokio::test]
async fn a_connection_that_is_lost_is_an_error_after_the_received_chunks() {
    let capture = Capture::new();
    let pieces = streamed(Answer::stream([text("ha"), text("lf")]), &capture).await;
    assert!(
        matches!(&pieces[..], [Ok(_), Ok(_), Err(ModelError::Interrupted { pieces: 2, .. })]),
        "{pieces:?}"
    );
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [
            error "interrupted",
            "error.message" ~ "broke off after 2 pieces: the connection was closed",
            "gen_ai.response.time_to_first_chunk",
            !"gen_ai.response.id"
        ]
    });
}

#[tokio::test]
async fn a_stream_that_hangs_times_out_at_the_next_chunk() {
    let server = Server::start([Answer::stream([text("ha")]).then_hangs()]).await;
    let (model, request) = (traced(&server, LONG), ModelRequest::new([Message::user("hi")]));
    let capture = Capture::new();
    let pieces = async {
        let mut pieces = model.stream(&request);
        let first = pieces.next().await;
        // The clock jumps to the timeout, the only thing that is due.
        tokio::time::pause();
        [first, pieces.next().await]
    };
    assert_eq!(
        capture.run_async(pieces).await,
        [Some(Ok(ModelChunk::Text("ha".into()))), Some(Err(ModelError::Timeout { after: LONG }))]
    );
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [error "timeout", "gen_ai.response.time_to_first_chunk"]
    });
    let capture = Capture::new();
    assert_eq!(
        streamed_within(SHORT, Answer::never(), &capture).await,
        [Err(ModelError::Timeout { after: SHORT })]
    );
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [error "timeout", !"gen_ai.response.time_to_first_chunk"]
    });
}

#[tokio::test]
async fn a_whole_stream_has_a_limit_of_its_own() {
    let server = Server::start([Answer::stream([text("ha")]).then_hangs()]).await;
    let model = OpenAiModel::builder("m").base_url(server.url()).retries(RetryPolicy::never());
    let model = TracedModel::new(model.timeout(2 * LONG).stream_timeout(LONG).build().unwrap());
    let request = ModelRequest::new([Message::user("hi")]);
    let mut pieces = model.stream(&request);
    assert_eq!(pieces.next().await, Some(Ok(ModelChunk::Text("ha".into()))));
    tokio::time::pause();
    assert_eq!(pieces.next().await, Some(Err(ModelError::Timeout { after: LONG })));
}

#[tokio::test]
async fn a_server_that_keeps_the_connection_does_not_hold_up_the_answer() {
    let server = Server::start([Answer::stream([text("ha"), end("stop")]).then_hangs()]).await;
    let (model, request) = (traced(&server, LONG), ModelRequest::new([Message::user("hi")]));
    let mut pieces = model.stream(&request);
    assert_eq!(pieces.next().await, Some(Ok(ModelChunk::Text("ha".into()))));
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let Some(Ok(ModelChunk::Done(whole))) = pieces.next().await else { panic!("no answer") };
    assert_eq!(whole.finish_reason, FinishReason::Stop);
    assert!(begun.elapsed() < LONG, "by the clock that jumps");
}

#[tokio::test]
async fn l2_a_stream_that_is_dropped_ends_its_span_as_cancelled() {
    let server = Server::start([Answer::stream([text("ha")]).then_hangs()]).await;
    let (model, request) = (traced(&server, LONG), ModelRequest::new([Message::user("hi")]));
    let capture = Capture::new();
    let first = async {
        let mut pieces = model.stream(&request);
        pieces.next().await
    };
    assert_eq!(capture.run_async(first).await, Some(Ok(ModelChunk::Text("ha".into()))));
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [cancelled, "gen_ai.response.time_to_first_chunk"]
    });
}

#[tokio::test]
async fn an_error_event_is_the_server_s_message_without_the_key() {
    let capture = Capture::new();
    let failure = json!({"error": {"message": format!("{KEY} is out of luck"), "code": 429}});
    let pieces = streamed(Answer::stream([text("ha"), failure]), &capture).await;
    let message = "[REDACTED] is out of luck".to_owned();
    assert_eq!(pieces[1..], [Err(ModelError::RateLimited { message, retry_after: None })]);
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [error "rate_limited", "error.message" ~ "out of luck"]
    });
}

#[tokio::test]
async fn a_response_other_than_a_stream_is_an_error_without_the_text() {
    for answer in [
        Answer::ok(&json!({"content": "secret"})),
        Answer::stream(["secret"]),
        Answer::stream([json!({"choices": "secret"})]),
    ] {
        let capture = Capture::new();
        let pieces = streamed(answer, &capture).await;
        assert!(matches!(&pieces[..], [Err(ModelError::Malformed { .. })]), "{pieces:?}");
        assert_span_tree!(capture.spans_async().await, { llm "m" [error "malformed"] });
    }
}

#[tokio::test]
async fn refusals_are_told_apart_in_streams_too() {
    for (status, kind) in [
        (400, "rejected"),
        (401, "authentication"),
        (413, "rejected"),
        (429, "rate_limited"),
        (500, "server"),
    ] {
        let capture = Capture::new();
        let pieces = streamed(Answer::status(status, r#"{"error": "no"}"#), &capture).await;
        assert_eq!(pieces.len(), 1);
        let error = pieces[0].clone().unwrap_err();
        assert_eq!(error.is_retryable(), status >= 429, "{error}");
        assert_span_tree!(capture.spans_async().await, {
            llm "m" [status = error, "error.type" = kind, "error.message" ~ ": no$"]
        });
    }
}

#[tokio::test]
async fn usage_that_a_stream_does_not_report_is_not_in_the_trace() {
    let events = [text("Hi."), end("stop")].map(|event| event.to_string());
    let server = Server::start([Answer::stream(events)]).await;
    let (model, request) = (traced(&server, LONG), ModelRequest::new([Message::user("hi")]));
    let capture = Capture::new();
    let pieces: Pieces = capture.run_async(model.stream(&request).collect()).await;
    assert!(matches!(pieces.last(), Some(Ok(ModelChunk::Done(_)))), "{pieces:?}");
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [ok, !"gen_ai.usage.input_tokens", !"gen_ai.usage.output_tokens"]
    });
}
