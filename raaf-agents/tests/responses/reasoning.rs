//! Reasoning, next to its calls and in its own form.

use raaf_agents::{Agent, Message, Model as _, ModelRequest, OpenAiModel, Part};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::{Value as Json, json};

use super::{asked, builder, call, common::shout, message, respond, response};
use crate::server::{Answer, Server};

fn reasoning(id: &str, encrypted: &Json) -> Json {
    json!({
        "type": "reasoning", "id": id, "encrypted_content": encrypted, "status": null,
        "summary": [{"type": "summary_text", "text": "First."},
                    {"type": "summary_text", "text": "Then."}],
    })
}

#[tokio::test]
async fn reasoning_goes_back_next_to_its_call() {
    let first = response(&json!([
        reasoning("rs_1", &json!("secret-1")),
        call("call_1", "shout", r#"{"text":"hey"}"#),
        reasoning("rs_2", &json!("secret-2")),
        call("call_2", "shout", r#"{"text":"you"}"#),
    ]));
    let second = response(&json!([message("HEY YOU")]));
    let server = Server::start([Answer::ok(&first), Answer::ok(&second)]).await;
    let model = builder(&server).store(false).build().unwrap();
    let agent = Agent::builder("Thinker", model).tool(shout()).build();
    let capture = Capture::new();
    capture.run_async(agent.run("Shout")).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].body["include"], json!(["reasoning.encrypted_content"]));
    let input = requests[1].body["input"].as_array().unwrap();
    let kinds: Vec<_> = input.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "message",
            "reasoning",
            "function_call",
            "reasoning",
            "function_call",
            "function_call_output",
            "function_call_output",
        ]
    );
    let mut expected = reasoning("rs_1", &json!("secret-1"));
    expected.as_object_mut().unwrap().remove("status");
    assert_eq!(input[1], expected, "without the null, which servers do not take back");
    assert_eq!(input[3]["encrypted_content"], "secret-2");
    let spans = capture.spans_async().await;
    assert!(!format!("{spans:?}").contains("secret-1"), "only the server can read it");
    assert_span_tree!(spans, {
        runner "Runner" {
            agent "Thinker" {
                llm "m" [ok, "gen_ai.output.messages" contains "First.\\n\\nThen."]
                tool "shout" [ok]
                tool "shout" [ok]
                llm "m" [ok]
            }
        }
    });
    server.stop();
}

#[tokio::test]
async fn reasoning_that_a_server_cannot_find_is_left_out() {
    let output = json!([reasoning("rs_1", &Json::Null), message("It rains.")]);
    let mut request = asked();
    request.messages.extend([Message::assistant(""), Message::user("And now?")]);
    for (is_stored, kinds) in
        [(true, &["message", "reasoning", "message", "message"][..]), (false, &["message"; 3])]
    {
        let sent = sent_back(&request, &output, is_stored).await;
        let sent: Vec<_> = sent.iter().map(|item| item["type"].as_str().unwrap()).collect();
        assert_eq!(sent, kinds);
    }
}

/// Asks twice, the second time with the first answer as the second message, and returns the input of
/// the second request.
async fn sent_back(second: &ModelRequest, output: &Json, is_stored: bool) -> Vec<Json> {
    let server = Server::start([
        Answer::ok(&response(output)),
        Answer::ok(&response(&json!([message("ok")]))),
    ])
    .await;
    let model = builder(&server).store(is_stored).build().unwrap();
    let answer = model.respond(&asked()).await.unwrap();
    let mut request = second.clone();
    request.messages[1] = answer.message;
    model.respond(&request).await.unwrap();
    let input = server.requests()[1].body["input"].as_array().unwrap().clone();
    server.stop();
    input
}

#[tokio::test]
async fn messages_go_back_as_they_came_and_to_their_server_alone() {
    let mut first = message("It rains.");
    first["phase"] = "final_answer".into();
    let second = json!({
        "type": "message", "id": "msg_2", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "A"}, {"type": "refusal", "refusal": "No."}],
    });
    let output = json!([first, second, {"type": "compaction", "encrypted_content": "zip"}]);
    let mut request = asked();
    request.messages.extend([Message::assistant(""), Message::user("more")]);
    let sent = sent_back(&request, &output, true).await;
    assert_eq!(sent[1], first);
    assert_eq!(sent[2]["id"], "msg_2");
    assert_eq!(sent[2]["content"][1], json!({"type": "refusal", "refusal": "No."}));
    assert_eq!(sent[3], json!({"type": "compaction", "encrypted_content": "zip"}));
    // Another server, as the port is another.
    let (outcome, _) =
        respond(Answer::ok(&response(&output)), &asked(), |builder| builder, &Capture::new()).await;
    request.messages[1] = outcome.unwrap().message;
    let capture = Capture::new();
    let answer = Answer::ok(&response(&json!([message("ok")])));
    let (outcome, body) = respond(answer, &request, |builder| builder, &capture).await;
    outcome.unwrap();
    let body = body["input"].to_string();
    assert!(
        !body.contains("msg_") && !body.contains("zip") && body.contains("It rains."),
        "{body}"
    );
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [ok, event "conversation.parts_left_out"]
    });
}

#[tokio::test]
async fn what_the_server_sent_does_not_go_to_its_other_api() {
    let mut first = response(&json!([
        reasoning("rs_1", &json!("secret-1")),
        message("Let me see."),
        call("call_1", "shout", r#"{"text":"hey"}"#),
    ]));
    first["store"] = true.into();
    let chat = json!({"choices": [{"message": {"content": "ok"}}]});
    let server = Server::start([Answer::ok(&first), Answer::ok(&chat)]).await;
    let mut request = asked();
    let answer = builder(&server).build().unwrap().respond(&request).await.unwrap().message;
    let result = Message::tool(answer.tool_calls().next().unwrap(), "HEY");
    request.messages.extend([answer, result]);
    let model = OpenAiModel::builder("m").base_url(server.url()).build().unwrap();
    model.respond(&request).await.unwrap();
    assert_eq!(
        server.requests()[1].body["messages"][1],
        json!({"role": "assistant", "content": "Let me see.", "tool_calls": [
            {"id": "call_1", "type": "function",
             "function": {"name": "shout", "arguments": r#"{"text":"hey"}"#}}]})
    );
    server.stop();
}

#[tokio::test]
async fn a_comment_on_the_work_is_not_the_answer() {
    let mut comment = message("Let me see.");
    (comment["phase"], comment["id"]) = ("commentary".into(), "msg_0".into());
    let output = json!([comment, message("It rains.")]);
    let capture = Capture::new();
    let answer = Answer::ok(&response(&output));
    let (outcome, _) = respond(answer, &asked(), |builder| builder, &capture).await;
    let answer = outcome.unwrap().message;
    assert_eq!(answer.text(), "It rains.");
    assert_eq!(answer.reasoning().next().unwrap().readable(), "Let me see.");
    let mut request = asked();
    request.messages.extend([answer, Message::user("more")]);
    let sent = sent_back(&request, &output, true).await;
    assert_eq!((&sent[1], &sent[2]["id"]), (&comment, &json!("msg_1")));
}

#[test]
fn what_the_server_sent_survives_json() {
    let mut message = Message::assistant([Part::text("hi")]);
    message.provider_data =
        raaf_agents::ProviderData::new("host", [("response_id".to_owned(), json!("resp_1"))]);
    let json = serde_json::to_string(&message).unwrap();
    assert_eq!(serde_json::from_str::<Message>(&json).unwrap(), message);
}
