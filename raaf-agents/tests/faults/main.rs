//! Faults of real Chat Completions servers, each whole and streamed: what goes back to the server,
//! what the run returns, and what its tree shows.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on ends here")]
#![cfg(feature = "openai")]

mod calls;
mod outcomes;
mod run;
#[path = "../server/mod.rs"]
mod server;
mod servers;
