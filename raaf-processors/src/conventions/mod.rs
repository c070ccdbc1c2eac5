//! Spans in OpenTelemetry's terms: names, kinds, attributes and status by its conventions for
//! generative AI, by those of `OpenInference`, and by the table of `OtlpSink`.
//!
//! `OtlpSink` encodes them, and `raaf-opentelemetry` hands them to OpenTelemetry's SDK. Use them for a
//! sink of your own that sends spans in these terms.

mod attributes;
mod messages;
mod names;
mod operation;
mod status;
mod value;

pub use attributes::attributes;
pub use names::OtlpNames;
pub use operation::{SpanKind, kind};
pub use status::{Status, status};
pub use value::{Any, any};
