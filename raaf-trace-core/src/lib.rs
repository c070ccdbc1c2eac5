//! Coherent tracing for AI-agent workflows.

mod attributes;
mod clock;
pub mod diagnostics;
mod exporter;
mod id;
pub mod keys;
mod kind;
mod naming;
mod outcome;
mod processor;
pub mod propagation;
mod sampling;
pub mod settings;
pub mod stats;
mod type_name;

pub use attributes::{
    AttributeEntry, AttributeLosses, Attributes, IntoValue, Key, Redactor, SpanLimits, Value,
    ValueRef,
};
pub use clock::{Anchor, Clock, ManualClock, Rfc3339, Ticks};
pub use exporter::{ExportError, Overflow, SpanExporter};
pub use id::{
    IdFault, IdGenerator, IdText, ParseIdError, RandomIds, SequentialIds, SpanId, TraceId,
};
pub use kind::{Kind, OtherKind};
pub use naming::{NamePattern, NamePatternError, NameTemplate};
pub use outcome::{ErrorReport, Failure, Outcome, looks_like_result, via};
pub use processor::{ProcessorError, SpanProcessor};
pub use sampling::Sampler;
pub use settings::{Environment, Settings, SettingsError};
pub use type_name::short_type_name;

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
