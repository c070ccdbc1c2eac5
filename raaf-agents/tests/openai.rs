//! The Chat Completions client, against a small server on loopback.

#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod common;
mod server;

use std::{
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use raaf_agents::{
    Agent, Journal, Message, Model as _, ModelError, ModelRequest, OpenAiModel, RetryPolicy,
    RunConfig, RunErrorKind, Runner, TracedModel,
};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{attributes::ValueRef, keys};
use serde_json::{Value as Json, json};

use common::shout;
use server::{Answer, Request, Server};

const KEY: &str = "sk-test-0123456789";

fn model(server: &Server) -> OpenAiModel {
    let builder = OpenAiModel::builder("test-model").base_url(server.url()).api_key(KEY);
    builder.retries(RetryPolicy::never()).build().unwrap()
}

async fn ask(answer: Answer) -> ModelError {
    let server = Server::start([answer]).await;
    let request = ModelRequest::new([Message::user("hi")]);
    model(&server).respond(&request).await.unwrap_err()
}

#[tokio::test]
async fn tools_make_the_round_trip() {
    let server = Server::start([
        Answer::ok(&json!({
            "id": "chatcmpl-1", "object": "chat.completion", "model": "test-model-2026",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": null, "tool_calls": [{
                    "id": "call_abc", "type": "function",
                    "function": {"name": "shout", "arguments": "{\"text\":\"hey\"}"}
                }]
            }}],
            "usage": {
                "prompt_tokens": 50, "completion_tokens": 12, "total_tokens": 62,
                "prompt_tokens_details": {"cached_tokens": 30},
                "completion_tokens_details": {"reasoning_tokens": 5}
            }
        })),
        Answer::ok(&json!({
            "id": "chatcmpl-2", "object": "chat.completion", "model": "test-model-2026",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {
                "role": "assistant", "content": "It says HEY."
            }}],
            "usage": {"prompt_tokens": 80, "completion_tokens": 6, "total_tokens": 86}
        })),
    ])
    .await;
    let agent = Agent::builder("Caller", model(&server))
        .instructions("Use the tool.")
        .tool(shout())
        .max_tokens(99)
        .build();

    let capture = Capture::new();
    let result = capture.run_async(agent.run("Shout hey")).await.unwrap();
    assert_eq!(result.output, "It says HEY.");
    assert_eq!((result.usage.input_tokens, result.usage.reasoning_tokens), (130, 5));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Caller" {
                llm "test-model" [
                    "gen_ai.provider.name" = "127.0.0.1",
                    "gen_ai.request.model" = "test-model",
                    "gen_ai.response.model" = "test-model-2026",
                    "gen_ai.response.id" = "chatcmpl-1",
                    "gen_ai.response.finish_reasons" = ["tool_calls"],
                    "gen_ai.usage.input_tokens" = 50,
                    "gen_ai.usage.cache_read.input_tokens" = 30,
                    "gen_ai.usage.reasoning.output_tokens" = 5
                ]
                tool "shout" ["tool.call_id" = "call_abc", "tool.result" = "HEY"]
                llm "test-model" ["gen_ai.response.id" = "chatcmpl-2"]
            }
        }
    });

    let requests = server.requests();
    assert!(requests[0].head.starts_with("POST /v1/chat/completions "));
    assert!(requests[0].head.to_lowercase().contains(&format!("authorization: bearer {KEY}")));
    assert_eq!(requests[0].body["max_tokens"], 99);
    assert_eq!(requests[0].body["tools"][0]["function"]["name"], "shout");
    assert_eq!(requests[0].body["messages"][0]["role"], "system");
    assert_eq!(
        requests[1].body["messages"].as_array().unwrap()[2..],
        [
            json!({"role": "assistant", "content": null, "tool_calls": [{
                "id": "call_abc", "type": "function",
                "function": {"name": "shout", "arguments": "{\"text\":\"hey\"}"}
            }]}),
            json!({"role": "tool", "tool_call_id": "call_abc", "content": "HEY"}),
        ]
    );
}

