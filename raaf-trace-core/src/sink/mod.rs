//! Sinks: the contracts of processors and exporters, and the bundled processors.

pub(crate) mod batch;
pub(crate) mod calls;
mod finishing;
mod into_sink;
mod offload;
mod simple;
mod stdout;
mod tail;

pub use crate::base::process::PerProcess;
pub use crate::base::suppress::active as runs_here;
pub use batch::{BatchProcessor, Flush};
pub(crate) use finishing::Finishing;
pub(crate) use into_sink::AnySink;
pub(crate) use into_sink::Receiver;
pub use into_sink::{IntoSink, via};
pub use offload::Offload;
pub use raaf_trace_model::sink::{
    BatchConfig, ExportError, MemoryExporter, Overflow, ProcessorError, SpanExporter,
    SpanProcessor, registry, stats,
};
pub use simple::SimpleProcessor;
pub use stdout::{reserve_stdout, stdout_is_reserved};
pub use tail::{KeepTraces, TailSampler};
