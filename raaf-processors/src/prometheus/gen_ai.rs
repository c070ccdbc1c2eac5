//! Metrics by OpenTelemetry's GenAI conventions.

use metrics::Counter;
use raaf_trace_model::{
    attributes::{Attributes, ValueRef},
    keys,
    kind::Kind,
    span::FinishedSpan,
};

use super::{
    family::Family,
    names,
    output::{Histogram, Recording},
    usage::Usage,
};

/// Combinations of an error type with each name; most names have few.
const ERRORS: usize = 4;

/// Meters of model calls, agents and tools.
pub(super) struct GenAi {
    /// By operation, provider, model and error type.
    inference: Family<4, Histogram>,
    /// By operation, provider and model.
    first_chunk: Family<3, Histogram>,
    usage: Family<3, [Counter; 2]>,
    /// By agent or tool, and error type.
    agents: Family<2, Histogram>,
    tools: Family<2, Histogram>,
}

impl GenAi {
    pub(super) fn new(components: usize, models: usize) -> Self {
        const CALL: [&str; 3] = [names::OPERATION, names::PROVIDER, names::REQUEST_MODEL];
        let [operation, provider, model] = CALL;
        let inference = [operation, provider, model, names::ERROR_TYPE];
        let agents = [names::AGENT_NAME, names::ERROR_TYPE];
        let tools = [names::TOOL_NAME, names::ERROR_TYPE];
        Self {
            inference: Family::with_optional(inference, ERRORS * models),
            first_chunk: Family::with_optional(CALL, models),
            usage: Family::with_optional(CALL, models),
            agents: Family::with_optional(agents, ERRORS * components),
            tools: Family::with_optional(tools, ERRORS * components),
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
        let histogram = |name| move |labels| recording.histogram(name, labels);
        match span.kind() {
            Kind::Agent => {
                let durations = histogram(names::AGENT_DURATION);
                self.agents.get([name, error], durations).record(seconds, span);
            }
            Kind::Tool => {
                let durations = histogram(names::TOOL_DURATION);
                self.tools.get([name, error], durations).record(seconds, span);
            }
            Kind::Llm => {
                let operation = usage.operation().unwrap_or("chat");
                let provider = usage.provider().unwrap_or_default();
                let words = [operation, provider, model];
                let all = [operation, provider, model, error];
                let durations = histogram(names::INFERENCE_DURATION);
                self.inference.get(all, durations).record(seconds, span);
                if let Some(seconds) = usage.first_chunk() {
                    let delays = histogram(names::INFERENCE_FIRST_CHUNK);
                    self.first_chunk.get(words, delays).record(seconds, span);
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
        self.usage.get(words, |labels| {
            [names::USAGE_INPUT, names::USAGE_OUTPUT]
                .map(|name| recording.counter(name, labels.clone()))
        })
    }
}
