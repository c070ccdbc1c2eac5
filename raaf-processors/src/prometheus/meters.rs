//! Counters by label, with a bounded number of label values.

use std::sync::{Arc, OnceLock};

use metrics::{Counter, Histogram, Label, SharedString};
use raaf_trace_model::{
    attributes::ValueRef,
    keys,
    kind::Kind,
    span::{FinishedSpan, StartedSpan, Status},
};
use serde_json::Value as Json;

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
    kinds: Table<1, Arc<KindMeter>>,
    other_kind: OnceLock<Arc<KindMeter>>,
    components: Table<2, ComponentMeter>,
    models: Table<1, ModelMeter>,
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
    /// Counters by status, in the order of [`STATUSES`].
    spans: [Counter; 5],
    duration: Histogram,
    retries: Counter,
}

const STATUSES: [Status; 5] =
    [Status::Unset, Status::Ok, Status::Error, Status::Cancelled, Status::Stale];

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

    /// Counts a running span. Its counters exist from now on: a query for growth sees an increase
    /// only between two values, and not from none to the first.
    pub(super) fn started(&self, span: &StartedSpan, recording: &Recording) {
        let (kind, attributes) = (span.kind(), span.attributes());
        self.component(kind, span.component_name(), recording).kind.active.started(span.span_id());
        match kind {
            Kind::Agent => {
                let tools = attributes.get(keys::AGENT_TOOLS).and_then(ValueRef::as_json);
                for tool in tools.and_then(Json::as_array).into_iter().flatten() {
                    self.expect(&Kind::Tool, tool.as_str().unwrap_or_default(), recording);
                }
            }
            Kind::Llm => {
                let model = attributes.get(keys::GEN_AI_REQUEST_MODEL).and_then(ValueRef::as_str);
                model.map(|model| self.model(model, recording));
            }
            _ => {}
        }
    }

    /// Creates the counters of a component before its first span.
    pub(super) fn expect(&self, kind: &Kind, name: &str, recording: &Recording) {
        self.component(kind, name, recording);
    }

    pub(super) fn ended(&self, span: &FinishedSpan, recording: &Recording) {
        let meter = self.component(span.kind(), span.component_name(), recording);
        meter.kind.active.ended(span.span_id());
        meter.spans(span.status()).increment(1);
        meter.duration.record(span.duration().as_secs_f64());
        let retries = span.events().filter(|event| event.name() == "retry").count();
        if retries > 0 {
            meter.retries.increment(retries as u64);
        }
        if let Some(usage) = Usage::of(span) {
            let model = usage.model().unwrap_or_else(|| span.component_name());
            usage.count(self.model(model, recording), recording);
        }
    }

    fn kind(&self, word: &str) -> &Arc<KindMeter> {
        let word = label::head(word);
        let meter = || Arc::new(KindMeter::new(label::value(&word)));
        self.kinds.get_or_insert([&word], meter).unwrap_or_else(|| {
            self.other_kind.get_or_init(|| Arc::new(KindMeter::new(OTHER.into())))
        })
    }

    fn component(&self, kind: &Kind, name: &str, recording: &Recording) -> &ComponentMeter {
        let (kind, name) = (label::head(kind.as_str()), label::head(name));
        let meter = || ComponentMeter::new(self.kind(&kind), label::value(&name), recording);
        self.components.get_or_insert([&kind, &name], meter).unwrap_or_else(|| {
            let kind = self.kind(&kind);
            kind.others.get_or_init(|| ComponentMeter::new(kind, OTHER.into(), recording))
        })
    }

    fn model(&self, name: &str, recording: &Recording) -> &ModelMeter {
        let name = label::head(name);
        let meter = || ModelMeter::new(label::value(&name), recording);
        self.models.get_or_insert([&name], meter).unwrap_or_else(|| {
            self.other_model.get_or_init(|| ModelMeter::new(OTHER.into(), recording))
        })
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
        let labels =
            vec![kind.label.clone(), Label::new("component", SharedString::from_shared(name))];
        let spans = STATUSES.map(|status| {
            let mut labels = labels.clone();
            labels.push(Label::from_static_parts("status", status.as_str()));
            recording.counter(names::SPANS, labels)
        });
        let retries = recording.counter(names::RETRIES, labels.clone());
        let duration = recording.histogram(names::SPAN_DURATION, labels);
        Self { kind: Arc::clone(kind), spans, duration, retries }
    }

    fn spans(&self, status: Status) -> &Counter {
        let place = STATUSES.iter().position(|known| *known == status).unwrap_or_default();
        &self.spans[place]
    }
}
