//! Histograms of the sink's own recorder.

use std::{
    fmt::{self, Write as _},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use raaf_trace_model::{
    id::{SpanId, TraceId},
    span::FinishedSpan,
};

use super::format::Format;

/// Histogram with fixed buckets.
pub(super) struct Buckets {
    bounds: Arc<[f64]>,
    /// Buckets, the last one above all bounds.
    all: Box<[Bucket]>,
    /// Bits of an `f64`.
    sum: AtomicU64,
}

#[derive(Default)]
struct Bucket {
    count: AtomicU64,
    exemplar: Mutex<Option<Exemplar>>,
}

/// Last span that was counted in a bucket.
#[derive(Clone, Copy)]
struct Exemplar {
    trace: TraceId,
    span: SpanId,
    value: f64,
    end: SystemTime,
}

impl Buckets {
    pub(super) fn new(bounds: &Arc<[f64]>) -> Self {
        let all = (0..=bounds.len()).map(|_| Bucket::default()).collect();
        Self { bounds: Arc::clone(bounds), all, sum: AtomicU64::new(0.0_f64.to_bits()) }
    }

    pub(super) fn record(&self, value: f64, span: &FinishedSpan) {
        let bucket = &self.all[self.bounds.partition_point(|bound| *bound < value)];
        bucket.count.fetch_add(1, Relaxed);
        let add = |sum| Some((f64::from_bits(sum) + value).to_bits());
        let _ = self.sum.fetch_update(Relaxed, Relaxed, add);
        // Any recent span will do: a thread that would have to wait leaves it to the other.
        if let Ok(mut exemplar) = bucket.exemplar.try_lock() {
            let (trace, end) = (span.trace_id(), span.end_time());
            *exemplar = Some(Exemplar { trace, span: span.span_id(), value, end });
        }
    }

    pub(super) fn render(
        &self,
        text: &mut String,
        name: &str,
        labels: &str,
        format: Format,
    ) -> fmt::Result {
        let mut below = 0;
        for (place, bucket) in self.all.iter().enumerate() {
            below += bucket.count.load(Relaxed);
            write!(text, "{name}_bucket{{{labels},le=\"")?;
            match (self.bounds.get(place), format) {
                (None, _) => text.push_str("+Inf"),
                (Some(bound), Format::OpenMetrics) if bound.fract() == 0.0 => {
                    write!(text, "{bound:.1}")?;
                }
                (Some(bound), _) => write!(text, "{bound}")?,
            }
            write!(text, "\"}} {below}")?;
            if format == Format::OpenMetrics {
                bucket.exemplar(text)?;
            }
            text.push('\n');
        }
        let sum = f64::from_bits(self.sum.load(Relaxed));
        writeln!(text, "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {below}")
    }
}

impl Bucket {
    fn exemplar(&self, text: &mut String) -> fmt::Result {
        let exemplar = self.exemplar.lock().map_or(None, |exemplar| *exemplar);
        let Some(Exemplar { trace, span, value, end }) = exemplar else { return Ok(()) };
        let (trace, span) = (trace.hex(), span.hex());
        write!(
            text,
            " # {{trace_id=\"{}\",span_id=\"{}\"}} {value}",
            trace.as_str(),
            span.as_str()
        )?;
        let end = end.duration_since(UNIX_EPOCH).unwrap_or_default();
        write!(text, " {:.3}", end.as_secs_f64())
    }
}
