//! Counters by label, with a bounded number of label values.

use std::sync::{Arc, OnceLock};

use metrics::{Counter, Label, SharedString};
use raaf_trace_model::{
    attributes::ValueRef,
    keys,
    kind::Kind,
    span::{FinishedSpan, SpanError, StartedSpan, Status},
};
use serde_json::Value as Json;

use super::{
    agents::Agents,
    component::{ComponentMeter, KindMeter, failures},
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
    kinds: Table<1, Arc<KindMeter>>,
    other_kind: OnceLock<Arc<KindMeter>>,
    /// By kind, name, method and workflow; the latter are empty unless they are asked for.
    components: Table<4, ComponentMeter>,
    /// By kind, name and type of error.
    failures: Table<3, Counter>,
    other_failures: OnceLock<Counter>,
    models: Table<1, ModelMeter>,
    other_model: OnceLock<ModelMeter>,
    agents: Agents,
    /// Input and output by agent and model.
    agent_tokens: Table<2, [Counter; 2]>,
    other_agent_tokens: OnceLock<[Counter; 2]>,
    gen_ai: Option<GenAi>,
}

impl Meters {
    pub(super) fn new(settings: Settings) -> Self {
        let Settings { components, models, gen_ai, .. } = settings;
        Self {
            settings,
            kinds: Table::new(MOST_KINDS),
            other_kind: OnceLock::new(),
            components: Table::new(components),
            failures: Table::new(MOST_ERRORS),
            other_failures: OnceLock::new(),
            models: Table::new(models),
            other_model: OnceLock::new(),
            agents: Agents::default(),
            agent_tokens: Table::new(components),
            other_agent_tokens: OnceLock::new(),
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

    /// Returns the words that tell components of one kind apart.
    fn words<'a>(&self, name: &'a str, method: &'a str, workflow: Option<&'a str>) -> [&'a str; 3] {
        let method = if self.settings.by_method { method } else { "" };
        let workflow = workflow.filter(|_| self.settings.by_workflow).unwrap_or_default();
        [name, method, workflow]
    }

    fn kind(&self, word: &str) -> &Arc<KindMeter> {
        let word = label::head(word);
        let meter = || Arc::new(KindMeter::new(label::value(&word)));
        self.kinds.get_or_insert([&word], meter).unwrap_or_else(|| {
            self.other_kind.get_or_init(|| Arc::new(KindMeter::new(OTHER.into())))
        })
    }

    fn component(&self, kind: &Kind, words: [&str; 3], recording: &Recording) -> &ComponentMeter {
        let kind = label::head(kind.as_str());
        let [name, method, workflow] = words.map(label::head);
        let asked = |value: Arc<str>, method: Arc<str>, workflow: Arc<str>| {
            let Settings { by_method, by_workflow, .. } = self.settings;
            [Some(value), by_method.then_some(method), by_workflow.then_some(workflow)]
        };
        let optional =
            |word: &str| if word.is_empty() { Arc::default() } else { label::value(word) };
        let meter = || {
            let values = asked(label::value(&name), optional(&method), optional(&workflow));
            ComponentMeter::new(self.kind(&kind), values, recording)
        };
        self.components.get_or_insert([&kind, &name, &method, &workflow], meter).unwrap_or_else(
            || {
                let kind = self.kind(&kind);
                let values = || asked(OTHER.into(), OTHER.into(), OTHER.into());
                kind.others.get_or_init(|| ComponentMeter::new(kind, values(), recording))
            },
        )
    }

    fn failures(&self, span: &FinishedSpan, error: &str, recording: &Recording) -> &Counter {
        let words = [span.kind().as_str(), span.component_name(), error].map(label::head);
        let values = || words.each_ref().map(|word| label::value(word));
        self.failures
            .get_or_insert(words.each_ref().map(|word| &**word), || failures(values(), recording))
            .unwrap_or_else(|| {
                let others = || failures([OTHER; 3].map(Arc::from), recording);
                self.other_failures.get_or_init(others)
            })
    }

    fn model(&self, name: &str, recording: &Recording) -> &ModelMeter {
        let name = label::head(name);
        let meter = || ModelMeter::new(label::value(&name), recording);
        self.models.get_or_insert([&name], meter).unwrap_or_else(|| {
            self.other_model.get_or_init(|| ModelMeter::new(OTHER.into(), recording))
        })
    }

    fn agent_tokens(&self, words: [&str; 2], recording: &Recording) -> &[Counter; 2] {
        let words = words.map(label::head);
        let counters = |[agent, model]: [Arc<str>; 2]| {
            ["input", "output"].map(|kind| {
                let labels = vec![
                    Label::new("agent", SharedString::from_shared(Arc::clone(&agent))),
                    Label::new("model", SharedString::from_shared(Arc::clone(&model))),
                    Label::from_static_parts("type", kind),
                ];
                recording.counter(names::AGENT_TOKENS, labels)
            })
        };
        let known = || counters(words.each_ref().map(|word| label::value(word)));
        self.agent_tokens.get_or_insert(words.each_ref().map(|word| &**word), known).unwrap_or_else(
            || self.other_agent_tokens.get_or_init(|| counters([OTHER; 2].map(Arc::from))),
        )
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
