//! Recorded answers of real servers, by Chat Completions and the Responses API, replayed through the
//! clients.
//!
//! The recordings lie beside the project, not in it. Without them the test is skipped.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![cfg(feature = "openai")]

mod server;

use std::{
    fs,
    path::{Path, PathBuf},
};

use futures::StreamExt as _;
use raaf_agents::{
    FinishReason, Message, Model, ModelChunk, ModelError, ModelRequest, ModelResponse, OpenAiModel,
    OpenAiResponses, Reasoning, RetryPolicy,
};
use serde_json::{Value as Json, json};
use server::{Answer, Server};

const CHAT: &str = "shared/fixtures/chat-recordings";
const RESPONSES: &str = "shared/fixtures/responses-recordings";

fn recordings(place: &str) -> Vec<(String, Json)> {
    let places = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|root| root.join(place));
    let Some(place) = places.into_iter().find(|place| place.is_dir()) else { return Vec::new() };
    let mut files: Vec<PathBuf> = fs::read_dir(place)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
    };
    files.into_iter().map(read).collect()
}

/// Returns the whole response, and the chunks of text, reasoning, refusal and arguments joined.
async fn streamed(
    model: &dyn Model,
    request: &ModelRequest,
) -> Result<(ModelResponse, [String; 4]), ModelError> {
    let mut chunks = model.stream(request);
    let mut joined: [String; 4] = Default::default();
    while let Some(chunk) = chunks.next().await {
        match chunk? {
            ModelChunk::Text(text) => joined[0] += &text,
            ModelChunk::Reasoning(text) => joined[1] += &text,
            ModelChunk::Refusal(text) => joined[2] += &text,
            ModelChunk::ToolCall(delta) => joined[3] += &delta.arguments,
            ModelChunk::Done(whole) => return Ok((*whole, joined)),
            other => panic!("{other:?}"),
        }
    }
    panic!("the stream ended without a final chunk")
}

