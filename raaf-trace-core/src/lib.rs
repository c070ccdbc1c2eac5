//! Coherent tracing for AI-agent workflows.

mod exporter;
mod outcome;
mod processor;
pub mod stats;

pub use exporter::{ExportError, Overflow, SpanExporter};
pub use outcome::{ErrorReport, Failure, Outcome, looks_like_result, via};
pub use processor::{ProcessorError, SpanProcessor};

/// Placeholder.
#[derive(Debug)]
pub struct FinishedSpan;
/// Placeholder.
#[derive(Debug)]
pub struct Span;
/// Placeholder.
#[derive(Debug)]
pub struct BatchProcessor;
/// Placeholder.
#[derive(Debug)]
pub struct SimpleProcessor;
/// Placeholder.
pub fn offload() {}

/// What the macros expand to. No part of the interface: it may change with any release.
#[doc(hidden)]
pub mod __private {
    pub use crate::outcome::probe;
}
