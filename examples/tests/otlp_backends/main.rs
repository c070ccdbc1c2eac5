//! Spans of the `otlp` sink, as other programs read them: Phoenix and `MLflow`, backends for generative
//! AI, and rotel, a collector.
//!
//! The tests run in CI, and wherever `RAAF_PHOENIX`, `RAAF_MLFLOW` and `RAAF_ROTEL` are set to `install`
//! or to the path of an installed program.

#![cfg(unix)]

mod mlflow;
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
