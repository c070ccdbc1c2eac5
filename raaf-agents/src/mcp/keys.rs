//! Attribute keys of OpenTelemetry's conventions for MCP.

use raaf_trace_core::{Attributes, call::SpanBuilder};

pub(super) const METHOD: &str = "mcp.method.name";
pub(super) const PROMPT: &str = "gen_ai.prompt.name";
pub(super) const PROTOCOL_VERSION: &str = "mcp.protocol.version";
pub(super) const REQUEST_ID: &str = "jsonrpc.request.id";
pub(super) const RESOURCE_URI: &str = "mcp.resource.uri";
pub(super) const SESSION_ID: &str = "mcp.session.id";
pub(super) const STATUS_CODE: &str = "rpc.response.status_code";
pub(super) const TRANSPORT: &str = "network.transport";
pub(super) const NETWORK_PROTOCOL: &str = "network.protocol.name";

/// Returns the name of the span of a request, such as `tools/call read_file`.
pub(super) fn span_name(method: &str, target: Option<&str>) -> String {
    target.map_or_else(|| method.to_owned(), |target| format!("{method} {target}"))
}

/// Transport of the attribute [`TRANSPORT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Pipe,
    Http,
}

impl Transport {
    pub(super) fn describe(self, attributes: &mut Attributes) {
        match self {
            Self::Pipe => attributes.set(TRANSPORT, "pipe"),
            Self::Http => attributes.set(TRANSPORT, "tcp").set(NETWORK_PROTOCOL, "http"),
        };
    }

    pub(super) fn on(self, span: SpanBuilder) -> SpanBuilder {
        match self {
            Self::Pipe => span.with(TRANSPORT, "pipe"),
            Self::Http => span.with(TRANSPORT, "tcp").with(NETWORK_PROTOCOL, "http"),
        }
    }
}
