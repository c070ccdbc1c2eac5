//! Spans of the `otlp` sink, as other programs read them: Phoenix, a backend for generative AI,
//! and rotel, a collector.
//!
//! Both are installed in CI, and wherever `RAAF_PHOENIX` and `RAAF_ROTEL` say `install` or where
//! the programs are.

#![cfg(unix)]

mod phoenix;
#[path = "../../../raaf-agents/tests/python/mod.rs"]
mod python;
mod rotel;
#[path = "../../../raaf-processors/tests/server/mod.rs"]
mod server;
mod workflow;

use std::time::Duration;

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);
