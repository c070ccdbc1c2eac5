//! Counters by label, with a bounded number of label values.

use std::sync::{Arc, OnceLock};

use metrics::{Counter, Histogram, Label, SharedString};
use raaf_trace_model::span::{FinishedSpan, StartedSpan, Status};

use super::{
    active::Active,
    label::{self, OTHER},
    names,
    output::Recording,
    table::Table,
    usage::{ModelMeter, Usage},
};

/// Largest number of kinds: the library's own and some of the user's.
const MOST_KINDS: usize = 64;

/// Limits on label values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) components: usize,
    pub(super) models: usize,
}

/// Meters that the threads of spans update.
pub(super) struct Meters {
    kinds: Table<Arc<KindMeter>>,
    other_kind: OnceLock<Arc<KindMeter>>,
    components: Table<ComponentMeter>,
    models: Table<ModelMeter>,
    other_model: OnceLock<ModelMeter>,
}

/// Meters of one kind: its running spans, and its components beyond the limit.
struct KindMeter {
    label: Label,
    active: Active,
    others: OnceLock<ComponentMeter>,
}

/// Meters of one component of one kind. Metrics are registered once, on first use.
struct ComponentMeter {
    kind: Arc<KindMeter>,
    label: Label,
    /// Counters by status.
    spans: [OnceLock<Counter>; 6],
    duration: Histogram,
    retries: OnceLock<Counter>,
}

impl Meters {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            kinds: Table::new(MOST_KINDS),
            other_kind: OnceLock::new(),
            components: Table::new(limits.components),
            models: Table::new(limits.models),
            other_model: OnceLock::new(),
        }
    }

    pub(super) fn started(&self, span: &StartedSpan) {
        self.kind(span.kind().as_str()).active.started(span.span_id());
    }

    pub(super) fn ended(&self, span: &FinishedSpan, recording: &Recording) {
        let meter = self.component(span, recording);
        meter.kind.active.ended(span.span_id());
        meter.spans(span.status(), recording).increment(1);
        meter.duration.record(span.duration().as_secs_f64());
        let retries = span.events().filter(|event| event.name() == "retry").count();
        if retries > 0 {
            let labels = || meter.labels();
            let counter = || recording.counter(names::RETRIES, labels());
            meter.retries.get_or_init(counter).increment(retries as u64);
        }
        if let Some(usage) = Usage::of(span) {
            usage.count(self.model(&usage, span), recording);
        }
    }

    fn kind(&self, word: &str) -> &Arc<KindMeter> {
        let word = label::head(word);
        let meter = || Arc::new(KindMeter::new(label::value(&word)));
        self.kinds.get_or_insert((&word, ""), meter).unwrap_or_else(|| {
            self.other_kind.get_or_init(|| Arc::new(KindMeter::new(OTHER.into())))
        })
    }

    fn component(&self, span: &FinishedSpan, recording: &Recording) -> &ComponentMeter {
        let kind = label::head(span.kind().as_str());
        let name = label::head(span.component_name());
        let meter = || ComponentMeter::new(self.kind(&kind), label::value(&name), recording);
        self.components.get_or_insert((&kind, &name), meter).unwrap_or_else(|| {
            let kind = self.kind(&kind);
            kind.others.get_or_init(|| ComponentMeter::new(kind, OTHER.into(), recording))
        })
    }

    fn model(&self, usage: &Usage<'_>, span: &FinishedSpan) -> &ModelMeter {
        let name = label::head(usage.model().unwrap_or_else(|| span.component_name()));
        self.models
            .get_or_insert((&name, ""), || ModelMeter::new(label::value(&name)))
            .unwrap_or_else(|| self.other_model.get_or_init(|| ModelMeter::new(OTHER.into())))
    }

    /// Updates the gauges; after the shutdown, no span counts as running.
    pub(super) fn report_active(&self, recording: &Recording, at_end: bool) {
        for kind in self.kinds.values().chain(self.other_kind.get()) {
            let running = if at_end { 0 } else { kind.active.running() };
            let gauge = recording.gauge(names::SPANS_ACTIVE, vec![kind.label.clone()]);
            gauge.set(running as f64);
        }
    }
}

impl KindMeter {
    fn new(word: Arc<str>) -> Self {
        let label = Label::new("kind", SharedString::from_shared(word));
        Self { label, active: Active::new(), others: OnceLock::new() }
    }
}

impl ComponentMeter {
    fn new(kind: &Arc<KindMeter>, name: Arc<str>, recording: &Recording) -> Self {
        let label = Label::new("component", SharedString::from_shared(name));
        let labels = vec![kind.label.clone(), label.clone()];
        let duration = recording.histogram(names::SPAN_DURATION, labels);
        let (spans, retries) = (Default::default(), OnceLock::new());
        Self { kind: Arc::clone(kind), label, spans, duration, retries }
    }

    fn labels(&self) -> Vec<Label> {
        vec![self.kind.label.clone(), self.label.clone()]
    }

    fn spans(&self, status: Status, recording: &Recording) -> &Counter {
        let place = match status {
            Status::Ok => 0,
            Status::Error => 1,
            Status::Cancelled => 2,
            Status::Stale => 3,
            Status::Unset => 4,
            _ => 5,
        };
        self.spans[place].get_or_init(|| {
            let mut labels = self.labels();
            labels.push(Label::from_static_parts("status", status.as_str()));
            recording.counter(names::SPANS, labels)
        })
    }
}
