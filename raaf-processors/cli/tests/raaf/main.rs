//! The program, run as a user runs it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests and their helpers may fail")]

mod arguments;
mod commands;
mod diff;
mod golden;
mod hostile;
mod import;
mod paused;
mod score;
mod serve;
mod stats;
mod support;
mod terminal;
