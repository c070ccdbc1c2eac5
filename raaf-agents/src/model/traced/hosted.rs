//! Calls of hosted tools, as spans.

use std::{borrow::Cow, collections::BTreeMap};

use raaf_trace_core::{
    Attributes, Component, ErrorType, Kind, Traceable as _, Value,
    call::{CallScope, KnownErrorType, Outcome},
    keys,
};
use thiserror::Error;

use crate::conversation::{HostedCall, Message, Part, shown};

/// Kinds of tools that may name a component. Other kinds are chosen by the server, and would be an unbounded
/// label of metrics.
const KINDS: [&str; 5] =
    ["web_search", "file_search", "code_interpreter", "image_generation", "mcp"];

/// Component name of other calls.
const OTHER: &str = "hosted_tool";

/// Bound on the spans of a stream that are open at a time.
const MAX_OPEN: usize = 64;

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

/// Spans of calls, as they are streamed. The spans of calls that do not end are cancelled.
#[derive(Default)]
pub(super) struct Streamed {
    open: Vec<(String, CallScope)>,
    /// Ids of the calls that have ended.
    ended: Vec<String>,
}

impl Streamed {
    /// Begins or ends a span below the current one.
    pub(super) fn add(&mut self, call: &HostedCall) {
        if call.id.is_empty() || !is_shown(call) || self.ended.contains(&call.id) {
            return;
        }
        let at = self.open.iter().position(|(id, _)| *id == call.id);
        match (at, call.is_over()) {
            (None, false) if self.open.len() < MAX_OPEN => {
                self.open.push((call.id.clone(), enter(call)));
            }
            (_, true) => {
                let scope = at.map(|at| self.open.remove(at).1);
                end(scope.unwrap_or_else(|| enter(call)), call);
                self.ended.push(call.id.clone());
            }
            (_, false) => {}
        }
    }

    /// Ends the spans of an answer, and records the calls that have none.
    pub(super) fn finish(&mut self, message: &Message) {
        for call in message.hosted_calls().filter(|call| is_shown(call)) {
            let at = self.open.iter().position(|(id, _)| *id == call.id);
            match at.map(|at| self.open.remove(at).1) {
                Some(scope) => end(scope, call),
                None if !call.id.is_empty() && self.ended.contains(&call.id) => {}
                None => end(enter(call), call),
            }
        }
    }
}

/// Records the calls of an answer as spans below the current one. The server does not report how long they
/// took.
pub(super) fn record(message: &Message) {
    Streamed::default().finish(message);
}

fn is_shown(call: &HostedCall) -> bool {
    call.is_listing() || KINDS.contains(&call.tool.as_str()) || call.is_call()
}

fn enter(call: &HostedCall) -> CallScope {
    if call.is_listing() {
        let component = Component::new("mcp").with_kind(Kind::McpListTools);
        return component.traced("run").with(keys::MCP_SERVER, call.server.as_deref()).enter();
    }
    let known = KINDS.into_iter().find(|kind| *kind == call.tool);
    let kind = if call.tool == "file_search" { "datastore" } else { "extension" };
    Component::tool(known.unwrap_or(OTHER))
        .traced("run")
        .with(keys::TOOL_TYPE, kind)
        .with(keys::TOOL_HOSTED, true)
        .with(keys::TOOL_CALL_ID, &call.id)
        .enter()
}

fn end(mut scope: CallScope, call: &HostedCall) {
    scope.result_attributes(|attributes| {
        if call.is_listing() {
            describe_listing(call, attributes);
        } else {
            describe(call, attributes);
        }
    });
    let error = call.error.clone().unwrap_or_else(|| "the hosted tool failed".to_owned());
    let outcome = if call.is_failed() { Err(Failed(error)) } else { Ok(()) };
    scope.end(Outcome::of_result(&outcome));
}

fn describe(call: &HostedCall, attributes: &mut Attributes) {
    if call.name.is_none() && KINDS.contains(&call.tool.as_str()) {
        attributes.set(keys::TOOL_NAME, &call.tool);
    } else {
        attributes.set_content(keys::TOOL_NAME, call.display_name());
    }
    if let Some(server) = &call.server {
        // As the SDK of OpenAI has it.
        let data = Value::json(&BTreeMap::from([("server", server)]));
        attributes.set(keys::MCP_SERVER, server).set(keys::TOOL_MCP_DATA, data);
    }
    if !call.arguments.is_null() {
        attributes.set_content(keys::TOOL_ARGUMENTS, &call.arguments);
    }
    if !call.result.is_empty() {
        attributes.set_content(keys::TOOL_RESULT, shown::of_content(&call.result));
    }
}

fn describe_listing(call: &HostedCall, attributes: &mut Attributes) {
    let lists = call.result.iter().filter_map(|part| match part {
        Part::Json(tools) => tools.as_array(),
        _ => None,
    });
    let names: Vec<&str> = lists.flatten().filter_map(|tool| tool["name"].as_str()).collect();
    attributes
        .set(keys::MCP_SERVER, call.server.as_deref())
        .set(keys::MCP_TOOLS, Value::json(&names));
}
