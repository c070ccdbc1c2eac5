//! Errors of connections and requests.

use std::{borrow::Cow, fmt, time::Duration};

use raaf_trace_core::{ErrorType, call::KnownErrorType, diagnostics::Escaped};

use crate::errors::TIMEOUT;

/// Bound on the number of tools that an error names.
const MAX_NAMES: usize = 50;

/// Failure of an MCP server, of the connection to it, or of a request.
///
/// Its text contains no [secret](crate::mcp::McpServer) that was set for the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum McpError {
    /// A setting is invalid, such as a URL or a header.
    Config {
        /// The name of the server.
        server: String,
        /// The fault, and what would be valid.
        message: String,
    },
    /// The server cannot be started or reached, or refused the connection.
    Connect {
        /// The name of the server.
        server: String,
        /// The cause.
        message: String,
    },
    /// The connection is closed: the server closed it or ended, or
    /// [`McpConnection::close`](crate::mcp::McpConnection::close) was called.
    Closed {
        /// The name of the server.
        server: String,
        /// The cause, such as the exit status of the server, and the end of what it wrote to standard
        /// error.
        reason: String,
    },
    /// The server did not answer a request within the time limit. The client has cancelled the request at
    /// the server.
    Timeout {
        /// The name of the server.
        server: String,
        /// The method, such as `tools/call`.
        method: String,
        /// The time limit.
        after: Duration,
        /// The last thing that the server sent instead of an answer; empty if it sent nothing.
        instead: String,
    },
    /// The server answered a request with an error of the protocol.
    Refused {
        /// The name of the server.
        server: String,
        /// The method, such as `tools/call`.
        method: String,
        /// The code of JSON-RPC.
        code: i32,
        /// The server's message.
        message: String,
    },
    /// The server answered with something that does not fit the request, or a request could not be sent.
    Protocol {
        /// The name of the server.
        server: String,
        /// The method, such as `tools/call`.
        method: String,
        /// The mismatch.
        message: String,
    },
    /// The tool failed: the server marked its result as an error.
    Tool {
        /// The text of the result.
        message: String,
    },
    /// The server does not offer the tool, or no longer offers it.
    UnknownTool {
        /// The name of the server.
        server: String,
        /// The name of the tool at the server.
        tool: String,
        /// The names of the tools that the server offers.
        available: Vec<String>,
    },
    /// A service cannot start: the address is in use or not a loopback address, or the handshake failed.
    Serve {
        /// The cause.
        message: String,
    },
}

impl fmt::Display for McpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { server, message } => {
                write!(f, "the MCP server `{}` is misconfigured: {message}", Escaped(server))
            }
            Self::Connect { server, message } => {
                let server = Escaped(server);
                write!(f, "cannot connect to the MCP server `{server}`: {}", Escaped(message))
            }
            Self::Closed { server, reason } => {
                let server = Escaped(server);
                write!(
                    f,
                    "the connection to the MCP server `{server}` is closed: {}",
                    Escaped(reason)
                )
            }
            Self::Timeout { server, method, after, instead } => {
                let (server, after) = (Escaped(server), after.as_secs_f64());
                write!(f, "the MCP server `{server}` did not answer `{method}` within {after} s")?;
                if instead.is_empty() { Ok(()) } else { write!(f, "; {}", Escaped(instead)) }
            }
            Self::Refused { server, method, code, message } => write!(
                f,
                "the MCP server `{}` refused `{method}`: {} (code {code})",
                Escaped(server),
                Escaped(message)
            ),
            Self::Protocol { server, method, message } => {
                write!(f, "`{method}` of the MCP server `{}` failed: ", Escaped(server))?;
                write!(f, "{}", Escaped(message))
            }
            // The model reads it, by lines.
            Self::Tool { message } => f.write_str(message),
            Self::UnknownTool { server, tool, available } => {
                let (server, tool) = (Escaped(server), Escaped(tool));
                write!(f, "the MCP server `{server}` does not offer the tool `{tool}`")?;
                let first = &available[..available.len().min(MAX_NAMES)];
                let none = if available.is_empty() { "none" } else { "" };
                write!(f, "; available tools: {}{none}", Escaped(&first.join(", ")))?;
                match available.len().saturating_sub(MAX_NAMES) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Serve { message } => write!(f, "cannot serve MCP: {message}"),
        }
    }
}

impl std::error::Error for McpError {}

/// Returns `timeout` for a time limit, `tool_error` for a tool that failed, the code for a protocol error,
/// otherwise the variant, such as `McpError::Closed`.
impl ErrorType for McpError {
    fn error_type(&self) -> Cow<'static, str> {
        let variant = match self {
            Self::Timeout { .. } => TIMEOUT,
            Self::Tool { .. } => "tool_error",
            Self::Refused { code, .. } => return code.to_string().into(),
            Self::Config { .. } => "McpError::Config",
            Self::Connect { .. } => "McpError::Connect",
            Self::Closed { .. } => "McpError::Closed",
            Self::Protocol { .. } => "McpError::Protocol",
            Self::UnknownTool { .. } => "McpError::UnknownTool",
            Self::Serve { .. } => "McpError::Serve",
        };
        variant.into()
    }
}

raaf_trace_core::submit! { KnownErrorType::new::<McpError>() }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_some_of_the_tools() {
        let available = (0..10_000).map(|number| format!("tool_{number}")).collect();
        let (server, tool) = ("office".to_owned(), "act".to_owned());
        let text = McpError::UnknownTool { server, tool, available }.to_string();
        assert!(text.ends_with(", tool_49 and 9950 more"), "{text}");
    }
}
