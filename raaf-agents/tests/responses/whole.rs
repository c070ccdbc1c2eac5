//! Whole responses, and the items of conversations.

use raaf_agents::{
    Agent, FinishReason, Media, Message, Model as _, ModelRequest, Part, Role, ToolCall, Usage,
};
use raaf_testkit::{Capture, assert_span_tree};
use serde_json::json;

use super::{KEY, asked, builder, call, common::shout, message, respond, response};
use crate::server::{Answer, Server};

#[tokio::test]
async fn an_answer_is_read_and_its_span_has_it() {
    let capture = Capture::new();
    let answer = Answer::ok(&response(&json!([message("It rains.")])));
    let request = asked().with_instructions("Be brief.");
    let (outcome, body) = respond(answer, &request, |builder| builder, &capture).await;
    let answer = outcome.unwrap();
    assert_eq!(answer.message.text(), "It rains.");
    assert_eq!(answer.finish_reason, FinishReason::Stop);
    assert_eq!((answer.id.as_deref(), answer.model.as_deref()), (Some("resp_1"), Some("m-2026")));
    assert_eq!(
        body,
        json!({
            "model": "m", "instructions": "Be brief.",
            "input": [{"type": "message", "role": "user", "content": "Does it rain?"}],
        })
    );
    assert_span_tree!(capture.spans_async().await, {
        llm "m" [
            ok,
            "openai.api.type" = "responses",
            "gen_ai.response.id" = "resp_1",
            "gen_ai.response.model" = "m-2026",
            "gen_ai.response.finish_reasons" = ["stop"],
            "gen_ai.usage.input_tokens" = 9,
            "gen_ai.usage.output_tokens" = 4,
            "gen_ai.usage.cache_read.input_tokens" = 8,
            "gen_ai.usage.reasoning.output_tokens" = 2,
            "gen_ai.output.messages" contains "It rains.",
            !"openai.response.stored"
        ]
    });
}

