//! Finished spans on their way to the collector.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrace::collector::{Reporter, SpanRecord};

use raaf_benches::collector::{Collector, Delivered, Scalar};

/// A reporter that hands spans to the collector.
pub(super) struct Report(pub(super) Collector);

impl Reporter for Report {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        self.0.take(spans.into_iter().map(Finished));
    }
}

/// A finished span, as the collector reads it.
struct Finished(SpanRecord);

impl Delivered for Finished {
    fn trace_id(&self) -> u128 {
        self.0.trace_id.0
    }

    fn span_id(&self) -> u64 {
        self.0.span_id.0
    }

    fn parent_id(&self) -> u64 {
        self.0.parent_id.0
    }

    fn with_name<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        read(&self.0.name)
    }

    fn start(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.0.begin_time_unix_ns)
    }

    fn duration(&self) -> Duration {
        Duration::from_nanos(self.0.duration_ns)
    }

    fn each_attribute(&self, mut read: impl FnMut(&str, Scalar<'_>)) {
        for (key, value) in &self.0.properties {
            read(key, Scalar::Str(value));
        }
    }
}
