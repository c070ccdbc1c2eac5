//! Metrics by OpenTelemetry's GenAI conventions.

use std::sync::{Arc, OnceLock};

use metrics::{Counter, Label, SharedString};
use raaf_trace_model::{
    attributes::{Attributes, ValueRef},
    keys,
    kind::Kind,
    span::FinishedSpan,
};

use super::{
    label::{self, OTHER},
    names,
    output::{Histogram, Recording},
    table::Table,
    usage::Usage,
};

/// Combinations of an error type with each name; most names have few.
const ERRORS: usize = 4;

/// Meters of model calls, agents and tools.
pub(super) struct GenAi {
    /// By operation, provider, model and error type.
    inference: Family<4>,
    /// By operation, provider and model.
    first_chunk: Family<3>,
    usage: Table<3, [Counter; 2]>,
    other_usage: OnceLock<[Counter; 2]>,
    /// By agent or tool, and error type.
    agents: Family<2>,
    tools: Family<2>,
}

impl GenAi {
    pub(super) fn new(components: usize, models: usize) -> Self {
        let inference =
            [names::OPERATION, names::PROVIDER, names::REQUEST_MODEL, names::ERROR_TYPE];
        let first_chunk = [names::OPERATION, names::PROVIDER, names::REQUEST_MODEL];
        let agents = [names::AGENT_NAME, names::ERROR_TYPE];
        let tools = [names::TOOL_NAME, names::ERROR_TYPE];
        Self {
            inference: Family::new(names::INFERENCE_DURATION, inference, ERRORS * models),
            first_chunk: Family::new(names::INFERENCE_FIRST_CHUNK, first_chunk, models),
            usage: Table::new(models),
            other_usage: OnceLock::new(),
            agents: Family::new(names::AGENT_DURATION, agents, ERRORS * components),
            tools: Family::new(names::TOOL_DURATION, tools, ERRORS * components),
        }
    }

    /// Creates the counters of a model call that starts.
    pub(super) fn started(&self, model: &str, attributes: &Attributes, recording: &Recording) {
        let text = |key| attributes.get(key).and_then(ValueRef::as_str);
        let operation = text(keys::GEN_AI_OPERATION_NAME).unwrap_or("chat");
        let provider = text(keys::GEN_AI_PROVIDER_NAME).unwrap_or_default();
        self.tokens([operation, provider, model], recording);
    }

    /// Counts a span that ended, with the model and the usage if it is a model call.
    pub(super) fn ended(
        &self,
        span: &FinishedSpan,
        (model, usage): (&str, &Usage<'_>),
        error: &str,
        recording: &Recording,
    ) {
        let seconds = span.duration().as_secs_f64();
        let name = span.component_name();
        match span.kind() {
            Kind::Agent => self.agents.record([name, error], seconds, span, recording),
            Kind::Tool => self.tools.record([name, error], seconds, span, recording),
            Kind::Llm => {
                let operation = usage.operation().unwrap_or("chat");
                let provider = usage.provider().unwrap_or_default();
                let words = [operation, provider, model];
                let all = [operation, provider, model, error];
                self.inference.record(all, seconds, span, recording);
                if let Some(seconds) = usage.first_chunk() {
                    self.first_chunk.record(words, seconds, span, recording);
                }
                if usage.input_and_output() != [None, None] {
                    let counters = self.tokens(words, recording);
                    for (counter, tokens) in counters.iter().zip(usage.input_and_output()) {
                        counter.increment(tokens.unwrap_or_default());
                    }
                }
            }
            _ => {}
        }
    }

    fn tokens(&self, words: [&str; 3], recording: &Recording) -> &[Counter; 2] {
        let heads = words.map(label::head);
        let make = |values: [Arc<str>; 3]| {
            let keys = [names::OPERATION, names::PROVIDER, names::REQUEST_MODEL];
            let labels = labels(keys, values);
            [names::USAGE_INPUT, names::USAGE_OUTPUT]
                .map(|name| recording.counter(name, labels.clone()))
        };
        let known = || make(heads.each_ref().map(|head| optional(head)));
        self.usage
            .get_or_insert(heads.each_ref().map(|head| &**head), known)
            .unwrap_or_else(|| self.other_usage.get_or_init(|| make([OTHER; 3].map(Arc::from))))
    }
}

/// Histograms of one metric by the values of `N` labels.
struct Family<const N: usize> {
    name: &'static str,
    keys: [&'static str; N],
    known: Table<N, Histogram>,
    other: OnceLock<Histogram>,
}

impl<const N: usize> Family<N> {
    fn new(name: &'static str, keys: [&'static str; N], limit: usize) -> Self {
        Self { name, keys, known: Table::new(limit), other: OnceLock::new() }
    }

    fn record(&self, words: [&str; N], seconds: f64, span: &FinishedSpan, to: &Recording) {
        let heads = words.map(label::head);
        let make = |values| to.histogram(self.name, labels(self.keys, values));
        let known = || make(heads.each_ref().map(|head| optional(head)));
        self.known
            .get_or_insert(heads.each_ref().map(|head| &**head), known)
            .unwrap_or_else(|| self.other.get_or_init(|| make([OTHER; N].map(Arc::from))))
            .record(seconds, span);
    }
}

/// Returns a label value that may be absent, which is empty.
fn optional(head: &str) -> Arc<str> {
    if head.is_empty() { Arc::default() } else { label::value(head) }
}

fn labels<const N: usize>(keys: [&'static str; N], values: [Arc<str>; N]) -> Vec<Label> {
    let pairs = keys.into_iter().zip(values);
    pairs.map(|(key, value)| Label::new(key, SharedString::from_shared(value))).collect()
}
