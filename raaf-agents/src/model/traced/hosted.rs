//! Calls of hosted tools, as spans.

use std::{borrow::Cow, collections::BTreeMap};

use raaf_trace_core::{
    Attributes, Component, ErrorType, Kind, Traceable as _, Value, call::KnownErrorType, keys,
};
use thiserror::Error;

use crate::conversation::{HostedCall, Message, Part, shown};

/// Kinds of tools that may name a component. Others are the server's words, which would give metrics an
/// unbounded label.
const KINDS: [&str; 5] =
    ["web_search", "file_search", "code_interpreter", "image_generation", "mcp"];

/// Component name of other calls.
const OTHER: &str = "hosted_tool";

const LISTING: &str = "mcp_list_tools";

/// Failure of a hosted tool.
#[derive(Debug, Error)]
#[error("{0}")]
struct Failed(String);

impl ErrorType for Failed {
    fn error_type(&self) -> Cow<'static, str> {
        "hosted_tool".into()
    }
}

raaf_trace_core::submit! { KnownErrorType::new::<Failed>() }

/// Records the calls of an answer as spans below the current one. The server does not tell how long they
/// took.
pub(super) fn record(message: &Message) {
    for call in message.hosted_calls() {
        let known = KINDS.into_iter().find(|kind| *kind == call.tool);
        if call.tool == LISTING {
            listing(call);
        } else if known.is_some() || call.is_call() {
            tool(call, known.unwrap_or(OTHER));
        }
    }
}

fn tool(call: &HostedCall, component: &str) {
    let kind = if call.tool == "file_search" { "datastore" } else { "extension" };
    let component = Component::tool(component);
    let traced = component
        .traced("run")
        .with(keys::TOOL_TYPE, kind)
        .with(keys::TOOL_HOSTED, true)
        .with(keys::TOOL_CALL_ID, &call.id)
        .with(keys::MCP_SERVER, call.server.as_deref())
        .with(keys::TOOL_MCP_DATA, call.server.as_deref().map(mcp_data));
    let traced = if component.name() == OTHER || call.name.is_some() {
        traced.with_content(keys::TOOL_NAME, call.display_name())
    } else {
        traced.with(keys::TOOL_NAME, &call.tool)
    };
    let arguments = Some(&call.arguments).filter(|arguments| !arguments.is_null());
    let _outcome = traced
        .with_content(keys::TOOL_ARGUMENTS, arguments.cloned())
        .on_result(|call: &&HostedCall, attributes: &mut Attributes| {
            if !call.result.is_empty() {
                attributes.set_content(keys::TOOL_RESULT, shown::of_content(&call.result));
            }
        })
        .try_in_span(|| outcome(call));
}

/// Returns what the SDK of OpenAI says of a call to an MCP server.
fn mcp_data(server: &str) -> Value {
    Value::json(&BTreeMap::from([("server", server)]))
}

fn listing(call: &HostedCall) {
    let names = call.result.iter().filter_map(|part| match part {
        Part::Json(tools) => tools.as_array(),
        _ => None,
    });
    let names = names.flatten().filter_map(|tool| tool["name"].as_str());
    let names: Vec<&str> = names.collect();
    let component = Component::new("mcp").with_kind(Kind::McpListTools);
    let _outcome = component
        .traced("run")
        .with(keys::MCP_SERVER, call.server.as_deref())
        .with(keys::MCP_TOOLS, Value::json(&names))
        .try_in_span(|| outcome(call));
}

fn outcome(call: &HostedCall) -> Result<&HostedCall, Failed> {
    if !call.is_failed() {
        return Ok(call);
    }
    let error = call.error.clone().unwrap_or_else(|| "the hosted tool failed".to_owned());
    Err(Failed(error))
}