/// Returns the reasoning that can be read, joined by empty lines.
fn thoughts(response: &ModelResponse) -> String {
    let thoughts = response.message.reasoning().map(Reasoning::readable);
    thoughts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn found(response: &ModelResponse) -> Json {
    let message = &response.message;
    let reasoning = thoughts(response);
    let calls = message
        .tool_calls()
        .map(|call| json!({"id": call.id, "name": call.name, "arguments": call.arguments}));
    let usage = response.usage;
    json!({
        "text": message.text(),
        "reasoning": Some(reasoning).filter(|text| !text.is_empty()),
        "refusal": message.refusal(),
        "tool_calls": calls.collect::<Vec<_>>(),
        "finish_reason": response.finish_reason.as_str(),
        "usage": {
            "input": usage.reported_input_tokens(), "output": usage.reported_output_tokens(),
            "cached": usage.reported_cached_input_tokens(),
            "reasoning": usage.reported_reasoning_tokens(),
        },
    })
}

/// Converts the expectation of a recording into the terms of this crate.
fn expected(mut expect: Json) -> Json {
    let cut = ["length", "max_output_tokens", "MAX_TOKENS"];
    let native = expect["native_finish_reason"].as_str();
    let is_cut = native.is_some_and(|reason| cut.contains(&reason));
    let reason = if is_cut { "length" } else { expect["finish_reason"].as_str().unwrap_or("stop") };
    let is_refused = !expect["refusal"].is_null();
    let has_calls = expect["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
    let reason = match reason {
        "completed" if has_calls => "tool_calls",
        "completed" => "stop",
        "max_output_tokens" => "length",
        reason => reason,
    };
    let reason = if is_refused && reason == "stop" { "refusal" } else { reason };
    let reason = FinishReason::from(reason).as_str().to_owned();
    let refusal = expect["refusal"].take();
    json!({
        "text": if is_refused { "".into() } else { expect["text"].take() },
        "reasoning": Some(expect["reasoning"].take()).filter(|text| *text != ""),
        "refusal": refusal,
        "tool_calls": expect["tool_calls"].take(),
        "finish_reason": reason,
        "usage": if expect["usage"].is_null() {
            json!({"input": null, "output": null, "cached": null, "reasoning": null})
        } else {
            expect["usage"].take()
        },
    })
}

/// Returns the differences between a recording and what the client makes of it.
async fn check(place: &str, recording: &Json) -> Vec<String> {
    let status = recording["status"].as_u64().unwrap().try_into().unwrap();
    let content_type = recording["content_type"].as_str().unwrap();
    let answer = Answer::recorded(status, content_type, recording["body"].as_str().unwrap());
    let server = Server::start([answer]).await;
    let (url, once) = (server.url(), RetryPolicy::new(0));
    let model: Box<dyn Model> = if place == CHAT {
        Box::new(OpenAiModel::builder("recorded").base_url(url).retries(once).build().unwrap())
    } else {
        Box::new(OpenAiResponses::builder("recorded").base_url(url).retries(once).build().unwrap())
    };
    let request = ModelRequest::new([Message::user("go")]);
    let is_stream = recording["stream"] == true;
    let (answer, joined) = if is_stream {
        match streamed(&*model, &request).await {
            Ok((whole, joined)) => (Ok(whole), Some(joined)),
            Err(error) => (Err(error), None),
        }
    } else {
        (model.respond(&request).await, None)
    };
    server.stop();
    let expect = recording["expect"].clone();
    let mut wrong = Vec::new();
    let mut compare = |what: &str, found: &Json, expected: &Json| {
        if found != expected {
            wrong.push(format!("{what}: {found} instead of {expected}"));
        }
    };
    match answer {
        Err(error) => {
            compare("status", &json!(error.status()), &json!(status));
            let message = expect["error"]["message"].as_str().unwrap_or("no error is expected");
            let start: String = message.chars().take(60).collect();
            let told = error.to_string().contains(start.trim());
            compare(
                "message",
                &json!(if told { message.to_owned() } else { error.to_string() }),
                &json!(message),
            );
        }
        Ok(response) => {
            let (found, expected) = (found(&response), expected(expect));
            for (key, expected) in expected.as_object().unwrap() {
                compare(key, &found[key], expected);
            }
            if let Some([text, reasoning, refusal, arguments]) = joined {
                compare("text chunks", &json!(text), &found["text"]);
                compare("reasoning chunks", &json!(reasoning), &json!(thoughts(&response)));
                compare(
                    "refusal chunks",
                    &json!(refusal),
                    &json!(response.message.refusal().unwrap_or_default()),
                );
                let calls = response.message.tool_calls().map(|call| call.arguments.len());
                compare("argument chunks", &json!(arguments.len()), &json!(calls.sum::<usize>()));
            }
        }
    }
    wrong
}

#[tokio::test]
async fn recorded_chat_completions_are_read_as_they_were_meant() {
    check_all(CHAT).await;
}

#[tokio::test]
async fn recorded_responses_are_read_as_they_were_meant() {
    check_all(RESPONSES).await;
}

#[allow(clippy::print_stdout, reason = "who reads the log has to see what was tested")]
async fn check_all(place: &str) {
    let recordings = recordings(place);
    if recordings.is_empty() {
        println!("skipped, there is no {place} beside the project");
        return;
    }
    let mut right = 0;
    let mut report = String::new();
    for (name, recording) in &recordings {
        let wrong = check(place, recording).await;
        if wrong.is_empty() {
            right += 1;
        } else {
            report.extend([name.as_str(), "\n    ", &wrong.join("\n    "), "\n"]);
        }
    }
    println!("{right} of {} recordings are read right", recordings.len());
    assert!(report.is_empty(), "{right} of {} are right\n{report}", recordings.len());
}

/// Cuts each stream, and expects an error that says so.
#[tokio::test]
async fn recorded_responses_that_are_cut_are_interrupted() {
    let mut wrong = Vec::new();
    for (name, recording) in recordings(RESPONSES).iter().filter(|(_, it)| it["stream"] == true) {
        let body = recording["body"].as_str().unwrap();
        let ends: Vec<usize> = body.match_indices("\n\n").map(|(at, _)| at + 2).collect();
        let last = body.rfind("\"response\"").unwrap_or(body.len());
        // At the end of an event, and within one.
        let places = ends.iter().step_by(ends.len().div_ceil(6)).flat_map(|at| [*at, at + 9]);
        for place in places.filter(|place| *place < last && body.is_char_boundary(*place)) {
            let answer = Answer::recorded(200, "text/event-stream", &body[..place]);
            let server = Server::start([answer]).await;
            let model = OpenAiResponses::builder("recorded").base_url(server.url());
            let model = model.retries(RetryPolicy::never()).build().unwrap();
            let outcome = streamed(&model, &ModelRequest::new([Message::user("go")])).await;
            if !matches!(outcome, Err(ModelError::Interrupted { .. })) {
                wrong.push(format!("{name} cut at {place}: {outcome:?}"));
            }
            server.stop();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
