//! The clients of Chat Completions and of the Responses API against a foreign server: the `LiteLLM` proxy, with mock responses
//! and a handler that scripts tool calls.
//!
//! It runs in CI, and wherever `RAAF_LITELLM` is set to the proxy's path.

#![cfg(all(feature = "openai", unix))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends here")]

#[path = "../common/mod.rs"]
mod common;
mod proxy;
#[path = "../python/mod.rs"]
mod python;
mod responses;

use std::time::Duration;

use futures::StreamExt as _;
use raaf_agents::{
    Agent, Message, Model, ModelChunk, ModelRequest, OpenAiModel, RetryPolicy, ToolSpec,
    TracedModel,
};
use raaf_testkit::{Capture, Spans, assert_span_tree};
use serde_json::json;

use common::shout;
use proxy::Proxy;

#[tokio::test]
#[allow(clippy::print_stderr, reason = "who reads the log has to see that nothing was tested")]
async fn a_server_that_nobody_here_wrote_understands_and_is_understood() {
    let proxy = match Proxy::start().await {
        Ok(proxy) => proxy,
        Err(reason) => return eprintln!("skipped, there is no LiteLLM proxy: {reason}"),
    };
    // One test, since the proxy takes its time to start.
    answers_with_words(&proxy).await;
    streams_words(&proxy).await;
    tells_what_a_call_costs(&proxy).await;
    makes_the_round_trip_with_a_tool(model(&proxy, "tools")).await;
    streams_tool_calls(&proxy).await;
    fails_as_it_says(&proxy).await;
    refuses_another_key(&proxy).await;
    responses::are_answered(&proxy).await;
}

fn model(proxy: &Proxy, name: &str) -> OpenAiModel {
    let shortly = Duration::from_millis(1);
    let builder = OpenAiModel::builder(name).base_url(proxy.url()).api_key(proxy.key());
    builder.retries(RetryPolicy::new(1).with_delays(shortly, shortly)).build().unwrap()
}

fn request() -> ModelRequest {
    ModelRequest::new([Message::user("Does it rain in Oslo?")])
}

/// Answers with words, and returns the spans.
async fn answered(model: impl Model + 'static) -> Spans {
    let (model, capture) = (TracedModel::new(model), Capture::new());
    let answer = capture.run_async(model.respond(&request())).await.unwrap();
    assert_eq!(answer.message.text(), "It rains in Oslo.");
    capture.spans_async().await
}

async fn answers_with_words(proxy: &Proxy) {
    assert_span_tree!(answered(model(proxy, "words")).await, {
        llm "words" [
            ok,
            "gen_ai.response.id",
            "gen_ai.response.finish_reasons" = ["stop"],
            "gen_ai.usage.input_tokens" > 0,
            "gen_ai.usage.output_tokens" > 0
        ]
    });
}

async fn streams_words(proxy: &Proxy) {
    let (model, capture) = (TracedModel::new(model(proxy, "words")), Capture::new());
    let request = request();
    let pieces: Vec<_> = capture.run_async(model.stream(&request).collect()).await;
    let texts = pieces.iter().filter(|piece| matches!(piece, Ok(ModelChunk::Text(_)))).count();
    assert!(texts > 1, "{pieces:?}");
    let Some(Ok(ModelChunk::Done(whole))) = pieces.last() else { panic!("{pieces:?}") };
    assert_eq!(whole.message.text(), "It rains in Oslo.");
    assert_span_tree!(capture.spans_async().await, {
        llm "words" [
            ok,
            "gen_ai.response.time_to_first_chunk" > 0.0,
            "gen_ai.response.finish_reasons" = ["stop"],
            "gen_ai.usage.output_tokens" > 0,
            "gen_ai.output.messages" contains "It rains in Oslo."
        ]
    });
}

async fn tells_what_a_call_costs(proxy: &Proxy) {
    let cost = |answer: raaf_agents::ModelResponse| answer.cost_usd;
    let answer = TracedModel::new(model(proxy, "priced")).respond(&request()).await.unwrap();
    assert!(cost(answer).is_some_and(|usd| usd > 0.0));
    let answer = TracedModel::new(model(proxy, "words")).respond(&request()).await.unwrap();
    assert_eq!(cost(answer), None, "it has no price");
}

async fn makes_the_round_trip_with_a_tool(model: impl Model + 'static) {
    let agent = Agent::builder("Caller", model).tool(shout()).build();
    let capture = Capture::new();
    let result = capture.run_async(agent.run("Shout hey")).await.unwrap();
    assert_eq!(result.output, "It says HEY.");
    assert_eq!((result.usage.input_tokens, result.usage.output_tokens), (22, 14));
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Caller" {
                llm "tools" [ok, "gen_ai.response.finish_reasons" = ["tool_calls"]]
                tool "shout" [ok, "tool.call_id" = "call_1", "tool.result" = "HEY"]
                llm "tools" [ok, "gen_ai.response.finish_reasons" = ["stop"]]
            }
        }
    });
}

async fn streams_tool_calls(proxy: &Proxy) {
    let (model, capture) = (TracedModel::new(model(proxy, "tools")), Capture::new());
    let shout = ToolSpec::new("shout", "Shouts.", json!({"type": "object", "properties": {}}));
    let request = request().with_tools([shout]);
    let pieces: Vec<_> = capture.run_async(model.stream(&request).collect()).await;
    let Some(Ok(ModelChunk::Done(whole))) = pieces.last() else { panic!("{pieces:?}") };
    let [call] = &whole.message.tool_calls().collect::<Vec<_>>()[..] else { panic!("{whole:?}") };
    assert_eq!((&*call.id, &*call.name), ("call_1", "shout"));
    let arguments: serde_json::Value = serde_json::from_str(&call.arguments).unwrap();
    assert_eq!(arguments, json!({"text": "hey"}));
    assert_span_tree!(capture.spans_async().await, {
        llm "tools" [
            ok,
            "gen_ai.response.finish_reasons" = ["tool_calls"],
            "gen_ai.usage.input_tokens" = 11,
            "gen_ai.usage.output_tokens" = 7
        ]
    });
}

async fn fails_as_it_says(proxy: &Proxy) {
    for (name, status, kind) in [("limited", 429, "rate_limited"), ("failing", 500, "server")] {
        let (model, capture) = (TracedModel::new(model(proxy, name)), Capture::new());
        let error = capture.run_async(model.respond(&request())).await.unwrap_err();
        assert_eq!(error.status(), Some(status), "{error}");
        assert_span_tree!(capture.spans_async().await, {
            llm (name) [
                status = error,
                "error.type" = kind,
                "error.message" ~ "2 tries\\)$",
                "http.response.status_code" = i64::from(status),
                "retry.count" = 1,
                event "retry" ["http.response.status_code" = i64::from(status)]
            ]
        });
    }
}

async fn refuses_another_key(proxy: &Proxy) {
    let model = OpenAiModel::builder("words").base_url(proxy.url()).api_key("sk-another-key");
    let (model, capture) = (TracedModel::new(model.build().unwrap()), Capture::new());
    let error = capture.run_async(model.respond(&request())).await.unwrap_err();
    // Without a database the proxy answers 400 to a key that it does not know.
    assert!(!error.is_retryable(), "{error}");
    let spans = capture.spans_async().await;
    assert_span_tree!(spans, { llm "words" [status = error, "error.type" = error.kind(), !event "retry"] });
    assert!(!format!("{error:?} {spans:?}").contains("sk-another-key"));
}
