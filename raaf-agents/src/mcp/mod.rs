//! Tools of MCP servers, and servers of tools and agents.
//!
//! The [Model Context Protocol](https://modelcontextprotocol.io) connects models with tools from
//! other programs. [`McpServer`] connects to a server, whose tools an agent then calls like its own;
//! [`McpService`] serves tools and agents to other programs.
//!
//! ```no_run
//! use raaf_agents::{Agent, Approval, ScriptedModel, mcp::McpServer};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let files = McpServer::stdio("npx", ["-y", "@modelcontextprotocol/server-filesystem", "/data"])
//!     .prefix("files_")
//!     .only(["read_file", "write_file"])
//!     .approval(["write_file"], Approval::always())
//!     .connect()
//!     .await?;
//! let model = ScriptedModel::new("scripted", ["Done."]);
//! let clerk = Agent::builder("Clerk", model).tools(files.tools().await?).build();
//! # Ok::<(), raaf_agents::mcp::McpError>(())
//! # }).unwrap();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Spans
//!
//! Each request is a span by OpenTelemetry's conventions for MCP: `tools/call read_file`, with
//! `mcp.method.name`, `mcp.session.id`, `mcp.protocol.version`, `jsonrpc.request.id` and
//! `network.transport`. It is of kind `client`, or `server` in the process of the server; a listing of
//! tools is of kind `mcp_list_tools`. The trace context travels in `params._meta`, so that the spans of
//! both sides, and of what the server calls, form one tree.
//!
//! ```text
//! Agent: Clerk
//! └── Tool: files_read_file
//!     └── client: tools/call read_file
//!         └── server: tools/call read_file      in the process of the server
//!             └── Tool: read_file
//! ```

mod client;
mod error;
mod keys;
mod propagation;
mod quiet;
mod secrets;
mod service;

pub use client::{
    McpConnection, McpPrompt, McpPromptArgument, McpResource, McpServer, McpTool, ResourceTemplate,
};
pub use error::McpError;
pub use service::{HttpServer, HttpService, McpService};
