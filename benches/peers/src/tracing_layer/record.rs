//! Data that the layer keeps of a span.

use std::{
    fmt,
    time::{Duration, Instant, SystemTime},
};

use tracing::field::{Field, Visit};

use raaf_benches::collector::{Delivered, Scalar};

/// A span that is open.
pub(super) struct Record {
    pub(super) trace: u128,
    pub(super) span: u64,
    parent: u64,
    name: &'static str,
    start: Instant,
    pub(super) fields: Fields,
}

/// A span that has closed.
pub(super) struct Closed {
    record: Record,
    start: SystemTime,
    duration: Duration,
}

/// Typed fields, in the order in which they were recorded.
pub(super) struct Fields(Vec<(&'static str, Held)>);

enum Held {
    Str(String),
    Int(i64),
    Float(f64),
    Bool(bool),
}

impl Record {
    pub(super) fn new(
        trace: u128,
        span: u64,
        parent: u64,
        name: &'static str,
        fields: usize,
    ) -> Self {
        let fields = Fields(Vec::with_capacity(fields));
        Self { trace, span, parent, name, start: Instant::now(), fields }
    }

    /// The same after its end; `anchor` is one moment by both clocks.
    pub(super) fn closed(self, end: Instant, anchor: (Instant, SystemTime)) -> Closed {
        let start = anchor.1 + self.start.saturating_duration_since(anchor.0);
        let duration = end.saturating_duration_since(self.start);
        Closed { record: self, start, duration }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), Held::Str(value.to_owned())));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.name(), Held::Int(value)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.push((field.name(), Held::Float(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.name(), Held::Bool(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), Held::Str(format!("{value:?}"))));
    }
}

impl Delivered for Closed {
    fn trace_id(&self) -> u128 {
        self.record.trace
    }

    fn span_id(&self) -> u64 {
        self.record.span
    }

    fn parent_id(&self) -> u64 {
        self.record.parent
    }

    fn with_name<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        read(self.record.name)
    }

    fn start(&self) -> SystemTime {
        self.start
    }

    fn duration(&self) -> Duration {
        self.duration
    }

    fn each_attribute(&self, mut read: impl FnMut(&str, Scalar<'_>)) {
        for (key, value) in &self.record.fields.0 {
            let value = match value {
                Held::Str(value) => Scalar::Str(value),
                Held::Int(value) => Scalar::Int(*value),
                Held::Float(value) => Scalar::Float(*value),
                Held::Bool(value) => Scalar::Bool(*value),
            };
            read(key, value);
        }
    }
}
