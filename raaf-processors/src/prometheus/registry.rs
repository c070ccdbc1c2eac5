//! The sink's own recorder, and its text form.
//!
//! Values are counted at once, so that none is lost while the metrics are rendered, and labels are
//! written without changes.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
};

use metrics::{Counter, Gauge, Key, atomics::AtomicU64};

use super::{buckets::Buckets, format::Format, names};

/// Metrics by the key they are registered with.
pub(super) struct Registry {
    bounds: Arc<[f64]>,
    /// Labels of `target_info`: the program that is measured.
    target: String,
    /// In order, because the format wants the lines of one metric together.
    all: Mutex<BTreeMap<Key, Metric>>,
}

#[derive(Clone)]
enum Metric {
    Counter(Arc<AtomicU64>),
    /// Counter with fractions: bits of an `f64`.
    Sum(Arc<AtomicU64>),
    /// Bits of an `f64`.
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Buckets>),
}

impl Registry {
    pub(super) fn new(bounds: Vec<f64>, resource: &[(String, String)]) -> Self {
        Self { bounds: bounds.into(), target: target(resource), all: Mutex::default() }
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

    pub(super) fn sum(&self, key: Key) -> Gauge {
        match self.register(key, || Metric::Sum(Arc::default())) {
            Metric::Sum(cell) => Gauge::from_arc(cell),
            _ => Gauge::noop(),
        }
    }

    pub(super) fn histogram(&self, key: Key) -> Arc<Buckets> {
        let new = || Arc::new(Buckets::new(&self.bounds));
        match self.register(key, || Metric::Histogram(new())) {
            Metric::Histogram(buckets) => buckets,
            _ => new(),
        }
    }

    fn register(&self, key: Key, make: impl FnOnce() -> Metric) -> Metric {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(key).or_insert_with(make).clone()
    }

    /// Renders all metrics.
    pub(super) fn render(&self, format: Format) -> String {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut text = match format {
            Format::Text => "# HELP target_info The program.\n# TYPE target_info gauge\n",
            Format::OpenMetrics => "# HELP target The program.\n# TYPE target info\n",
        }
        .to_owned();
        let _ = writeln!(text, "target_info{{{}}} 1", self.target);
        let mut last = None;
        for (key, metric) in &all {
            let name = key.name();
            if last.replace(name) != Some(name) {
                metric.head(&mut text, name, format);
            }
            let labels = labels(key.labels().map(|label| (label.key(), label.value())));
            let _ = match metric {
                Metric::Counter(cell) => {
                    writeln!(text, "{name}{{{labels}}} {}", cell.load(Relaxed))
                }
                Metric::Gauge(cell) | Metric::Sum(cell) => {
                    writeln!(text, "{name}{{{labels}}} {}", f64::from_bits(cell.load(Relaxed)))
                }
                Metric::Histogram(buckets) => buckets.render(&mut text, name, &labels, format),
            };
        }
        if format == Format::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

/// Returns the labels of a resource: the last of attributes with the same name as a label.
fn target(resource: &[(String, String)]) -> String {
    let fits = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let all: BTreeMap<String, &str> = resource
        .iter()
        .filter(|(key, _)| !key.is_empty() && !key.starts_with(|c: char| c.is_ascii_digit()))
        .map(|(key, value)| (key.chars().map(fits).collect(), value.as_str()))
        .collect();
    labels(all.iter().map(|(key, value)| (&**key, *value)))
}

impl Metric {
    /// Writes the lines before those of a metric.
    fn head(&self, text: &mut String, name: &str, format: Format) {
        let (help, kind) = (names::help(name), self.kind());
        let (family, unit) = match format {
            Format::Text => (name, None),
            // Counters are named without their suffix.
            Format::OpenMetrics => {
                let family = name.strip_suffix("_total").unwrap_or(name);
                (family, family.ends_with("_seconds").then_some("seconds"))
            }
        };
        let _ = write!(text, "# HELP {family} {help}\n# TYPE {family} {kind}\n");
        if let Some(unit) = unit {
            let _ = writeln!(text, "# UNIT {family} {unit}");
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Counter(_) | Self::Sum(_) => "counter",
            Self::Gauge(_) => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// Writes labels, escaped as both formats require.
fn labels<'a>(all: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (key, value) in all {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{key}=\"");
        for letter in value.chars() {
            match letter {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                // Scrapers take it for the end of the text.
                '\0' => text.push('\u{fffd}'),
                letter => text.push(letter),
            }
        }
        text.push('"');
    }
    text
}
