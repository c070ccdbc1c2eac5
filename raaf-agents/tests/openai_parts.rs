//! Parts of messages that Chat Completions cannot carry: an error before anything is sent, or an event.

#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use raaf_agents::{
    Agent, Media, Message, Model as _, ModelRequest, OpenAiModel, Part, RunErrorKind,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::json;
use server::{Answer, Server};

fn model(server: &Server) -> OpenAiModel {
    OpenAiModel::builder("m").base_url(server.url()).build().unwrap()
}

fn yes() -> Answer {
    Answer::ok(&json!({"choices": [{"message": {"content": "yes"}}]}))
}

#[tokio::test]
async fn a_part_that_cannot_be_sent_fails_the_call_before_it_is_made() {
    let server = Server::start([yes()]).await;
    let agent = Agent::builder("Looker", model(&server)).build();
    let question = [Part::text("What is it?"), Part::Image(Media::file_id("file-1"))];
    let capture = Capture::new();
    let error = capture.run_async(agent.run(question)).await.unwrap_err();
    assert!(matches!(&error.kind, RunErrorKind::Model(error) if !error.is_retryable()));
    let text = "agent `Looker` (turn 1): the model call failed: the request cannot be sent: part 2 of \
                message 1 (user) is an image given by the id of a file; expected `Media::bytes` or \
                `Media::url`";
    assert_eq!(error.to_string(), text);
    assert!(server.requests().is_empty());
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" [error "unsupported"] {
            agent "Looker" [error "unsupported"] { llm "m" [error "unsupported"] }
        }
    });
}

#[tokio::test]
async fn an_old_part_that_cannot_be_sent_does_not_stop_the_conversation() {
    let server = Server::start([yes()]).await;
    let hologram = Part::Unknown(json!({"type": "hologram"}));
    let conversation = vec![
        Message::user([Part::text("see"), hologram.clone()]),
        Message::assistant([Part::text("I see."), hologram]),
        Message::user("Is it nice?"),
    ];
    let agent = Agent::builder("Looker", model(&server)).build();
    let capture = Capture::new();
    capture.run_async(agent.run(conversation)).await.unwrap();
    let sent = &server.requests()[0].body["messages"];
    assert_eq!(
        sent[0]["content"][1]["text"],
        "[a part of the unknown type `hologram`, which cannot be sent]"
    );
    assert_eq!(sent[1]["content"], "I see.");
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Looker" {
                llm "m" [
                    ok,
                    event "conversation.parts_left_out" [
                        "conversation.parts" = ["a part of the unknown type `hologram`",
                                                "a part of the unknown type `hologram`"]
                    ]
                ]
            }
        }
    });
}

#[tokio::test]
async fn a_request_without_messages_is_not_sent() {
    let server = Server::start([yes()]).await;
    let model = model(&server);
    let error = model.clone().respond(&ModelRequest::new([])).await.unwrap_err();
    assert_eq!(error.kind(), "unsupported");
    assert!(server.requests().is_empty());
    let instructed = ModelRequest::new([]).with_instructions("Say yes.");
    assert_eq!(model.respond(&instructed).await.unwrap().message.text(), "yes");
}
