//! Conversations that the server keeps.

use raaf_agents::{
    Agent, MemorySession, Message, Model as _, RunConfig, Runner, Session,
    openai::{ServerState, TypedAnswers},
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};

use super::{asked, builder, call, common::shout, message, respond, response, settings::Weather};
use crate::server::{Answer, Server};

/// A stored response with this id.
fn stored(id: &str, output: &Json) -> Answer {
    let mut body = response(output);
    (body["id"], body["store"]) = (id.into(), true.into());
    Answer::ok(&body)
}

fn user(text: &str) -> Json {
    json!({"type": "message", "role": "user", "content": text})
}

#[tokio::test]
async fn only_what_is_new_is_sent_in_a_run_and_in_the_next() {
    let server = Server::start([
        stored("resp_1", &json!([call("c", "shout", r#"{"text":"hey"}"#)])),
        stored("resp_2", &json!([message("HEY")])),
        stored("resp_3", &json!([message("Bye.")])),
    ])
    .await;
    let model = builder(&server).server_state(ServerState::PreviousResponse).build().unwrap();
    let agent = Agent::builder("Clerk", model).instructions("Be brief.").tool(shout()).build();
    let session = std::sync::Arc::new(MemorySession::new());
    let runner = Runner::new().with_config(
        RunConfig::new().session(std::sync::Arc::clone(&session) as std::sync::Arc<dyn Session>),
    );
    let capture = Capture::new();
    capture.run_async(runner.run(&agent, "Shout hey")).await.unwrap();
    capture.run_async(runner.run(&agent, "Thanks")).await.unwrap();
    let bodies: Vec<_> = server.requests().into_iter().map(|request| request.body).collect();
    let previous: Vec<_> =
        bodies.iter().map(|body| body["previous_response_id"].as_str()).collect();
    assert_eq!(previous, [None, Some("resp_1"), Some("resp_2")]);
    assert_eq!(bodies[0]["input"], json!([user("Shout hey")]));
    let result = json!({"type": "function_call_output", "call_id": "c", "output": "HEY"});
    assert_eq!(bodies[1]["input"], json!([result]));
    assert_eq!(bodies[2]["input"], json!([user("Thanks")]));
    assert!(bodies.iter().all(|body| body["instructions"] == "Be brief."), "they are not kept");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Clerk" {
                llm "m" [ok, "openai.response.stored" = true]
                tool "shout" [ok]
                llm "m" [ok]
            }
        }
        runner "Runner" { agent "Clerk" { llm "m" [ok, "gen_ai.response.id" = "resp_3"] } }
    });
    server.stop();
}

#[tokio::test]
async fn a_conversation_of_the_server_gets_what_it_does_not_have() {
    let of = |id: &str, conversation: &str| {
        let mut body = response(&json!([message("ok")]));
        body["id"] = id.into();
        body["conversation"] = json!({"id": conversation});
        Answer::ok(&body)
    };
    let server =
        Server::start([of("resp_1", "conv_1"), of("resp_2", "conv_1"), of("resp_3", "conv_2")])
            .await;
    let state = |id: &str| ServerState::Conversation(id.to_owned());
    let agent = |id: &str| {
        Agent::builder("Clerk", builder(&server).server_state(state(id)).build().unwrap()).build()
    };
    let first = agent("conv_1").run("one").await.unwrap();
    let mut messages = first.messages;
    messages.push(Message::user("two"));
    let second = agent("conv_1").run(messages).await.unwrap();
    let mut messages = second.messages;
    messages.push(Message::user("three"));
    agent("conv_2").run(messages).await.unwrap();
    let bodies: Vec<_> = server.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(
        (&bodies[0]["conversation"], &bodies[0]["input"]),
        (&json!("conv_1"), &json!([user("one")]))
    );
    assert_eq!(bodies[1]["input"], json!([user("two")]));
    assert_eq!(bodies[2]["conversation"], "conv_2");
    assert_eq!(bodies[2]["input"].as_array().unwrap().len(), 5, "all of another conversation");
    server.stop();
}

