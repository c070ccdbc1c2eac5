//! Finished spans, as the collector reads them.

use std::time::{Duration, SystemTime};

use opentelemetry::Value;
use opentelemetry_sdk::trace::SpanData;

use crate::collector::{Delivered, Scalar};

impl Delivered for SpanData {
    fn trace_id(&self) -> u128 {
        u128::from_be_bytes(self.span_context.trace_id().to_bytes())
    }

    fn span_id(&self) -> u64 {
        u64::from_be_bytes(self.span_context.span_id().to_bytes())
    }

    fn parent_id(&self) -> u64 {
        u64::from_be_bytes(self.parent_span_id.to_bytes())
    }

    fn with_name<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        read(&self.name)
    }

    fn start(&self) -> SystemTime {
        self.start_time
    }

    fn duration(&self) -> Duration {
        self.end_time.duration_since(self.start_time).unwrap_or_default()
    }

    fn each_attribute(&self, mut read: impl FnMut(&str, Scalar<'_>)) {
        for attribute in &self.attributes {
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
