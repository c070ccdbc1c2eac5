//! Connections to servers.

mod connection;
mod content;
mod fate;
mod http;
mod lines;
mod listing;
mod pages;
mod process;
mod prompts;
mod request;
mod resources;
mod server;
mod tool;

pub use connection::McpConnection;
pub use prompts::{McpPrompt, McpPromptArgument};
pub use resources::{McpResource, ResourceTemplate};
pub use server::McpServer;
pub use tool::McpTool;
