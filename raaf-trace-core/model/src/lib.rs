//! Data types of `raaf-trace-core`, without the engine that creates spans.
//!
//! Contains ids, attribute values, finished spans and their trees, the line format of trace files,
//! W3C propagation, prices of models, and the contracts of processors and exporters, with the
//! simplest exporter, [`MemoryExporter`](sink::MemoryExporter). Everything here is plain data or a
//! trait: no threads, no thread-locals, and no globals except the list of sinks that `inventory`
//! collects at link time.
//!
//! Use it through `raaf-trace-core`, which re-exports all of it under the same module names. A
//! crate that only reads or writes finished spans can depend on this one alone.

pub mod attributes;
pub mod environment;
pub mod escape;
pub mod filter;
#[doc(hidden)]
pub mod grpc;
pub mod id;
pub mod keys;
pub mod kind;
pub mod naming;
mod numbered;
mod percent;
pub mod prices;
pub mod propagation;
mod redact;
pub mod sink;
pub mod span;
pub mod time;
mod type_name;

pub use inventory::submit;
pub use kind::Kind;
pub use redact::Redactor;
