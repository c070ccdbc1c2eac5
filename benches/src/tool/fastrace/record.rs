//! Finished spans on their way to the collector.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrace::collector::{Reporter, SpanRecord};

use crate::collector::{Collector, Delivered, Scalar};

/// A reporter that hands spans to the collector.
pub(super) struct Report(pub(super) Collector);

impl Reporter for Report {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        self.0.take(spans);
    }
}

impl Delivered for SpanRecord {
    fn trace_id(&self) -> u128 {
        self.trace_id.0
    }

    fn span_id(&self) -> u64 {
        self.span_id.0
    }

    fn parent_id(&self) -> u64 {
        self.parent_id.0
    }

    fn with_name<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        read(&self.name)
    }

    fn start(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.begin_time_unix_ns)
    }

    fn duration(&self) -> Duration {
        Duration::from_nanos(self.duration_ns)
    }

    fn each_attribute(&self, mut read: impl FnMut(&str, Scalar<'_>)) {
        for (key, value) in &self.properties {
            read(key, Scalar::Str(value));
        }
    }
}