#[tokio::test]
async fn a_call_records_its_url() {
    let answer = json!({"choices": [{"message": {"role": "assistant", "content": "Hi."}}]});
    let server = Server::start([Answer::ok(&answer)]).await;
    let capture = Capture::new();
    let request = ModelRequest::new([Message::user("hi")]);
    capture.run_async(TracedModel::new(model(&server)).respond(&request)).await.unwrap();
    let spans = capture.spans_async().await;
    let call = spans.iter().next().unwrap().attributes();
    let url = format!("{}/chat/completions", server.url());
    let port: i64 = server.url().rsplit([':', '/']).nth(1).unwrap().parse().unwrap();
    assert_eq!(call.get(keys::URL), Some((&*url).into()));
    assert_eq!(call.get(keys::SERVER_ADDRESS), Some("127.0.0.1".into()));
    assert_eq!(call.get(keys::SERVER_PORT), Some(port.into()));
}

#[tokio::test]
async fn a_refused_key_is_an_authentication_error_without_the_key() {
    let server = Server::start([Answer::status(
        401,
        &json!({"error": {"message": format!("Incorrect API key: {KEY}."), "code": "invalid"}})
            .to_string(),
    )])
    .await;
    let agent = Agent::builder("Caller", model(&server)).build();
    let capture = Capture::new();
    let error = capture.run_async(agent.run("hi")).await.unwrap_err();
    let RunErrorKind::Model(source) = &error.kind else { panic!("{error:?}") };
    assert_eq!(
        *source,
        ModelError::Authentication {
            status: 401,
            message: "Incorrect API key: [REDACTED].".into()
        }
    );
    assert!(!source.is_retryable());
    let spans = capture.spans_async().await;
    let everything =
        format!("{error:?} {:?} {:?}", model(&server), spans.iter().collect::<Vec<_>>());
    assert!(!everything.contains(KEY), "{everything}");
}

#[tokio::test]
async fn a_rate_limit_error_has_the_delay_of_retry_after() {
    let body = json!({"error": {"message": "slow down"}}).to_string();
    let server = Server::start([Answer::status(429, &body).header("Retry-After", "7")]).await;
    let request = ModelRequest::new([Message::user("hi")]);
    let error = model(&server).respond(&request).await.unwrap_err();
    assert_eq!(
        error,
        ModelError::RateLimited {
            message: "slow down".into(),
            retry_after: Some(Duration::from_secs(7)),
        }
    );
    assert!(error.is_retryable());
    // The policy says so.
    assert_eq!(server.requests().len(), 1);
}

/// Failures, and their messages in the trace.
#[tokio::test]
async fn failures_look_different_in_the_trace() {
    let error = |message: &str| json!({"error": {"message": message}}).to_string();
    for (status, kind, message, expected) in [
        (400, "rejected", "bad", "the model server rejected the request (HTTP 400): bad"),
        (401, "authentication", "who?", "the model server refused the API key (HTTP 401): who?"),
        (413, "rejected", "too long", "the model server rejected the request (HTTP 413): too long"),
        (429, "rate_limited", "wait", "rate limit of the model server exceeded: wait"),
        (500, "server", "oops", "the model server failed (HTTP 500): oops"),
    ] {
        let answer = Answer::status(status, &error(message));
        let server = Server::start([answer]).await;
        let model = TracedModel::new(model(&server));
        let capture = Capture::new();
        let request = ModelRequest::new([Message::user("hi")]);
        assert!(capture.run_async(model.respond(&request)).await.is_err());
        assert_span_tree!(capture.spans_async().await, {
            llm "test-model" [
                status = error,
                "error.type" = kind,
                "error.message" = expected,
                "http.response.status_code" = status,
                "gen_ai.request.model" = "test-model",
                !"gen_ai.response.id",
                !event "retry"
            ]
        });
    }
}

