//! A server with the interface of Chat Completions, for a model that always does the same.

use axum::{
    Json, Router,
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
    routing::post,
};
use raaf_tower::ServerLayer;
use serde_json::{Value as Json_, json};

/// Creates the server: a model that calls the first tool with `arguments`, and then returns `answer`.
/// Without tools, it answers at once.
pub fn app(layer: ServerLayer, arguments: &Json_, answer: &'static str) -> Router {
    let arguments = arguments.to_string();
    let complete = async move |Json(request): Json<Json_>| respond(&request, &arguments, answer);
    Router::new().route("/v1/chat/completions", post(complete)).layer(layer)
}

fn respond(request: &Json_, arguments: &str, answer: &str) -> Response {
    let streamed = request["stream"] == true;
    let last = request["messages"].as_array().and_then(|messages| messages.last());
    let answered = last.is_some_and(|message| message["role"] == "tool");
    let tool = request["tools"][0]["function"]["name"].as_str().filter(|_| !answered);
    let (said, finish) = match tool {
        Some(tool) => {
            let call = json!({ "name": tool, "arguments": arguments });
            let call = json!({ "index": 0, "id": "call_1", "type": "function", "function": call });
            (json!({ "role": "assistant", "content": null, "tool_calls": [call] }), "tool_calls")
        }
        None => (json!({ "role": "assistant", "content": answer }), "stop"),
    };
    let model = &request["model"];
    let usage = json!({ "prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25 });
    if !streamed {
        let choice = json!({ "index": 0, "message": said, "finish_reason": finish });
        let body = json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
            "choices": [choice], "usage": usage,
        });
        return Json(body).into_response();
    }
    let chunk = |choices: Json_, usage: &Json_| {
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model,
            "choices": choices, "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let body = [
        chunk(json!([{ "index": 0, "delta": said, "finish_reason": null }]), &Json_::Null),
        chunk(json!([{ "index": 0, "delta": {}, "finish_reason": finish }]), &Json_::Null),
        chunk(json!([]), &usage),
        "data: [DONE]\n\n".to_owned(),
    ];
    ([(CONTENT_TYPE, "text/event-stream")], body.concat()).into_response()
}
