//! Tools of servers as tools of agents.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use async_trait::async_trait;
use raaf_trace_core::{Attributes, Component, Traceable, Value, keys};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, ServerResult,
};
use serde_json::{Map, Value as Json, json};

use super::{McpConnection, content, listing::Listed, request::request_span};
use crate::{
    conversation::Content,
    mcp::McpError,
    model::ToolSpec,
    run::RunContext,
    tool::{Approval, Tool, ToolError},
};

const METHOD: &str = "tools/call";

/// Tool of an MCP server; see [`McpConnection::tools`].
///
/// A call has a span of kind `tool`, and its request a span below that. If the server marks the result as
/// an error, the call fails. Images, audio, files and structured content are parts of the result.
#[derive(Clone)]
pub struct McpTool {
    connection: McpConnection,
    listed: Arc<Listed>,
    approval: Approval,
}

impl McpTool {
    pub(super) fn new(connection: McpConnection, listed: Arc<Listed>) -> Self {
        let approval = connection.0.view.approval_of(&listed.name);
        Self { connection, listed, approval }
    }

    /// Returns the connection to the server.
    pub fn connection(&self) -> &McpConnection {
        &self.connection
    }

    /// Returns the name of the tool at the server.
    pub fn remote_name(&self) -> &str {
        &self.listed.name
    }

    async fn request(&self, arguments: Option<Map<String, Json>>) -> Result<Content, McpError> {
        let (inner, name) = (&self.connection.0, &self.listed.name);
        inner.check(name).await?;
        let mut parameters = CallToolRequestParams::new(name.clone());
        parameters.arguments = arguments;
        let span = request_span(METHOD, Some(name)).with(keys::TOOL_NAME, name);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(parameters));
        let read = |answer| match answer {
            ServerResult::CallToolResult(result) => content::read(result),
            ServerResult::EmptyResult(_) => content::read(CallToolResult::default()),
            _ => Err(inner.misfit(METHOD, "the result of a tool")),
        };
        inner.request(span, request, read).await
    }
}

impl Traceable for McpTool {
    fn component(&self) -> &Component {
        &self.listed.component
    }

    fn span_attributes(&self, attributes: &mut Attributes) {
        let server = json!({ "server": self.connection.name() });
        attributes.set(keys::TOOL_MCP_DATA, Value::json(&server));
    }
}

#[async_trait]
impl Tool for McpTool {
    fn spec(&self) -> &ToolSpec {
        &self.listed.spec
    }

    async fn invoke(&self, arguments: Json) -> Result<Content, ToolError> {
        let tool = || self.listed.spec.name.clone();
        let arguments = match arguments {
            Json::Object(arguments) => Some(arguments),
            Json::Null => None,
            _ => {
                let message = "they are not an object; expected an object, or `null`".to_owned();
                return Err(ToolError::Arguments { tool: tool(), message });
            }
        };
        let called = self.request(arguments).await;
        called.map_err(|error| ToolError::Failed { tool: tool(), source: error.into() })
    }

    /// Returns false for a tool that the server no longer offers.
    fn is_enabled(&self, _: &RunContext) -> bool {
        !self.listed.is_gone.load(Ordering::Acquire)
    }

    fn needs_approval(&self, context: &RunContext, arguments: &Json) -> bool {
        self.approval.is_needed(context, arguments)
    }
}

impl fmt::Debug for McpTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpTool")
            .field("name", &self.listed.spec.name)
            .field("server", &self.connection.name())
            .finish_non_exhaustive()
    }
}
