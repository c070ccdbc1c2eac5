//! Items of hosted tools as parts of a message, and back.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value as Json, json};

use super::item::text;
use crate::conversation::{HostedCall, Media, Part, ProviderData};

/// Item with which a hosted MCP server asks for an approval.
pub(super) const APPROVAL: &str = "mcp_approval_request";

const LISTING: &str = "mcp_list_tools";
const IMAGE: &str = "image/png";

/// Returns whether an item is one of a hosted tool.
pub(super) fn is_hosted(kind: &str) -> bool {
    let is_own = matches!(kind, "function_call" | "custom_tool_call" | "computer_call");
    kind == LISTING || kind == APPROVAL || (kind.ends_with("_call") && !is_own)
}

/// Reads the state of a call that goes on from its item.
pub(super) fn progress(item: &Map<String, Json>) -> HostedCall {
    let kind = text(item, "type").unwrap_or("unknown");
    let owned = |name: &str| text(item, name).map(str::to_owned);
    let mut call = HostedCall::new(
        text(item, "id").unwrap_or_default(),
        if is_hosted(kind) { kind.strip_suffix("_call").unwrap_or(kind) } else { kind },
    );
    (call.name, call.server, call.status) = (owned("name"), owned("server_label"), owned("status"));
    call
}

/// Reads an item. Without an origin, it is not sent back.
pub(super) fn call(item: &Map<String, Json>, origin: Option<&str>) -> HostedCall {
    let kind = text(item, "type").unwrap_or("unknown");
    let mut call = progress(item);
    call.error = item.get("error").and_then(error);
    let member = |name: &str| item.get(name).filter(|value| !value.is_null()).cloned();
    call.arguments = match kind {
        "web_search_call" => member("action").unwrap_or_default(),
        "file_search_call" => queries(item),
        "code_interpreter_call" => member("code").map_or(Json::Null, |code| json!({"code": code})),
        "image_generation_call" => {
            member("revised_prompt").map_or(Json::Null, |prompt| json!({"prompt": prompt}))
        }
        "mcp_call" => arguments(item),
        _ => Json::Null,
    };
    call.result = match kind {
        "file_search_call" => member("results").map(Part::Json).into_iter().collect(),
        "code_interpreter_call" => outputs(item),
        "image_generation_call" => text(item, "result").map(image).into_iter().collect(),
        "mcp_call" => text(item, "output").map(Part::text).into_iter().collect(),
        LISTING => member("tools").map(Part::Json).into_iter().collect(),
        _ => Vec::new(),
    };
    if let Some(origin) = origin {
        let mut fields = item.clone();
        // The result has the image already.
        if kind == "image_generation_call" {
            fields.remove("result");
        }
        call.provider_data = Some(ProviderData::from_fields(origin, fields));
    }
    call
}

/// Returns the item that goes back to its origin.
pub(super) fn item(call: &HostedCall, origin: &str) -> Option<Json> {
    let mut item = call.provider_data.as_ref()?.fields_for(origin)?.clone();
    let image = call.result.iter().find_map(|part| match part {
        Part::Image(media) => media.base64(),
        _ => None,
    });
    if let Some(image) = image.filter(|_| call.tool == "image_generation") {
        item.insert("result".to_owned(), image.into());
    }
    Some(item.into())
}

/// Returns an image that is encoded in base64.
pub(super) fn image(data: &str) -> Part {
    Part::Image(match STANDARD.decode(data) {
        Ok(bytes) => Media::bytes(IMAGE, bytes),
        // What is not base64 is kept as it came.
        Err(_) => Media::url(format!("data:{IMAGE};base64,{data}")),
    })
}

fn error(error: &Json) -> Option<String> {
    match error {
        Json::Null => None,
        Json::String(text) if text.is_empty() => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other["message"].as_str().map_or_else(|| other.to_string(), str::to_owned)),
    }
}

fn queries(item: &Map<String, Json>) -> Json {
    item.get("queries").map_or(Json::Null, |queries| json!({"queries": queries}))
}

fn arguments(item: &Map<String, Json>) -> Json {
    match item.get("arguments") {
        Some(Json::String(text)) if text.is_empty() => Json::Null,
        Some(Json::String(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into())
        }
        Some(other) => other.clone(),
        None => Json::Null,
    }
}

/// Returns the output and the images of code.
fn outputs(item: &Map<String, Json>) -> Vec<Part> {
    let outputs = item.get("outputs").and_then(Json::as_array).into_iter().flatten();
    let part = |output: &Json| match (output["logs"].as_str(), output["url"].as_str()) {
        (Some(logs), _) => Part::text(logs),
        (None, Some(url)) => Part::Image(Media::url(url)),
        _ => Part::Json(output.clone()),
    };
    outputs.map(part).collect()
}
