//! Recorder that receives the metrics.

use std::sync::{Arc, Once};

use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder};

use raaf_trace_model::span::FinishedSpan;

use super::{buckets::Buckets, format::Format, names, registry::Registry};

/// Destination of the metrics.
pub(super) enum Output {
    /// Recorder of this sink alone.
    Own(Registry),
    /// Recorder given by the application.
    Given(Arc<dyn Recorder + Send + Sync>),
    /// Recorder that the application has installed for the process.
    Installed,
}

/// Recorder, and whether the metrics are described to it.
pub(super) struct Recording {
    output: Output,
    described: Once,
}

const METADATA: Metadata<'static> =
    Metadata::new("raaf_processors", Level::INFO, Some("raaf_processors::prometheus"));

impl Recording {
    pub(super) fn new(output: Output) -> Self {
        Self { output, described: Once::new() }
    }

    pub(super) fn counter(&self, name: &'static str, labels: Vec<Label>) -> Counter {
        match &self.output {
            Output::Own(registry) => registry.counter(Key::from_parts(name, labels)),
            _ => self.with(name, labels, |to, key| to.register_counter(key, &METADATA)),
        }
    }

    pub(super) fn gauge(&self, name: &'static str, labels: Vec<Label>) -> Gauge {
        match &self.output {
            Output::Own(registry) => registry.gauge(Key::from_parts(name, labels)),
            _ => self.with(name, labels, |to, key| to.register_gauge(key, &METADATA)),
        }
    }

    pub(super) fn histogram(&self, name: &'static str, labels: Vec<Label>) -> Histogram {
        match &self.output {
            Output::Own(registry) => {
                Histogram::Own(registry.histogram(Key::from_parts(name, labels)))
            }
            _ => Histogram::Given(
                self.with(name, labels, |to, key| to.register_histogram(key, &METADATA)),
            ),
        }
    }

    /// Returns a counter with fractions.
    pub(super) fn sum(&self, name: &'static str, labels: Vec<Label>) -> Gauge {
        match &self.output {
            Output::Own(registry) => registry.sum(Key::from_parts(name, labels)),
            _ => self.gauge(name, labels),
        }
    }

    /// Registers a metric in the application's recorder.
    fn with<R>(
        &self,
        name: &'static str,
        labels: Vec<Label>,
        register: impl FnOnce(&dyn Recorder, &Key) -> R,
    ) -> R {
        let key = Key::from_parts(name, labels.into_iter().map(escaped).collect::<Vec<_>>());
        let register = |recorder: &dyn Recorder| {
            self.described.call_once(|| names::describe(recorder));
            register(recorder, &key)
        };
        match &self.output {
            Output::Given(recorder) => register(&**recorder),
            Output::Own(_) | Output::Installed => metrics::with_recorder(register),
        }
    }

    /// Renders all metrics as text; empty if an application's recorder has them.
    pub(super) fn render(&self, format: Format) -> String {
        match &self.output {
            Output::Own(registry) => registry.render(format),
            Output::Given(_) | Output::Installed => String::new(),
        }
    }
}

/// Histogram of either recorder.
pub(super) enum Histogram {
    Own(Arc<Buckets>),
    Given(metrics::Histogram),
}

impl Histogram {
    pub(super) fn record(&self, value: f64, span: &FinishedSpan) {
        match self {
            Self::Own(buckets) => buckets.record(value, span),
            Self::Given(histogram) => histogram.record(value),
        }
    }
}

/// Doubles backslashes: `metrics-exporter-prometheus` 0.18 takes two of them for one that is already
/// escaped, and drops one before a quote, so that different labels would become one series.
fn escaped(label: Label) -> Label {
    if !label.value().contains('\\') {
        return label;
    }
    let (key, value) = label.into_parts();
    Label::new(key, value.replace('\\', r"\\"))
}
