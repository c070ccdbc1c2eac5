//! Evaluations of a span's output.

use crate::{
    attributes::{Attributes, Key},
    keys,
};

/// An evaluation of a span's output by a person, a test or a model: a number, a label or both, with
/// an explanation.
///
/// Recorded as OpenTelemetry's event [`gen_ai.evaluation.result`](Score::EVENT).
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{span::Score, tracer};
///
/// let planning = tracer().agent_span("Planner").start();
/// let score = Score::new("relevance").value(0.9).label("pass").explanation("on topic");
/// planning.add_score(score);
/// planning.finish();
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a score is recorded by `add_score` or `Tracer::score`"]
pub struct Score {
    name: Key,
    value: Option<f64>,
    label: Option<Key>,
    explanation: Option<String>,
}

impl Score {
    /// Name of the event that records a score.
    pub const EVENT: &str = "gen_ai.evaluation.result";

    /// Creates a score for that metric, such as `relevance`, without a value.
    pub fn new(name: impl Into<Key>) -> Self {
        Self { name: name.into(), value: None, label: None, explanation: None }
    }

    /// Sets the number, on the metric's scale.
    pub fn value(mut self, value: f64) -> Self {
        self.value = Some(value);
        self
    }

    /// Sets the label, a string of low cardinality such as `pass`.
    pub fn label(mut self, label: impl Into<Key>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Sets the reason for the score. It is content, and left out where sensitive data is.
    pub fn explanation(mut self, explanation: impl Into<String>) -> Self {
        self.explanation = Some(explanation.into());
        self
    }

    /// Returns the metric's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets the attributes of the score's event.
    pub fn write_to(self, attributes: &mut Attributes) {
        attributes
            .set(keys::GEN_AI_EVALUATION_NAME, self.name.as_str())
            .set(keys::GEN_AI_EVALUATION_SCORE_VALUE, self.value)
            .set(keys::GEN_AI_EVALUATION_SCORE_LABEL, self.label.as_deref())
            .set_content(keys::GEN_AI_EVALUATION_EXPLANATION, self.explanation);
    }
}