#[tokio::test]
async fn p3_requests_carry_traceparent() {
    let answer = || Answer::ok(&json!({"choices": [{"message": {"content": "hi"}}]}));
    let server = Server::start([answer(), answer()]).await;
    let traced = TracedModel::new(model(&server));
    let request = ModelRequest::new([Message::user("hi")]);
    let capture = Capture::new();
    capture.run_async(traced.respond(&request)).await.unwrap();
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, { llm "test-model" });
    let span = spans.only("test-model");
    let expected = format!("traceparent: 00-{}-{}-01", span.trace_id().hex(), span.span_id().hex());
    let head = &server.requests()[0].head;
    assert!(head.contains(&expected), "{head} has no {expected}");

    let quiet = OpenAiModel::builder("m").base_url(server.url()).propagates_trace(false);
    let quiet = TracedModel::new(quiet.build().unwrap());
    capture.run_async(quiet.respond(&request)).await.unwrap();
    assert!(!server.requests()[1].head.contains("traceparent"));
}

/// A journal that loses the first result, as a process that is killed before it is stored.
#[derive(Default)]
struct Forgetful(AtomicBool);

#[async_trait]
impl Journal for Forgetful {
    async fn step(
        &self,
        _: &str,
        work: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        let result = work.await;
        if self.0.swap(true, Ordering::Relaxed) { Ok(result) } else { Err("killed".into()) }
    }

    async fn known(&self, _: &str) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        Ok(None)
    }
}

#[tokio::test]
async fn a_journaled_call_that_is_repeated_has_the_key_of_the_first() {
    let answer = || Answer::ok(&json!({"choices": [{"message": {"content": "hi"}}]}));
    let server = Server::start([answer(), answer(), answer(), answer()]).await;
    let agent = Agent::builder("Greeter", model(&server)).build();
    let config = RunConfig::new().journal(Forgetful::default()).run_id("order-17");
    let journaled = Runner::new().with_config(config);
    journaled.run(&agent, "hello").await.unwrap_err();
    journaled.run(&agent, "hello").await.unwrap();
    agent.run("hello").await.unwrap();
    let odd = RunConfig::new().journal(Forgetful(true.into())).run_id("bestellung-ü\n");
    Runner::new().with_config(odd).run(&agent, "hello").await.unwrap();
    let key = |request: &Request| {
        let mut lines = request.head.lines();
        lines.find_map(|line| line.strip_prefix("idempotency-key: ").map(str::to_owned))
    };
    let keys: Vec<_> = server.requests().iter().map(key).collect();
    let key = Some("order-17/1".to_owned());
    assert_eq!(keys, [key.clone(), key, None, None]);
}

