//! The Responses API of llama.cpp, which keeps no responses and ignores the form of answers.

use raaf_agents::{
    Message, Model as _, ModelRequest, OpenAiResponses, ToolCall, openai::ServerState,
};
use raaf_testkit::assert_span_tree;
use serde_json::json;

use super::{answered, request, server::Server};

fn model(server: &Server) -> OpenAiResponses {
    OpenAiResponses::builder("smollm2").base_url(server.url()).build().unwrap()
}

pub(crate) async fn are_answered(server: &Server) {
    answers_with_usage(server).await;
    super::streams_with_usage(model(server)).await;
    reads_a_conversation_with_a_tool(server).await;
    super::shows_that_an_answer_was_cut(model(server)).await;
    super::reports_the_sizes_of_a_conversation_that_is_too_long(model(server)).await;
    keeps_no_responses(server).await;
}

async fn answers_with_usage(server: &Server) {
    assert_span_tree!(answered(model(server)).await, {
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
