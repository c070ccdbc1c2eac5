//! MCP: servers as tools of agents, agents and tools as servers, and faults of both.

#![cfg(feature = "mcp")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "also the helpers of a test may panic")]

mod callers;
mod conformance;
mod faults;
mod hostile;
mod http;
mod logs;
mod node;
mod peer;
#[path = "../python/mod.rs"]
mod python;
#[path = "../server/mod.rs"]
mod server;
mod servers;
mod tools;
mod tree;
