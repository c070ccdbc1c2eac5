//! Contracts of sinks: processors, exporters, and their registry by name.

mod batch_config;
mod exporter;
mod memory;
mod processor;
pub mod registry;
pub mod stats;
#[doc(hidden)]
pub mod wrapper;

pub use batch_config::BatchConfig;
pub use exporter::{ExportError, Overflow, SpanExporter};
pub use memory::MemoryExporter;
pub use processor::{ProcessorError, SpanProcessor};
