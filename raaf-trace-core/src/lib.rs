//! Coherent tracing for AI-agent workflows.

mod attributes;
mod exporter;
pub mod keys;
mod processor;
pub mod stats;

pub use attributes::{
    AttributeEntry, AttributeLosses, Attributes, IntoValue, Key, Redactor, SpanLimits, Value,
    ValueRef,
};
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
