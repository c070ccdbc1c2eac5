//! Secrets that the Chat Completions client does not reveal, and answers at the edge of the protocol.

#![cfg(feature = "openai")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends here")]

mod server;

use futures::{StreamExt as _, TryStreamExt as _};
use raaf_agents::{
    Message, Model as _, ModelChunk, ModelError, ModelRequest, OpenAiModel, RetryPolicy, ToolSpec,
    openai::KeyHeader,
};
use serde_json::{Value as Json, json};
use server::{Answer, Server};

const KEY: &str = "sk-test-0123456789";
const OTHER_KEY: &str = "other-key-0123456789";

fn model(server: &Server) -> OpenAiModel {
    let builder = OpenAiModel::builder("m").base_url(server.url()).api_key(KEY);
    let builder = builder.profile(|profile| profile.key_header = KeyHeader::ApiKey);
    builder.retries(RetryPolicy::never()).build().unwrap()
}

fn request() -> ModelRequest {
    let mut request = ModelRequest::new([Message::user("hi")]);
    request.settings.extra_headers.insert("API-Key".to_owned(), OTHER_KEY.to_owned());
    request.settings.extra_query.insert("sig".to_owned(), "signature-0123456789".to_owned());
    request
}

async fn error(answer: Answer) -> ModelError {
    let server = Server::start([answer]).await;
    model(&server).respond(&request()).await.unwrap_err()
}

#[tokio::test]
async fn another_server_gets_neither_keys_nor_the_conversation() {
    for status in [301, 302, 307, 308] {
        let other = Server::start([Answer::ok(&json!({}))]).await;
        let to = format!("{}/chat/completions", other.url());
        let server = Server::start([Answer::status(status, "moved").header("Location", &to)]).await;
        let error = model(&server).respond(&request()).await.unwrap_err();
        let ModelError::Rejected { message, .. } = &error else { panic!("{error}") };
        assert_eq!(error.status(), Some(status));
        assert!(message.contains(other.url().trim_end_matches("/v1")), "{message}");
        assert!(other.requests().is_empty());
    }
}

#[tokio::test]
async fn an_extra_header_replaces_one_of_the_same_name() {
    let answer = Answer::ok(&json!({"choices": [{"message": {"content": "hi"}}]}));
    let server = Server::start([answer]).await;
    model(&server).respond(&request()).await.unwrap();
    let head = &server.requests()[0].head.to_lowercase();
    let keys: Vec<_> = head.lines().filter(|line| line.starts_with("api-key:")).collect();
    assert_eq!(keys, [format!("api-key: {OTHER_KEY}")]);

    let mut invalid = request();
    invalid.settings.extra_headers.insert("x".to_owned(), "line\nbreak".to_owned());
    let error = model(&server).respond(&invalid).await.unwrap_err();
    assert_eq!(error.to_string(), "the header `x` has an invalid name or value");
}

#[tokio::test]
async fn errors_do_not_repeat_what_was_sent_in_secret() {
    let echo = format!("{KEY} {OTHER_KEY} signature-0123456789");
    for answer in [
        Answer::status(400, &json!({"error": {"message": echo}}).to_string()),
        // A value of the wrong type, which the parser's error quotes.
        Answer::ok(&json!({"choices": echo})),
        Answer::ok(&json!({"choices": null, "error": {"message": echo}})),
    ] {
        let error = error(answer).await;
        let shown = format!("{error} {error:?}");
        for secret in [KEY, OTHER_KEY, "signature-0123456789"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_tool_of_the_user_may_have_the_name_of_the_answer_tool() {
    let message = json!({"tool_calls": [
        {"id": "c", "function": {"name": "final_answer", "arguments": "{\"a\":1}"}},
    ]});
    let body = json!({"choices": [{"message": message, "finish_reason": "tool_calls"}]});
    let server = Server::start([Answer::ok(&body)]).await;
    let mine = ToolSpec::new("final_answer", "Mine.", json!({"type": "object"}));
    let response = model(&server).respond(&request().with_tools([mine])).await.unwrap();
    assert_eq!(response.message.tool_calls().count(), 1);
    assert_eq!(response.message.text(), "");
}

async fn streamed(events: &[String]) -> Result<Vec<ModelChunk>, ModelError> {
    let server = Server::start([Answer::stream(events)]).await;
    let (model, request) = (model(&server), request());
    model.stream(&request).boxed().try_collect().await
}

#[tokio::test]
async fn characters_split_between_pieces_are_joined_in_all_texts() {
    let piece = |delta: &str| format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#);
    let events = [
        piece(
            r#"{"reasoning":"a \ud83d","reasoning_details":[{"type":"reasoning.text","text":"a \ud83d","index":0}]}"#,
        ),
        piece(
            r#"{"reasoning":"\ude00","reasoning_details":[{"type":"reasoning.text","text":"\ude00","index":0}]}"#,
        ),
        piece(r#"{"reasoning":" \ud83d"}"#),
        piece("{\"content\":\"\u{FFFE}b\"}"),
        "[DONE]".to_owned(),
    ];
    let mut chunks = streamed(&events).await.unwrap();
    let Some(ModelChunk::Done(response)) = chunks.pop() else { panic!("{chunks:?}") };
    let reasoning = response.message.reasoning().next().unwrap();
    assert_eq!(reasoning.text, "a 😀 \u{FFFD}");
    let details = &reasoning.provider_data.as_ref().unwrap().fields["reasoning_details"];
    assert_eq!(details[0]["text"], Json::from("a 😀"));
    assert_eq!(response.message.text(), "\u{FFFE}b");
}

#[tokio::test]
async fn an_error_in_a_choice_is_an_error() {
    let choice = json!({"error": {"code": 502, "message": "upstream"}, "finish_reason": "error",
        "message": {"content": ""}, "delta": {}});
    let body = json!({"choices": [choice]});
    let whole = error(Answer::ok(&body)).await;
    let expected =
        ModelError::Server { status: 502, message: "upstream".to_owned(), retry_after: None };
    assert_eq!(whole, expected);
    assert_eq!(streamed(&[body.to_string()]).await.unwrap_err(), expected);
}

#[tokio::test]
async fn a_stream_without_an_answer_is_not_an_empty_answer() {
    let events = [json!({"choices": []}).to_string(), "[DONE]".to_owned()];
    let error = streamed(&events).await.unwrap_err();
    assert_eq!(error, ModelError::Malformed { message: "no choices".to_owned() });
}
