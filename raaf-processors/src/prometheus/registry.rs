//! The sink's own recorder, and its text form.
//!
//! Values are counted at once, so that none is lost while the metrics are rendered, and labels are
//! written without changes.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
};

use metrics::{Counter, Gauge, Histogram, Key, atomics::AtomicU64};

use super::{buckets::Buckets, names};

/// Metrics by the key they are registered with.
pub(super) struct Registry {
    bounds: Arc<[f64]>,
    /// In order, because the format wants the lines of one metric together.
    all: Mutex<BTreeMap<Key, Metric>>,
}

#[derive(Clone)]
enum Metric {
    Counter(Arc<AtomicU64>),
    /// Bits of an `f64`.
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Buckets>),
}

impl Registry {
    pub(super) fn new(bounds: Vec<f64>) -> Self {
        Self { bounds: bounds.into(), all: Mutex::default() }
    }

    pub(super) fn counter(&self, key: Key) -> Counter {
        match self.register(key, || Metric::Counter(Arc::default())) {
            Metric::Counter(cell) => Counter::from_arc(cell),
            _ => Counter::noop(),
        }
    }

    pub(super) fn gauge(&self, key: Key) -> Gauge {
        match self.register(key, || Metric::Gauge(Arc::default())) {
            Metric::Gauge(cell) => Gauge::from_arc(cell),
            _ => Gauge::noop(),
        }
    }

    pub(super) fn histogram(&self, key: Key) -> Histogram {
        match self.register(key, || Metric::Histogram(Arc::new(Buckets::new(&self.bounds)))) {
            Metric::Histogram(buckets) => Histogram::from_arc(buckets),
            _ => Histogram::noop(),
        }
    }

    fn register(&self, key: Key, make: impl FnOnce() -> Metric) -> Metric {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(key).or_insert_with(make).clone()
    }

    /// Renders all metrics in Prometheus' text format.
    pub(super) fn render(&self) -> String {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = String::new();
        let mut last = None;
        for (key, metric) in &all {
            let name = key.name();
            if last.replace(name) != Some(name) {
                let (help, kind) = (names::help(name), metric.kind());
                let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            }
            let labels = labels(key);
            let _ = match metric {
                Metric::Counter(cell) => {
                    writeln!(text, "{name}{{{labels}}} {}", cell.load(Relaxed))
                }
                Metric::Gauge(cell) => {
                    writeln!(text, "{name}{{{labels}}} {}", f64::from_bits(cell.load(Relaxed)))
                }
                Metric::Histogram(buckets) => buckets.render(&mut text, name, &labels),
            };
        }
        text
    }
}

impl Metric {
    fn kind(&self) -> &'static str {
        match self {
            Self::Counter(_) => "counter",
            Self::Gauge(_) => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// Writes the labels of a metric, escaped as both formats require.
fn labels(key: &Key) -> String {
    let mut text = String::new();
    for label in key.labels() {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{}=\"", label.key());
        for letter in label.value().chars() {
            match letter {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                letter => text.push(letter),
            }
        }
        text.push('"');
    }
    text
}
