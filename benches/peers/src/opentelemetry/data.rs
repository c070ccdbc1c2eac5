//! Finished spans, as the collector reads them.

use std::time::{Duration, SystemTime};

use opentelemetry::Value;
use opentelemetry_sdk::trace::SpanData;

use raaf_benches::collector::{Delivered, Scalar};

/// A finished span, as the collector reads it.
pub(super) struct Finished(pub(super) SpanData);

impl Delivered for Finished {
    fn trace_id(&self) -> u128 {
        u128::from_be_bytes(self.0.span_context.trace_id().to_bytes())
    }

    fn span_id(&self) -> u64 {
        u64::from_be_bytes(self.0.span_context.span_id().to_bytes())
    }

    fn parent_id(&self) -> u64 {
        u64::from_be_bytes(self.0.parent_span_id.to_bytes())
    }

    fn with_name<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        read(&self.0.name)
    }

    fn start(&self) -> SystemTime {
        self.0.start_time
    }

    fn duration(&self) -> Duration {
        self.0.end_time.duration_since(self.0.start_time).unwrap_or_default()
    }

    fn each_attribute(&self, mut read: impl FnMut(&str, Scalar<'_>)) {
        for attribute in &self.0.attributes {
            let value = match &attribute.value {
                Value::Bool(value) => Scalar::Bool(*value),
                Value::I64(value) => Scalar::Int(*value),
                Value::F64(value) => Scalar::Float(*value),
                Value::String(value) => Scalar::Str(value.as_str()),
                // No workload sets a list.
                _ => continue,
            };
            read(attribute.key.as_str(), value);
        }
    }
}
