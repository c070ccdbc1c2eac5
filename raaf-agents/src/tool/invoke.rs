//! Traced tool calls.

use std::convert::Infallible;

use raaf_trace_core::{Attributes, Component, Traceable as _, keys};
use serde_json::Value as Json;

use super::{Tool, ToolError};
use crate::{
    conversation::{Content, ToolCall, shown},
    model::ToolSpec,
    run::RunContext,
};

/// Component name for calls of tools that do not exist.
const UNKNOWN: &str = "unknown_tool";

/// Bound on the length of an unknown tool's name, in characters.
const SHOWN_NAME: usize = 64;

/// Calls a tool in a span of kind `tool`, with arguments and result as content.
pub(super) async fn call<T: Tool + ?Sized>(
    tool: &T,
    context: &RunContext,
    arguments: Json,
) -> Result<Content, ToolError> {
    (&tool)
        .traced("run")
        .with_attributes(|attributes| describe(tool.spec(), attributes))
        .with_content(keys::TOOL_ARGUMENTS, &arguments)
        .on_result(show_result)
        .try_in_span(invoke(tool, context, arguments))
        .await
}

/// Makes a model's call, in a span with the id of the call.
pub(crate) async fn call_for_model(
    tool: &dyn Tool,
    context: &RunContext,
    call: &ToolCall,
    approval: Option<&'static str>,
) -> Result<Content, ToolError> {
    let arguments = read_arguments(call);
    let traced = (&tool)
        .traced("run")
        .with_attributes(|attributes| describe(tool.spec(), attributes))
        .with(keys::TOOL_NAME, &call.name)
        .with(keys::TOOL_CALL_ID, &call.id)
        .with(keys::TOOL_APPROVAL, approval);
    let traced = match &arguments {
        Ok(arguments) => traced.with_content(keys::TOOL_ARGUMENTS, arguments),
        Err(_) => traced.with_content(keys::TOOL_ARGUMENTS, &call.arguments),
    };
    traced
        .on_result(show_result)
        .try_in_span(async { invoke(tool, context, arguments?).await })
        .await
}

fn describe(spec: &ToolSpec, attributes: &mut Attributes) {
    attributes
        .set(keys::TOOL_NAME, &spec.name)
        .set(keys::TOOL_TYPE, "function")
        .set(keys::TOOL_DESCRIPTION, &spec.description);
}

/// Invokes the tool within its time limit.
async fn invoke<T: Tool + ?Sized>(
    tool: &T,
    context: &RunContext,
    arguments: Json,
) -> Result<Content, ToolError> {
    let work = async {
        tool.invoke_in(context, arguments).await.map_err(|error| match error {
            // Whatever a function has made of the error of an agent that has paused.
            ToolError::Failed { tool, source } => match context.inner_pause() {
                Some(state) => ToolError::Paused { tool, state },
                None => ToolError::Failed { tool, source },
            },
            // Nothing would go on with it: called again, the agent begins again, and pauses again.
            ToolError::Paused { tool, .. }
                if context.is_of_call() && context.inner_pause().is_none() =>
            {
                let source = "an agent has paused that was not called with the tool's context";
                ToolError::Failed { tool, source: source.into() }
            }
            other => other,
        })
    };
    let Some(after) = tool.timeout() else { return work.await };
    tokio::time::timeout(after, work).await.unwrap_or_else(|_| {
        if let Some(span) = tool.current_span() {
            span.set_attribute(keys::TOOL_TIMED_OUT, true);
        }
        Err(ToolError::Timeout { tool: tool.spec().name.clone(), after })
    })
}

/// Records a call that is not run in a span, and returns its outcome.
pub(crate) fn answer_instead(
    tool: &dyn Tool,
    call: &ToolCall,
    approval: Option<&'static str>,
    outcome: Result<Content, ToolError>,
) -> Result<Content, ToolError> {
    (&tool)
        .traced("run")
        .with(keys::TOOL_NAME, &call.name)
        .with(keys::TOOL_CALL_ID, &call.id)
        .with(keys::TOOL_APPROVAL, approval)
        .with_content(keys::TOOL_ARGUMENTS, &call.arguments)
        .on_result(show_result)
        .try_in_span(|| outcome)
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
    let arguments = call.parse_arguments().map(Json::Object);
    arguments.map_err(|message| ToolError::Arguments { tool: call.name.clone(), message })
}

fn show_result(result: &Content, attributes: &mut Attributes) {
    attributes.set_content(keys::TOOL_RESULT, shown::of_content(result.parts()));
}
