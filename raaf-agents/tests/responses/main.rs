//! The Responses API against a server on loopback.

#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends here")]

mod approvals;
mod broken;
#[path = "../common/mod.rs"]
mod common;
mod hosted;
mod reasoning;
#[path = "../server/mod.rs"]
mod server;
mod settings;
mod state;
mod streams;
mod whole;

use std::time::Duration;

use futures::StreamExt as _;
use raaf_agents::{
    Message, ModelChunk, ModelError, ModelRequest, ModelResponse, OpenAiResponses, RetryPolicy,
    TracedModel,
    openai::{OpenAiModelBuilder, Responses},
};
use raaf_testkit::Capture;
use serde_json::{Value as Json, json};
use server::{Answer, Server};

const KEY: &str = "sk-test-0123456789";

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

fn builder(server: &Server) -> OpenAiModelBuilder<Responses> {
    let builder = OpenAiResponses::builder("m").base_url(server.url()).api_key(KEY);
    builder.timeout(LONG).retries(RetryPolicy::never())
}

fn asked() -> ModelRequest {
    ModelRequest::new([Message::user("Does it rain?")])
}

/// A whole response with these items.
fn response(output: &Json) -> Json {
    json!({
        "id": "resp_1", "object": "response", "status": "completed", "model": "m-2026",
        "error": null, "incomplete_details": null, "output": output,
        "usage": {
            "input_tokens": 9, "input_tokens_details": {"cached_tokens": 8},
            "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 13,
        },
    })
}

fn message(text: &str) -> Json {
    json!({
        "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    })
}

fn call(id: &str, name: &str, arguments: &str) -> Json {
    json!({
        "type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": name,
        "arguments": arguments, "status": "completed",
    })
}

/// Makes a call with this answer, and returns the outcome and the request's body.
async fn respond(
    answer: Answer,
    request: &ModelRequest,
    change: impl FnOnce(OpenAiModelBuilder<Responses>) -> OpenAiModelBuilder<Responses>,
    capture: &Capture,
) -> (Result<ModelResponse, ModelError>, Json) {
    let server = Server::start([answer]).await;
    let model = TracedModel::new(change(builder(&server)).build().unwrap());
    let outcome = capture.run_async(model.respond(request)).await;
    let body = server.requests().first().map(|request| request.body.clone()).unwrap_or_default();
    server.stop();
    (outcome, body)
}

/// Streams these events, and returns all chunks.
async fn stream(answer: Answer, capture: &Capture) -> Vec<Result<ModelChunk, ModelError>> {
    let server = Server::start([answer]).await;
    let model = TracedModel::new(builder(&server).build().unwrap());
    let request = asked();
    let chunks = capture.run_async(model.stream(&request).collect()).await;
    assert_eq!(server.requests()[0].body["stream"], true);
    server.stop();
    chunks
}

fn event(kind: &str, members: Json) -> Json {
    let mut event = members;
    event["type"] = format!("response.{kind}").into();
    event
}
