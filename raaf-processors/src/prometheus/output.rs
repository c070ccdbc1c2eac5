//! Recorder that receives the metrics.

use std::sync::{Arc, Once};

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};

use super::{histogram::Histograms, names};

/// Destination of the metrics.
pub(super) enum Output {
    /// Recorder of this sink alone.
    Own(Box<PrometheusRecorder>, PrometheusHandle, Histograms),
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
        let key = Key::from_parts(name, labels);
        self.with(|recorder| recorder.register_counter(&key, &METADATA))
    }

    pub(super) fn gauge(&self, name: &'static str, labels: Vec<Label>) -> Gauge {
        let key = Key::from_parts(name, labels);
        self.with(|recorder| recorder.register_gauge(&key, &METADATA))
    }

    pub(super) fn histogram(&self, name: &'static str, labels: Vec<Label>) -> Histogram {
        let key = Key::from_parts(name, labels);
        match &self.output {
            Output::Own(_, _, histograms) => histograms.register(key),
            _ => self.with(|recorder| recorder.register_histogram(&key, &METADATA)),
        }
    }

    fn with<R>(&self, register: impl FnOnce(&dyn Recorder) -> R) -> R {
        let register = |recorder: &dyn Recorder| {
            self.described.call_once(|| names::describe(recorder));
            register(recorder)
        };
        match &self.output {
            Output::Own(recorder, ..) => register(&**recorder),
            Output::Given(recorder) => register(&**recorder),
            Output::Installed => metrics::with_recorder(register),
        }
    }

    /// Renders all metrics as text; empty if an application's recorder has them.
    pub(super) fn render(&self) -> String {
        match &self.output {
            Output::Own(_, handle, histograms) => {
                let mut text = handle.render();
                histograms.render(&mut text);
                text
            }
            Output::Given(_) | Output::Installed => String::new(),
        }
    }
}