#[tokio::test]
async fn a_run_makes_the_round_trip_with_a_tool() {
    let first = response(&json!([call("call_1", "shout", r#"{"text":"hey"}"#)]));
    let second = response(&json!([message("It says HEY.")]));
    let server = Server::start([Answer::ok(&first), Answer::ok(&second)]).await;
    let agent = Agent::builder("Caller", builder(&server).build().unwrap()).tool(shout()).build();
    let capture = Capture::new();
    let result = capture.run_async(agent.run("Shout hey")).await.unwrap();
    assert_eq!(result.output, "It says HEY.");
    let requests = server.requests();
    assert!(requests[0].head.starts_with("POST /v1/responses "), "{}", requests[0].head);
    assert_eq!(requests[0].body["tools"][0]["type"], "function");
    assert_eq!(requests[0].body["tools"][0]["name"], "shout");
    assert_eq!(
        requests[1].body["input"],
        json!([
            {"type": "message", "role": "user", "content": "Shout hey"},
            {"type": "function_call", "id": "fc_call_1", "call_id": "call_1", "name": "shout",
             "arguments": r#"{"text":"hey"}"#},
            {"type": "function_call_output", "call_id": "call_1", "output": "HEY"},
        ])
    );
    assert_span_tree!(capture.spans_async().await, {
        runner "Runner" {
            agent "Caller" {
                llm "m" [ok, "gen_ai.response.finish_reasons" = ["tool_calls"]]
                tool "shout" [ok, "tool.call_id" = "call_1", "tool.result" = "HEY"]
                llm "m" [ok, "gen_ai.response.finish_reasons" = ["stop"]]
            }
        }
    });
    server.stop();
}

#[tokio::test]
async fn media_are_items_and_results_of_tools_have_them() {
    let look = ToolCall::new("c", "look", &json!({"at": 1}));
    let png = || Part::Image(Media::bytes("image/png", b"abc").with_detail("low"));
    let request = ModelRequest::new([
        Message::system("Today is Monday."),
        Message::user([
            Part::text("see"),
            png(),
            Part::Image(Media::file_id("f1")),
            Part::Audio(Media::bytes("audio/mpeg", b"abc")),
            Part::File(Media::url("https://host/a.pdf")),
            Part::File(Media::bytes("application/pdf", b"abc")),
        ]),
        Message::new(Role::Assistant, [Part::text("Hm."), Part::ToolCall(look.clone())]),
        Message::tool(&look, [Part::text("two"), png()]),
    ]);
    let answer = Answer::ok(&response(&json!([message("ok")])));
    let (outcome, body) = respond(answer, &request, |builder| builder, &Capture::new()).await;
    outcome.unwrap();
    let image =
        json!({"type": "input_image", "image_url": "data:image/png;base64,YWJj", "detail": "low"});
    assert_eq!(
        body["input"],
        json!([
            {"type": "message", "role": "system", "content": "Today is Monday."},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "see"},
                image,
                {"type": "input_image", "file_id": "f1"},
                {"type": "input_audio", "input_audio": {"data": "YWJj", "format": "mp3"}},
                {"type": "input_file", "file_url": "https://host/a.pdf"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,YWJj",
                 "filename": "file.pdf"},
            ]},
            {"type": "message", "role": "assistant", "content": [
                {"type": "output_text", "text": "Hm.", "annotations": []},
            ]},
            {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{\"at\":1}"},
            {"type": "function_call_output", "call_id": "c", "output": [
                {"type": "input_text", "text": "two"}, image,
            ]},
        ])
    );
}

#[tokio::test]
async fn a_part_that_cannot_be_sent_is_an_error_that_names_it() {
    let server = Server::start([]).await;
    let model = builder(&server).build().unwrap();
    for (request, text) in [
        (
            ModelRequest::new([Message::user(Part::Audio(Media::url("https://host/a.wav")))]),
            "part 1 of message 1 (user) is audio given by a URL or by the id of a file; expected \
             `Media::bytes`",
        ),
        (ModelRequest::default(), "it has no messages; expected at least one, or instructions"),
    ] {
        let error = model.respond(&request).await.unwrap_err();
        assert_eq!(error.to_string(), format!("the request cannot be sent: {text}"));
        assert_eq!(error.kind(), "unsupported");
    }
    server.stop();
}

#[tokio::test]
async fn errors_of_the_server_are_those_of_chat_completions() {
    let words = format!("Incorrect API key provided: {KEY}");
    for (status, error, kind, text) in [
        (401, json!({"message": words}), "authentication", "Incorrect API key provided: ["),
        (429, json!({"message": "slow down"}), "rate_limited", "slow down"),
        (
            400,
            json!({"message": "too long", "code": "context_length_exceeded"}),
            "context_overflow",
            "too long",
        ),
        (500, json!({"message": "oops"}), "server", "oops"),
    ] {
        let capture = Capture::new();
        let answer = Answer::status(status, &json!({"error": error}).to_string());
        let (outcome, _) = respond(answer, &asked(), |builder| builder, &capture).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
        assert_span_tree!(capture.spans_async().await, {
            llm "m" [
                status = error,
                "error.type" = kind,
                "http.response.status_code" = i64::from(status)
            ]
        });
    }
}

#[tokio::test]
async fn an_error_within_a_successful_answer_is_one() {
    for (body, text) in [
        (
            json!({"object": "response", "status": "failed", "output": [],
                   "error": {"code": "rate_limit_exceeded", "message": "slow down"}}),
            "rate limit of the model server exceeded: slow down",
        ),
        (
            json!({"object": "response", "status": "failed", "output": []}),
            "the model server failed (HTTP 500): the response failed",
        ),
        (
            json!({"object": "response", "status": "cancelled", "output": []}),
            "the model server failed (HTTP 500): the response was cancelled",
        ),
        (
            json!({"object": "response", "status": "queued", "output": []}),
            "malformed model response: the response is still `queued`; expected a whole one \
             (background mode is not supported)",
        ),
        (json!({}), "malformed model response: no output"),
        (json!({"choices": []}), "malformed model response: no output"),
        (json!([]), "malformed model response: unexpected JSON: expected an object"),
        (
            json!({"output": [{"type": "function_call", "call_id": "c"}]}),
            "malformed model response: a tool call has no name",
        ),
        (
            json!({"detail": "slow down", "code": "RateLimitReached"}),
            "rate limit of the model server exceeded: slow down",
        ),
        (
            json!([{"error": {"status": "RESOURCE_EXHAUSTED", "message": "slow down"}}]),
            "rate limit of the model server exceeded: slow down",
        ),
    ] {
        let answer = Answer::ok(&body);
        let (outcome, _) = respond(answer, &asked(), |builder| builder, &Capture::new()).await;
        assert_eq!(outcome.unwrap_err().to_string(), text, "{body}");
    }
}

#[tokio::test]
async fn invalid_usage_does_not_fail_an_answer() {
    let body =
        json!({"output": [message("rain")], "usage": {"input_tokens": "many", "output_tokens": 2}});
    let answer = Answer::ok(&body);
    let (outcome, _) = respond(answer, &asked(), |builder| builder, &Capture::new()).await;
    let response = outcome.unwrap();
    assert_eq!(response.message.text(), "rain");
    let usage = &response.usage;
    assert_eq!((usage.reported_input_tokens(), usage.reported_output_tokens()), (None, Some(2)));
}

#[tokio::test]
async fn a_response_that_was_cut_or_refused_says_so() {
    let refusal = json!([{"type": "message", "role": "assistant", "content": [
        {"type": "refusal", "refusal": "I won't."}]}]);
    for (output, reason, finish_reason) in [
        (json!([message("It r")]), "max_output_tokens", FinishReason::Length),
        (json!([message("It r")]), "content_filter", FinishReason::ContentFilter),
        (json!([message("It r")]), "boredom", FinishReason::Other("boredom".to_owned())),
        (refusal.clone(), "", FinishReason::Refusal),
    ] {
        let mut body = response(&output);
        if !reason.is_empty() {
            body["status"] = "incomplete".into();
            body["incomplete_details"] = json!({"reason": reason});
        }
        let answer = Answer::ok(&body);
        let (outcome, _) = respond(answer, &asked(), |builder| builder, &Capture::new()).await;
        assert_eq!(outcome.unwrap().finish_reason, finish_reason);
    }
    let answer = Answer::ok(&response(&refusal));
    let (outcome, _) = respond(answer, &asked(), |builder| builder, &Capture::new()).await;
    assert_eq!(outcome.unwrap().message.refusal(), Some("I won't."));
}

#[tokio::test]
async fn missing_members_have_defaults_and_equal_ids_become_different() {
    let body = json!({"output": [
        {"type": "function_call", "name": "f", "call_id": "c", "arguments": {"a": 1}},
        {"type": "function_call", "name": "f", "call_id": "c"},
        {"type": "function_call", "call_id": "nameless", "name": ""},
        {"type": "message", "content": "plain"},
        {"type": "message"},
        {},
        7,
    ], "usage": {"input_tokens": "9", "output_tokens": 4.0}});
    let answer = Answer::ok(&body);
    let (outcome, _) = respond(answer, &asked(), |builder| builder, &Capture::new()).await;
    let response = outcome.unwrap();
    assert_eq!(response.usage, Usage::new(9, 4));
    let message = response.message;
    let calls: Vec<_> = message.tool_calls().collect();
    assert_eq!((&*calls[0].id, &*calls[0].arguments), ("c", r#"{"a":1}"#));
    assert!(calls[1].id.starts_with("call_") && calls[1].arguments.is_empty());
    assert_eq!((&*calls[2].id, &*calls[2].name), ("nameless", ""));
    assert_eq!(message.text(), "plain");
    assert_eq!(message.hosted_calls().next().unwrap().tool, "unknown");
}

#[tokio::test]
async fn what_the_server_does_not_take_back_never_goes_back() {
    let mut half = call("c", "f", "{\"a\"");
    half["status"] = "incomplete".into();
    half["namespace"] = json!(null);
    let server = Server::start([
        Answer::ok(&response(&json!([half]))),
        Answer::ok(&response(&json!([message("ok")]))),
    ])
    .await;
    let model = builder(&server).build().unwrap();
    let answer = model.respond(&asked()).await.unwrap();
    let mut request = asked();
    request.messages.push(answer.message);
    model.respond(&request).await.unwrap();
    assert_eq!(
        server.requests()[1].body["input"][1],
        json!({"type": "function_call", "id": "fc_c", "call_id": "c", "name": "f",
               "arguments": "{}"})
    );
    server.stop();
}
