//! Histograms of the sink's own recorder.

use std::{
    fmt::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use metrics::HistogramFn;

/// Histogram with fixed buckets.
pub(super) struct Buckets {
    bounds: Arc<[f64]>,
    /// Number of values in each bucket, the last one above all bounds.
    counts: Box<[AtomicU64]>,
    /// Bits of an `f64`.
    sum: AtomicU64,
}

impl Buckets {
    pub(super) fn new(bounds: &Arc<[f64]>) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds: Arc::clone(bounds), counts, sum: AtomicU64::new(0.0_f64.to_bits()) }
    }

    pub(super) fn render(&self, text: &mut String, name: &str, labels: &str) -> fmt::Result {
        let mut below = 0;
        for (place, count) in self.counts.iter().enumerate() {
            below += count.load(Relaxed);
            match self.bounds.get(place) {
                Some(bound) => writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {below}")?,
                None => writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {below}")?,
            }
        }
        let sum = f64::from_bits(self.sum.load(Relaxed));
        writeln!(text, "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {below}")
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
