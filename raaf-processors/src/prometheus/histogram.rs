//! Histograms of the sink's own recorder.
//!
//! The exporter's histograms keep each value until they are read, and a value recorded in that
//! moment can get lost. These count at once, and lose nothing.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use metrics::{Histogram, HistogramFn, Key};

use super::names;

/// Histograms by the key they are registered with.
pub(super) struct Histograms {
    bounds: Arc<[f64]>,
    all: Mutex<HashMap<Key, Arc<Buckets>>>,
}

impl Histograms {
    pub(super) fn new(bounds: Vec<f64>) -> Self {
        Self { bounds: bounds.into(), all: Mutex::default() }
    }

    pub(super) fn register(&self, key: Key) -> Histogram {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let buckets = all.entry(key).or_insert_with(|| Arc::new(Buckets::new(&self.bounds)));
        Histogram::from_arc(Arc::clone(buckets))
    }

    /// Appends all histograms in Prometheus' text format.
    pub(super) fn render(&self, text: &mut String) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // The format wants the lines of one metric together.
        let all = BTreeMap::from_iter(all);
        let mut last = None;
        for (key, buckets) in &all {
            let name = key.name();
            if last.replace(name) != Some(name) {
                let help = names::help(name);
                let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} histogram\n");
            }
            buckets.render(text, key);
        }
    }
}

/// Histogram with fixed buckets.
struct Buckets {
    bounds: Arc<[f64]>,
    /// Number of values in each bucket, the last one above all bounds.
    counts: Box<[AtomicU64]>,
    /// Bits of an `f64`.
    sum: AtomicU64,
}

impl Buckets {
    fn new(bounds: &Arc<[f64]>) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds: Arc::clone(bounds), counts, sum: AtomicU64::new(0.0_f64.to_bits()) }
    }

    fn render(&self, text: &mut String, key: &Key) {
        let name = key.name();
        let labels = key.labels().fold(String::new(), |mut labels, label| {
            // Neither backslashes nor line ends occur in the values.
            let value = label.value().replace('"', "\\\"");
            let _ = write!(labels, "{}=\"{value}\",", label.key());
            labels
        });
        let mut below = 0;
        for (place, count) in self.counts.iter().enumerate() {
            below += count.load(Relaxed);
            let _ = match self.bounds.get(place) {
                Some(bound) => writeln!(text, "{name}_bucket{{{labels}le=\"{bound}\"}} {below}"),
                None => writeln!(text, "{name}_bucket{{{labels}le=\"+Inf\"}} {below}"),
            };
        }
        let labels = labels.trim_end_matches(',');
        let sum = f64::from_bits(self.sum.load(Relaxed));
        let _ = writeln!(text, "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {below}");
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Relaxed);
        let add = |sum| Some((f64::from_bits(sum) + value).to_bits());
        let _ = self.sum.fetch_update(Relaxed, Relaxed, add);
    }
}
