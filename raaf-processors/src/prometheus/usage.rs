//! Token usage, and the time to the first piece of an answer.

use std::sync::OnceLock;

use metrics::{Counter, Gauge, Label};
use raaf_trace_model::{attributes::ValueRef, keys, span::FinishedSpan};

use super::{
    names,
    output::{Histogram, Recording},
};

/// Largest credible number of tokens, seconds or dollars for one call. A larger number is a mistake,
/// and would permanently falsify the sum.
const MOST: u32 = 1_000_000_000;

/// Usage of one model call.
#[derive(Debug, Default)]
pub(super) struct Usage<'a> {
    requested: Option<&'a str>,
    answered: Option<&'a str>,
    operation: Option<&'a str>,
    provider: Option<&'a str>,
    tokens: [Option<u64>; 5],
    first_chunk: Option<f64>,
    /// In US dollars.
    cost: Option<f64>,
}

impl<'a> Usage<'a> {
    /// Returns the usage that the span itself reports, without that of its children.
    pub(super) fn of(span: &'a FinishedSpan) -> Self {
        let cost = span.cost().usd().filter(|usd| *usd <= f64::from(MOST));
        let mut usage = Self { cost, ..Self::default() };
        for (key, value) in span.attributes().stored().iter() {
            let place = match key {
                keys::GEN_AI_USAGE_INPUT_TOKENS => 0,
                keys::GEN_AI_USAGE_OUTPUT_TOKENS => 1,
                keys::GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS => 2,
                keys::GEN_AI_USAGE_REASONING_OUTPUT_TOKENS => 3,
                keys::GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS => 4,
                keys::GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK => {
                    usage.first_chunk = amount(value);
                    continue;
                }
                keys::GEN_AI_OPERATION_NAME => {
                    usage.operation = value.as_str();
                    continue;
                }
                keys::GEN_AI_PROVIDER_NAME => {
                    usage.provider = value.as_str();
                    continue;
                }
                keys::GEN_AI_REQUEST_MODEL => {
                    usage.requested = value.as_str();
                    continue;
                }
                keys::GEN_AI_RESPONSE_MODEL => {
                    usage.answered = value.as_str();
                    continue;
                }
                _ => continue,
            };
            usage.tokens[place] = tokens(value);
        }
        usage
    }

    /// Returns true if the span reports no usage.
    pub(super) fn is_none(&self) -> bool {
        let numbers = self.first_chunk.is_none() && self.cost.is_none();
        numbers && self.tokens.iter().all(Option::is_none)
    }

    pub(super) fn operation(&self) -> Option<&'a str> {
        self.operation
    }

    pub(super) fn provider(&self) -> Option<&'a str> {
        self.provider
    }

    pub(super) fn input_and_output(&self) -> [Option<u64>; 2] {
        [self.tokens[0], self.tokens[1]]
    }

    pub(super) fn first_chunk(&self) -> Option<f64> {
        self.first_chunk
    }

    /// Returns the requested model, otherwise the one that answered.
    pub(super) fn model(&self) -> Option<&'a str> {
        self.requested.or(self.answered)
    }

    pub(super) fn count(&self, meter: &ModelMeter, span: &FinishedSpan, recording: &Recording) {
        for (place, tokens) in self.tokens.iter().enumerate() {
            if let Some(tokens) = tokens {
                meter.tokens[place].increment(*tokens);
            }
        }
        if let Some(seconds) = self.first_chunk {
            let histogram = || recording.histogram(names::FIRST_CHUNK, meter.labels.clone());
            meter.first_chunk.get_or_init(histogram).record(seconds, span);
        }
        if let Some(cost) = self.cost {
            let sum = || recording.sum(names::COST, meter.labels.clone());
            meter.cost.get_or_init(sum).increment(cost);
        }
    }
}

fn amount(value: ValueRef<'_>) -> Option<f64> {
    value.as_f64().filter(|amount| (0.0..=f64::from(MOST)).contains(amount))
}

fn tokens(value: ValueRef<'_>) -> Option<u64> {
    let tokens = u32::try_from(value.as_i64()?).ok().filter(|tokens| *tokens <= MOST)?;
    Some(tokens.into())
}

/// Meters of one model.
pub(super) struct ModelMeter {
    labels: Vec<Label>,
    /// In the order of [`KINDS`].
    tokens: [Counter; 5],
    first_chunk: OnceLock<Histogram>,
    cost: OnceLock<Gauge>,
}

const KINDS: [(&str, &str); 5] = [
    (names::TOKENS, "input"),
    (names::TOKENS, "output"),
    (names::TOKENS_OF_A_KIND, "cached"),
    (names::TOKENS_OF_A_KIND, "reasoning"),
    (names::TOKENS_OF_A_KIND, "cache_write"),
];

impl ModelMeter {
    pub(super) fn new(labels: Vec<Label>, recording: &Recording) -> Self {
        let tokens = KINDS.map(|(name, kind)| {
            let mut labels = labels.clone();
            labels.push(Label::from_static_parts("type", kind));
            recording.counter(name, labels)
        });
        Self { labels, tokens, first_chunk: OnceLock::new(), cost: OnceLock::new() }
    }
}
