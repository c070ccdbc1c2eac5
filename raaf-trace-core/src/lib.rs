//! Coherent tracing for AI-agent workflows.

mod exporter;
mod processor;
pub mod stats;

pub use exporter::{ExportError, Overflow, SpanExporter};
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
