//! The Responses API of llama.cpp, which keeps no responses and ignores the form of answers.

use futures::StreamExt as _;
use raaf_agents::{
    Agent, FinishReason, Message, Model as _, ModelChunk, ModelError, ModelRequest,
    OpenAiResponses, ToolCall, TracedModel, openai::ServerState,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::json;

use super::{request, server::Server};

fn model(server: &Server) -> OpenAiResponses {
    OpenAiResponses::builder("smollm2").base_url(server.url()).build().unwrap()
}

pub(crate) async fn are_answered(server: &Server) {
    answers_with_usage(server).await;
    streams_with_usage(server).await;
    reads_a_conversation_with_a_tool(server).await;
    shows_that_an_answer_was_cut(server).await;
    reports_the_sizes_of_a_conversation_that_is_too_long(server).await;
    keeps_no_responses(server).await;
}

async fn answers_with_usage(server: &Server) {
    let (model, capture) = (TracedModel::new(model(server)), Capture::new());
    let answer = capture.run_async(model.respond(&request("Say hello.", 16))).await.unwrap();
    assert!(!answer.message.text().is_empty(), "{answer:?}");
    assert!(answer.usage.input_tokens > 0 && (1..=16).contains(&answer.usage.output_tokens));
    assert_span_tree!(capture.spans_async().await, {
        llm "smollm2" [
            ok,
            "openai.api.type" = "responses",
            "gen_ai.response.id",
            "gen_ai.response.model" = "smollm2",
            "gen_ai.usage.output_tokens" > 0,
            !"openai.response.stored"
        ]
    });
}

async fn streams_with_usage(server: &Server) {
    let (model, capture) = (TracedModel::new(model(server)), Capture::new());
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

async fn reads_a_conversation_with_a_tool(server: &Server) {
    let call = ToolCall::new("call_1", "search", &json!({"query": "tower"}));
    let mut request = request("How high is the tower?", 8);
    request.messages.extend([
        Message::calls([call.clone()]),
        Message::tool(&call, "324 m"),
        Message::assistant("It is 324 m high."),
        Message::user("Thank you."),
    ]);
    let first = model(server).respond(&request).await.unwrap();
    request.messages.extend([first.message, Message::user("And the other one?")]);
    model(server).respond(&request).await.unwrap();
}

async fn shows_that_an_answer_was_cut(server: &Server) {
    let agent = Agent::builder("Counter", model(server)).temperature(0.0).max_tokens(2).build();
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

async fn reports_the_sizes_of_a_conversation_that_is_too_long(server: &Server) {
    let (model, request) = (model(server), request(&"word ".repeat(2_000), 16));
    let whole = model.respond(&request).await.unwrap_err();
    assert_eq!(model.stream(&request).next().await, Some(Err(whole.clone())));
    let ModelError::ContextOverflow { tokens, limit, .. } = whole else { panic!("{whole:?}") };
    assert!(tokens > Some(2_000) && limit == Some(1024), "{tokens:?} of {limit:?}");
}

async fn keeps_no_responses(server: &Server) {
    let model = OpenAiResponses::builder("smollm2").base_url(server.url());
    let model = model.server_state(ServerState::PreviousResponse).build().unwrap();
    let first = model.respond(&request("Say hello.", 4)).await.unwrap();
    let request = ModelRequest::new([
        Message::user("Say hello."),
        first.message,
        Message::user("Say it again."),
    ]);
    let error = model.respond(&request).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), ("rejected", Some(400)));
    assert!(error.to_string().contains("ServerState::None"), "{error}");
}
