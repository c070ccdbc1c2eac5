//! Meters of kinds and components.

use std::sync::{Arc, OnceLock};

use metrics::{Counter, Label, SharedString};
use raaf_trace_model::span::{FinishedSpan, Status};

use super::{
    active::Active,
    names,
    output::{Histogram, Recording},
};

/// Labels of components besides the kind: method and workflow where these are asked for.
const LABELS: [&str; 3] = ["component", "method", "workflow"];

/// Meters of one kind: its running spans, and its components beyond the limit.
pub(super) struct KindMeter {
    pub(super) labels: Vec<Label>,
    pub(super) active: Active,
    pub(super) others: OnceLock<ComponentMeter>,
}

/// Meters of one component of one kind. Metrics are registered once, on first use.
pub(super) struct ComponentMeter {
    pub(super) kind: Arc<KindMeter>,
    /// Counters by status, in the order of [`STATUSES`].
    spans: [Counter; 5],
    duration: Histogram,
    retries: Counter,
}

const STATUSES: [Status; 5] =
    [Status::Unset, Status::Ok, Status::Error, Status::Cancelled, Status::Stale];

impl KindMeter {
    pub(super) fn new(labels: Vec<Label>) -> Self {
        Self { labels, active: Active::new(), others: OnceLock::new() }
    }
}

impl ComponentMeter {
    /// Creates meters with the values of [`LABELS`]; `None` is not asked for.
    pub(super) fn new(
        kind: &Arc<KindMeter>,
        values: [Option<Arc<str>>; 3],
        recording: &Recording,
    ) -> Self {
        let values = LABELS.into_iter().zip(values);
        let mut labels = kind.labels.clone();
        labels.extend(
            values.filter_map(|(key, value)| {
                Some(Label::new(key, SharedString::from_shared(value?)))
            }),
        );
        let spans = STATUSES.map(|status| {
            let mut labels = labels.clone();
            labels.push(Label::from_static_parts("status", status.as_str()));
            recording.counter(names::SPANS, labels)
        });
        let retries = recording.counter(names::RETRIES, labels.clone());
        let duration = recording.histogram(names::SPAN_DURATION, labels);
        Self { kind: Arc::clone(kind), spans, duration, retries }
    }

    pub(super) fn ended(&self, span: &FinishedSpan) {
        self.kind.active.ended(span.span_id());
        let place = STATUSES.iter().position(|known| *known == span.status()).unwrap_or_default();
        self.spans[place].increment(1);
        self.duration.record(span.duration().as_secs_f64(), span);
        let retries = span.events().filter(|event| event.name() == "retry").count();
        if retries > 0 {
            self.retries.increment(retries as u64);
        }
    }
}