#[tokio::test]
async fn each_status_has_its_own_error() {
    let error = ask(Answer::status(503, "upstream is down")).await;
    assert!(matches!(&error, ModelError::Server { status: 503, message, .. }
        if message == "upstream is down"));
    let error = ask(Answer::status(400, r#"{"error": "no such model"}"#)).await;
    assert!(matches!(&error, ModelError::Rejected { status: 400, message }
        if message == "no such model"));
    let error = ask(Answer::status(200, "<html>secret completion</html>")).await;
    assert!(matches!(&error, ModelError::Malformed { .. }));
    assert!(!error.to_string().contains("secret completion"));
    assert!(error.to_string().contains("a page instead of JSON; check the base URL"), "{error}");
    let error = ask(Answer::status(404, "Not Found")).await.to_string();
    assert!(error.contains("; the request went to http://127.0.0.1:"), "{error}");
    let error = ask(Answer::status(200, "{}")).await;
    assert!(matches!(error, ModelError::Malformed { .. }));
}

#[tokio::test]
async fn an_unreachable_server_is_a_connection_error() {
    let server = Server::start([]).await;
    let model = model(&server);
    let url = server.url();
    server.stop();
    let error = model.respond(&ModelRequest::new([Message::user("hi")])).await.unwrap_err();
    let host = url.trim_start_matches("http://").split('/').next().unwrap();
    let text = format!("connection to the model server failed: {host}: ");
    assert!(error.to_string().starts_with(&text), "{error}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_server_that_does_not_answer_times_out() {
    let server = Server::start([Answer::never()]).await;
    let after = Duration::from_millis(50);
    let model = OpenAiModel::builder("m").base_url(server.url()).timeout(after);
    let model = model.retries(RetryPolicy::never()).build().unwrap();
    let error = model.respond(&ModelRequest::new([Message::user("hi")])).await.unwrap_err();
    assert_eq!(error, ModelError::Timeout { after });
}

#[tokio::test]
async fn an_oversized_response_is_not_read_to_its_end() {
    let words = "a".repeat(65 << 20);
    let error = ask(Answer::ok(&json!({"choices": [{"message": {"content": words}}]}))).await;
    assert!(
        matches!(&error, ModelError::Malformed { message } if message.contains("longer than")),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_a_server_that_cannot_be_reached() {
    let cut = Answer::status(200, r#"{"choices": [{"mess"#).header("Transfer-Encoding", "chunked");
    let error = ask(cut).await;
    assert!(matches!(error, ModelError::Interrupted { pieces: 0, .. }), "{error:?}");
    assert!(error.to_string().starts_with("the model server's response broke off: "), "{error}");
}

#[test]
fn a_call_outside_of_a_runtime_is_an_error() {
    let model = OpenAiModel::builder("m").base_url("http://127.0.0.1:9/v1").build().unwrap();
    let request = ModelRequest::new([Message::user("hi")]);
    let mut call = model.respond(&request);
    let answer = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Err(error)) = answer else { panic!("{answer:?}") };
    assert!(error.to_string().contains("tokio runtime"), "{error}");
}

#[tokio::test]
async fn d2_an_echo_of_the_key_with_escapes_is_hidden_and_controls_are_escaped() {
    let body = r#"oh {"key": "\u0073k-test-0123456789"} "#.to_owned() + "\u{1b}[2J\u{202e}";
    let error = ask(Answer::status(400, &body)).await;
    let text = format!("{error} {error:?}");
    assert!(error.to_string().contains(r#""[REDACTED]"} \u{1b}[2J\u{202e}"#), "{error}");
    assert!(!text.contains("0123456789") && !text.contains(['\u{1b}', '\u{202e}']), "{text}");
}

#[tokio::test]
async fn the_cost_that_a_gateway_reports_precedes_the_price_table() {
    let answer = |usage: serde_json::Value| {
        Answer::ok(&json!({
            "choices": [{"message": {"content": "hi"}}], "model": "gpt-4o", "usage": usage,
        }))
    };
    let usage = json!({"prompt_tokens": 1_000, "completion_tokens": 0});
    let mut reported = usage.clone();
    reported["cost"] = json!(0.25);
    let header = answer(usage.clone()).header("x-litellm-response-cost", "0.5");
    let unknown = answer(usage.clone()).header("x-litellm-response-cost", "0.0");
    let server = Server::start([answer(reported), answer(usage), header, unknown]).await;
    let agent = Agent::builder("Caller", model(&server)).build();
    let capture = Capture::new();
    for expected in [0.25, 0.002_5, 0.5, 0.002_5] {
        let result = capture.run_async(agent.run("hi")).await.unwrap();
        assert_eq!(result.cost.usd(), Some(expected));
        let spans = capture.spans_async().await;
        let call = spans.by_component("test-model").last().unwrap();
        let cost = call.attributes().get("gen_ai.usage.cost").and_then(ValueRef::as_f64);
        assert_eq!(cost, Some(expected));
    }
}

#[tokio::test]
async fn usage_that_the_server_does_not_report_is_not_in_the_trace() {
    let answer = |usage: serde_json::Value| {
        Answer::ok(&json!({"choices": [{"message": {"content": "hi"}}], "usage": usage}))
    };
    let zero = json!({"prompt_tokens": 0, "completion_tokens": 0});
    let answers = [answer(json!(null)), answer(json!({"prompt_tokens": 3})), answer(zero)];
    let server = Server::start(answers).await;
    let (model, request) =
        (TracedModel::new(model(&server)), ModelRequest::new([Message::user("hi")]));
    let capture = Capture::new();
    for _ in 0..3 {
        capture.run_async(model.respond(&request)).await.unwrap();
    }
    assert_span_tree!(capture.spans_async().await, {
        llm "test-model" [!"gen_ai.usage.input_tokens", !"gen_ai.usage.output_tokens"]
        llm "test-model" ["gen_ai.usage.input_tokens" = 3, !"gen_ai.usage.output_tokens"]
        llm "test-model" ["gen_ai.usage.input_tokens" = 0, "gen_ai.usage.output_tokens" = 0]
    });
}
