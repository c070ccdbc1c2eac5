//! Finished spans on their way to the collector.

use std::time::{Duration, SystemTime};

use raaf_trace_core::{
    FinishedSpan, SpanExporter,
    attributes::ValueRef,
    sink::{ExportError, Overflow},
};

use crate::{
    collector::{Collector, Delivered, Scalar},
    facts::keys,
    tool::Setup,
};

/// An exporter that hands spans to the collector.
#[derive(Debug)]
pub(super) struct Deliver {
    collector: Collector,
    overflow: Overflow,
}

impl Deliver {
    /// Lets producers help under default limits, as the project's sinks of one machine do.
    pub(super) fn new(setup: &Setup) -> Self {
        let overflow = if setup.room.is_none() { Overflow::Wait } else { Overflow::Drop };
        Self { collector: setup.collector.clone(), overflow }
    }
}

impl SpanExporter for Deliver {
    fn name(&self) -> &'static str {
        "collector"
    }

    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
        self.collector.take(batch.iter().map(Finished));
        Ok(())
    }

    fn overflow(&self) -> Overflow {
        self.overflow
    }
}

/// A finished span, as the collector reads it.
struct Finished<'a>(&'a FinishedSpan);

impl Delivered for Finished<'_> {
    fn trace_id(&self) -> u128 {
        self.0.trace_id().to_u128()
    }

    fn span_id(&self) -> u64 {
        self.0.span_id().to_u64()
    }

    fn parent_id(&self) -> u64 {
        self.0.parent_id().map_or(0, raaf_trace_core::SpanId::to_u64)
    }

    fn with_name<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        read(&self.0.name())
    }

    fn start(&self) -> SystemTime {
        self.0.start_time()
    }

    fn duration(&self) -> Duration {
        self.0.duration()
    }

    /// Returns the attributes that other tools have, too: the component's two, and those that were
    /// set. No other tool has those that follow from the outcome (`success`, `duration_ms`,
    /// `result.type`).
    fn each_attribute(&self, mut read: impl FnMut(&str, Scalar<'_>)) {
        read(keys::TYPE, Scalar::Str(self.0.kind().as_str()));
        read(keys::NAME, Scalar::Str(self.0.component_name()));
        for (key, value) in self.0.attributes().stored().iter() {
            let value = match value {
                ValueRef::Str(value) => Scalar::Str(value),
                ValueRef::Int(value) => Scalar::Int(value),
                ValueRef::Float(value) => Scalar::Float(value),
                ValueRef::Bool(value) => Scalar::Bool(value),
                // No workload sets JSON.
                _ => continue,
            };
            read(key, value);
        }
    }
}
