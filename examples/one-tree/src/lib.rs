//! One tree with the rest of a program: axum, reqwest, rig, sqlx and tonic, beside agents of this
//! workspace.
//!
//! [`run`] is the program; `main.rs` prints its tree, and tests hold it.

pub mod http;
pub mod model_server;
mod program;
pub mod shelf;
mod warehouse;

pub use program::{Failure, client, run, serve};
