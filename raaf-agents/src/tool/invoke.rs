//! Calling a tool, in a span.

use std::{convert::Infallible, future::Future};

use futures::TryFutureExt as _;
use raaf_trace_core::{Attributes, Component, TraceableExt as _, keys};
use serde_json::Value as Json;

use super::{Tool, ToolError};
use crate::{model::ToolCall, runner::RunContext, time_limit::Told};

/// What a tool that does not exist is called in the trace.
const UNKNOWN: &str = "unknown_tool";

/// How much of a name that a model made up is shown, in characters.
const SHOWN_NAME: usize = 64;

/// Calling a [`Tool`], in a span.
pub trait ToolExt: Tool {
    /// Calls the tool: one span of kind `tool`, with arguments and result as content.
    ///
    /// This is also how a tool calls another, which then is its child.
    fn call(&self, arguments: Json) -> impl Future<Output = Result<Json, ToolError>> + Send {
        async move { self.call_in(&RunContext::new(), arguments).await }
    }

    /// The same within a run: what a tool does that got a context and calls another.
    fn call_in(
        &self,
        context: &RunContext,
        arguments: Json,
    ) -> impl Future<Output = Result<Json, ToolError>> + Send {
        async move {
            self.traced("run")
                .with(keys::TOOL_NAME, &self.spec().name)
                .with_content(keys::TOOL_ARGUMENTS, &arguments)
                .on_result(show_result)
                .try_run_async(invoke(self, context, arguments).map_err(Told))
                .await
                .map_err(|Told(error)| error)
        }
    }
}

impl<T: Tool + ?Sized> ToolExt for T {}

/// Does what a model asked for, in a span that says which call it was.
pub(crate) async fn answer(
    tool: &dyn Tool,
    context: &RunContext,
    call: &ToolCall,
) -> Result<Json, ToolError> {
    let arguments = read_arguments(call);
    let shown = arguments.as_ref().ok().cloned();
    tool.traced("run")
        .with(keys::TOOL_NAME, &call.name)
        .with(keys::TOOL_CALL_ID, &call.id)
        .with_content(keys::TOOL_ARGUMENTS, shown.unwrap_or_else(|| call.arguments.clone().into()))
        .on_result(show_result)
        .try_run_async(async { invoke(tool, context, arguments?).await }.map_err(Told))
        .await
        .map_err(|Told(error)| error)
}

/// Does the work, for as long as it may.
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

/// A call of a tool that does not exist is a failed call all the same, and leaves a span.
pub(crate) fn refuse_unknown(call: &ToolCall, available: Vec<String>) -> ToolError {
    let tool: String = call.name.chars().take(SHOWN_NAME).collect();
    let error = ToolError::Unknown { tool: tool.clone(), available };
    // The name is the model's own text: as a component's it would be a label without bounds.
    let refused: Result<Infallible, _> = Component::tool(UNKNOWN)
        .traced("run")
        .with_content(keys::TOOL_NAME, tool)
        .with(keys::TOOL_CALL_ID, &call.id)
        .with_content(keys::TOOL_ARGUMENTS, &call.arguments)
        .try_run(|| Err(error));
    match refused {
        Err(error) => error,
    }
}

/// No arguments at all stand for an empty object: models leave them out.
fn read_arguments(call: &ToolCall) -> Result<Json, ToolError> {
    if call.arguments.trim().is_empty() {
        return Ok(Json::Object(serde_json::Map::new()));
    }
    serde_json::from_str(&call.arguments).map_err(|error| ToolError::Arguments {
        tool: call.name.clone(),
        message: format!("they are no JSON: {error}"),
    })
}

fn show_result(result: &Json, attributes: &mut Attributes) {
    attributes.set_content(keys::TOOL_RESULT, result);
}
