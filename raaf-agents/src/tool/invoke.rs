//! Traced tool calls.

use std::convert::Infallible;

use futures::TryFutureExt as _;
use raaf_trace_core::{Attributes, Component, Traceable as _, keys};
use serde_json::Value as Json;

use super::{Tool, ToolError};
use crate::{errors::AsTimeout, model::ToolCall, run::RunContext};

/// Component name for calls of tools that do not exist.
const UNKNOWN: &str = "unknown_tool";

/// Bound on the length of an unknown tool's name, in characters.
const SHOWN_NAME: usize = 64;

/// Calls a tool in a span of kind `tool`, with arguments and result as content.
pub(super) async fn call<T: Tool + ?Sized>(
    tool: &T,
    context: &RunContext,
    arguments: Json,
) -> Result<Json, ToolError> {
    (&tool)
        .traced("run")
        .with(keys::TOOL_NAME, &tool.spec().name)
        .with_content(keys::TOOL_ARGUMENTS, &arguments)
        .on_result(show_result)
        .try_in_span(invoke(tool, context, arguments).map_err(AsTimeout))
        .await
        .map_err(|AsTimeout(error)| error)
}

/// Makes a model's call, in a span with the id of the call.
pub(crate) async fn call_for_model(
    tool: &dyn Tool,
    context: &RunContext,
    call: &ToolCall,
) -> Result<Json, ToolError> {
    let arguments = read_arguments(call);
    let shown = arguments.as_ref().ok().cloned();
    (&tool)
        .traced("run")
        .with(keys::TOOL_NAME, &call.name)
        .with(keys::TOOL_CALL_ID, &call.id)
        .with_content(keys::TOOL_ARGUMENTS, shown.unwrap_or_else(|| call.arguments.clone().into()))
        .on_result(show_result)
        .try_in_span(async { invoke(tool, context, arguments?).await }.map_err(AsTimeout))
        .await
        .map_err(|AsTimeout(error)| error)
}

/// Invokes the tool within its time limit.
async fn invoke<T: Tool + ?Sized>(
    tool: &T,
    context: &RunContext,
    arguments: Json,
) -> Result<Json, ToolError> {
    let work = tool.invoke_in(context, arguments);
    let Some(after) = tool.timeout() else { return work.await };
    tokio::time::timeout(after, work).await.unwrap_or_else(|_| {
        if let Some(span) = tool.current_span() {
            span.set_attribute(keys::TOOL_TIMED_OUT, true);
        }
        Err(ToolError::Timeout { tool: tool.spec().name.clone(), after })
    })
}

/// Records a call of a tool that does not exist as a failed span.
pub(crate) fn refuse_unknown(call: &ToolCall, available: Vec<String>) -> ToolError {
    let tool: String = call.name.chars().take(SHOWN_NAME).collect();
    let error = ToolError::Unknown { tool: tool.clone(), available };
    // The model's text as the component's name would give metrics an unbounded label.
    let refused: Result<Infallible, _> = Component::tool(UNKNOWN)
        .traced("run")
        .with_content(keys::TOOL_NAME, tool)
        .with(keys::TOOL_CALL_ID, &call.id)
        .with_content(keys::TOOL_ARGUMENTS, &call.arguments)
        .try_in_span(|| Err(error));
    match refused {
        Err(error) => error,
    }
}

/// Parses the arguments. Models leave them out for an empty object.
fn read_arguments(call: &ToolCall) -> Result<Json, ToolError> {
    if call.arguments.trim().is_empty() {
        return Ok(Json::Object(serde_json::Map::new()));
    }
    serde_json::from_str(&call.arguments).map_err(|error| ToolError::Arguments {
        tool: call.name.clone(),
        message: format!("not valid JSON: {error}"),
    })
}

fn show_result(result: &Json, attributes: &mut Attributes) {
    attributes.set_content(keys::TOOL_RESULT, result);
}