#[tokio::test]
async fn a_response_that_the_server_has_lost_is_a_clear_error() {
    for (status, error) in [
        (
            400,
            json!({
                "message": "Previous response with id 'resp_1' not found.",
                "type": "invalid_request_error", "param": "previous_response_id",
                "code": "previous_response_not_found",
            }),
        ),
        (404, json!({"message": "Response with id 'resp_1' not found.", "code": 404})),
        (400, json!({"message": "this server does not support 'previous_response_id'"})),
    ] {
        let answer = Answer::status(status, &json!({"error": error}).to_string());
        let server = Server::start([stored("resp_1", &json!([message("ok")])), answer]).await;
        let model = builder(&server).server_state(ServerState::PreviousResponse).build().unwrap();
        let mut request = asked();
        request.messages.push(model.respond(&request).await.unwrap().message);
        request.messages.push(Message::user("more"));
        let error_text = model.respond(&request).await.unwrap_err().to_string();
        let told = error["message"].as_str().unwrap();
        assert_eq!(
            error_text,
            format!(
                "the model server rejected the request (HTTP {status}): {told}; the server does not \
                 have the response: send the whole conversation, with `ServerState::None`"
            )
        );
        server.stop();
    }
}

#[tokio::test]
async fn a_response_that_was_not_stored_is_not_continued() {
    let mut body = response(&json!([message("ok")]));
    body["store"] = false.into();
    let server =
        Server::start([Answer::ok(&body), stored("resp_2", &json!([message("ok")]))]).await;
    let model = builder(&server).server_state(ServerState::PreviousResponse).build().unwrap();
    let mut request = asked();
    request.messages.push(model.respond(&request).await.unwrap().message);
    request.messages.push(Message::user("more"));
    model.respond(&request).await.unwrap();
    let body = &server.requests()[1].body;
    assert_eq!(body["previous_response_id"], Json::Null);
    assert_eq!(body["input"].as_array().unwrap().len(), 3);
    server.stop();
}

#[tokio::test]
async fn a_response_of_another_server_is_not_continued() {
    let answer = stored("resp_1", &json!([message("ok")]));
    let (outcome, _) = respond(answer, &asked(), |builder| builder, &Capture::new()).await;
    let mut request = asked();
    request.messages.extend([outcome.unwrap().message, Message::user("more")]);
    let next = stored("resp_2", &json!([message("ok")]));
    let change = |builder: raaf_agents::openai::OpenAiModelBuilder<_>| {
        builder.server_state(ServerState::PreviousResponse)
    };
    let (outcome, body) = respond(next, &request, change, &Capture::new()).await;
    outcome.unwrap();
    assert_eq!(body["previous_response_id"], Json::Null);
    assert_eq!(body["input"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_call_for_the_answer_gets_a_result_at_a_server_that_keeps_it() {
    let answer = || call("a", "final_answer", r#"{"rain":true}"#);
    let server = Server::start([
        stored("resp_1", &json!([call("c", "shout", r#"{"text":"hey"}"#), answer()])),
        stored("resp_2", &json!([answer()])),
        stored("resp_3", &json!([answer()])),
    ])
    .await;
    let model = builder(&server)
        .server_state(ServerState::PreviousResponse)
        .profile(|profile| profile.typed_answers = TypedAnswers::Tool);
    let agent = Agent::builder("Clerk", model.build().unwrap())
        .tool(shout())
        .output_type::<Weather>()
        .build();
    let session = std::sync::Arc::new(MemorySession::new());
    let runner = Runner::new().with_config(RunConfig::new().session(session));
    runner.run(&agent, "Does it rain?").await.unwrap();
    runner.run(&agent, "And now?").await.unwrap();
    let inputs: Vec<_> =
        server.requests().into_iter().map(|request| request.body["input"].clone()).collect();
    let results = |id: &str| {
        let of_call = |input: &Json| {
            let items = input.as_array().unwrap().iter();
            items.filter(|item| item["call_id"] == id).count()
        };
        inputs.iter().map(of_call).collect::<Vec<_>>()
    };
    assert_eq!(results("a"), [0, 1, 1], "{inputs:?}");
    assert_eq!(results("c"), [0, 1, 0], "{inputs:?}");
    server.stop();
}
