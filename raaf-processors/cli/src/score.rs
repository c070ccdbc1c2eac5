//! Scores: of a span by itself, or by a span that links to it.

use std::fmt;

use memchr::memmem;
use raaf_trace_model::{
    attributes::ValueRef,
    escape::Escaped,
    id::{SpanId, TraceId},
    keys,
    span::{FinishedSpan, Link, Score},
};

use crate::input::Facts;

/// Kind of the spans that score others.
pub(crate) const KIND: &str = "evaluator";

/// A score of a span.
#[derive(Clone, Debug)]
pub(crate) struct Scored {
    /// The span that has the score.
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) name: String,
    pub(crate) value: Option<f64>,
    pub(crate) label: Option<String>,
    comment: Option<String>,
}

impl Scored {
    /// Returns the scores that a span tells: of itself, or of the span that it links to.
    pub(crate) fn all(span: &FinishedSpan) -> impl Iterator<Item = Self> {
        let linked = || {
            let context = span.links().next().map(Link::context)?;
            Some((context.trace_id(), context.span_id()?))
        };
        let other = if span.kind() == KIND { linked() } else { None };
        let (trace, scored) = other.unwrap_or((span.trace_id(), span.span_id()));
        let events = span.events().filter(|event| event.name() == Score::EVENT);
        events.map(move |event| {
            let text = |key| event.attributes().get(key).map(|value| value.to_string());
            Self {
                trace,
                span: scored,
                name: text(keys::GEN_AI_EVALUATION_NAME).unwrap_or_default(),
                value: event
                    .attributes()
                    .get(keys::GEN_AI_EVALUATION_SCORE_VALUE)
                    .and_then(ValueRef::as_f64),
                label: text(keys::GEN_AI_EVALUATION_SCORE_LABEL),
                comment: text(keys::GEN_AI_EVALUATION_EXPLANATION),
            }
        })
    }
}

impl fmt::Display for Scored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.name).fmt(f)?;
        if let Some(value) = self.value {
            match value.abs() {
                0.0 | 1e-6..1e15 => write!(f, " {value}")?,
                _ => write!(f, " {value:e}")?,
            }
        }
        if let Some(label) = &self.label {
            write!(f, " ({})", Escaped(label))?;
        }
        match &self.comment {
            Some(comment) => write!(f, ": {}", Escaped(comment)),
            None => Ok(()),
        }
    }
}

/// Returns whether a line has scores.
pub(crate) fn has_any(line: &[u8]) -> bool {
    memmem::find(line, Score::EVENT.as_bytes()).is_some()
}

/// Returns whether a line is that of a span which only scores another one.
pub(crate) fn is_of_another(facts: &Facts<'_>, line: &[u8]) -> bool {
    facts.kind == KIND
        && facts.parent.is_none()
        && has_any(line)
        && memmem::find(line, br#""links":["#).is_some()
}
