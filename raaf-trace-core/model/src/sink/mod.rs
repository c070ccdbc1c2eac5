//! The contracts of sinks: what processors and exporters receive, and how they are found by name.

mod batch_config;
mod exporter;
mod memory;
mod processor;
pub mod registry;
pub mod stats;

pub use batch_config::BatchConfig;
pub use exporter::{ExportError, Overflow, SpanExporter};
pub use memory::MemoryExporter;
pub use processor::{ProcessorError, SpanProcessor};
