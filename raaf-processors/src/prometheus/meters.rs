//! Counters by label, with a bounded number of label values.

use std::sync::Arc;

use metrics::{Counter, Label};
use raaf_trace_model::{
    attributes::ValueRef,
    keys,
    kind::Kind,
    span::{FinishedSpan, SpanError, StartedSpan, Status},
};
use serde_json::Value as Json;

use super::{
    agents::Agents,
    component::{ComponentMeter, KindMeter},
    family::Family,
    gen_ai::GenAi,
    label::{self, OTHER},
    names,
    output::Recording,
    table::Table,
    usage::{ModelMeter, Usage},
};

/// Largest number of kinds: the library's own and some of the user's.
const MOST_KINDS: usize = 64;

/// Largest number of combinations of a component and a type of error.
const MOST_ERRORS: usize = 500;

/// Labels, and limits on their values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) components: usize,
    pub(super) models: usize,
    pub(super) by_method: bool,
    pub(super) by_workflow: bool,
    pub(super) gen_ai: bool,
}

/// Meters that the threads of spans update.
pub(super) struct Meters {
    settings: Settings,
    kinds: Family<1, Arc<KindMeter>>,
    /// By kind, name, method and workflow; the latter are empty unless they are asked for.
    components: Table<4, ComponentMeter>,
    /// By kind, name and type of error.
    failures: Family<3, Counter>,
    models: Family<1, ModelMeter>,
    agents: Agents,
    /// Input and output by agent and model.
    agent_tokens: Family<2, [Counter; 2]>,
    gen_ai: Option<GenAi>,
}

impl Meters {
    pub(super) fn new(settings: Settings) -> Self {
        let Settings { components, models, gen_ai, .. } = settings;
        Self {
            settings,
            kinds: Family::new(["kind"], MOST_KINDS),
            components: Table::new(components),
            failures: Family::new(["kind", "component", names::ERROR_TYPE], MOST_ERRORS),
            models: Family::new(["model"], models),
            agents: Agents::default(),
            agent_tokens: Family::new(["agent", "model"], components),
            gen_ai: gen_ai.then(|| GenAi::new(components, models)),
        }
    }

    /// Counts a running span. Its counters exist from now on: a query for growth sees an increase
    /// only between two values, and not from none to the first.
    pub(super) fn started(&self, span: &StartedSpan, recording: &Recording) {
        let (kind, attributes) = (span.kind(), span.attributes());
        let words = self.words(span.component_name(), span.method(), span.trace().workflow_name());
        self.component(kind, words, recording).kind.active.started(span.span_id());
        self.agents.started(span);
        match kind {
            Kind::Agent => {
                let tools = attributes.get(keys::AGENT_TOOLS).and_then(ValueRef::as_json);
                let tools = tools.and_then(Json::as_array).into_iter().flatten();
                for tool in tools.filter_map(Json::as_str) {
                    self.expect(&Kind::Tool, tool, recording);
                }
            }
            Kind::Llm => {
                let model = attributes.get(keys::GEN_AI_REQUEST_MODEL).and_then(ValueRef::as_str);
                let Some(model) = model else { return };
                self.model(model, recording);
                if let Some(gen_ai) = &self.gen_ai {
                    gen_ai.started(model, attributes, recording);
                }
            }
            _ => {}
        }
    }

    /// Creates the counters of a component before its first span. Its method and its workflow are
    /// not known by then.
    pub(super) fn expect(&self, kind: &Kind, name: &str, recording: &Recording) {
        if !self.settings.by_method && !self.settings.by_workflow {
            self.component(kind, [name, "", ""], recording);
        }
    }

    pub(super) fn ended(&self, span: &FinishedSpan, recording: &Recording) {
        let words = self.words(span.component_name(), span.method(), span.trace().workflow_name());
        self.component(span.kind(), words, recording).ended(span);
        let error = match span.status() {
            Status::Error => span.error().map_or("unknown", SpanError::kind),
            status @ (Status::Cancelled | Status::Stale) => status.as_str(),
            _ => "",
        };
        if !error.is_empty() {
            self.failures(span, error, recording).increment(1);
        }
        let agent = self.agents.ended(span);
        let usage = Usage::of(span);
        let model = usage.model().unwrap_or_else(|| span.component_name());
        if !usage.is_none() {
            usage.count(self.model(model, recording), span, recording);
            if let Some(agent) = agent {
                let counters = self.agent_tokens([&agent, model], recording);
                for (counter, tokens) in counters.iter().zip(usage.input_and_output()) {
                    counter.increment(tokens.unwrap_or_default());
                }
            }
        }
        if let Some(gen_ai) = &self.gen_ai {
            gen_ai.ended(span, (model, &usage), error, recording);
        }
    }

    /// Returns the label values that distinguish components of one kind.
    fn words<'a>(&self, name: &'a str, method: &'a str, workflow: Option<&'a str>) -> [&'a str; 3] {
        let method = if self.settings.by_method { method } else { "" };
        let workflow = workflow.filter(|_| self.settings.by_workflow).unwrap_or_default();
        [name, method, workflow]
    }

    fn kind(&self, word: &str) -> &Arc<KindMeter> {
        self.kinds.get([word], |labels| Arc::new(KindMeter::new(labels)))
    }

    fn component(&self, kind: &Kind, words: [&str; 3], recording: &Recording) -> &ComponentMeter {
        let [name, method, workflow] = words.map(label::head);
        let asked = |value: Arc<str>, method: Arc<str>, workflow: Arc<str>| {
            let Settings { by_method, by_workflow, .. } = self.settings;
            [Some(value), by_method.then_some(method), by_workflow.then_some(workflow)]
        };
        let meter = || {
            let [method, workflow] = [&method, &workflow].map(|head| label::optional(head));
            let values = asked(label::value(&name), method, workflow);
            ComponentMeter::new(self.kind(kind.as_str()), values, recording)
        };
        let head = label::head(kind.as_str());
        self.components.get_or_insert([&head, &name, &method, &workflow], meter).unwrap_or_else(
            || {
                let kind = self.kind(kind.as_str());
                let values = || asked(OTHER.into(), OTHER.into(), OTHER.into());
                kind.others.get_or_init(|| ComponentMeter::new(kind, values(), recording))
            },
        )
    }

    fn failures(&self, span: &FinishedSpan, error: &str, recording: &Recording) -> &Counter {
        let words = [span.kind().as_str(), span.component_name(), error];
        self.failures.get(words, |labels| recording.counter(names::FAILURES, labels))
    }

    fn model(&self, name: &str, recording: &Recording) -> &ModelMeter {
        self.models.get([name], |labels| ModelMeter::new(labels, recording))
    }

    fn agent_tokens(&self, words: [&str; 2], recording: &Recording) -> &[Counter; 2] {
        self.agent_tokens.get(words, |labels| {
            ["input", "output"].map(|kind| {
                let mut labels = labels.clone();
                labels.push(Label::from_static_parts("type", kind));
                recording.counter(names::AGENT_TOKENS, labels)
            })
        })
    }

    /// Updates the gauges; after the shutdown, no span counts as running.
    pub(super) fn report_active(&self, recording: &Recording, at_end: bool) {
        for kind in self.kinds.all() {
            let running = if at_end { 0 } else { kind.active.running() };
            let gauge = recording.gauge(names::SPANS_ACTIVE, kind.labels.clone());
            gauge.set(running as f64);
        }
    }
}
