//! Filters of finished spans, and sampling of traces.

mod rule;
mod sampler;
mod wildcard;

use std::{fmt, ops::Not, sync::Arc, time::Duration};

use crate::{
    attributes::IntoValue,
    id::TraceId,
    kind::Kind,
    span::{FinishedSpan, Status},
};
use rule::Rule;

pub use sampler::Sampler;
pub use wildcard::wildcard_matches;

/// Says which finished spans are meant: those to query, to let through, to keep.
///
/// Texts may hold `*`, which stands for any text, also for none.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use raaf_trace_core::{Component, MemoryExporter, SpanFilter, SimpleProcessor, Traceable as _};
/// use raaf_trace_core::TracerProvider;
///
/// let memory = MemoryExporter::new();
/// let provider =
///     TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
/// provider.run(|| {
///     Component::tool("Search").in_span("run", || ());
///     Component::agent("Writer").in_span("run", || ());
/// });
///
/// let searches = SpanFilter::kind("tool").and(SpanFilter::component("Sea*"));
/// assert_eq!(memory.select(&searches).len(), 1);
/// assert_eq!(memory.select(&!searches).len(), 1);
/// assert!(memory.select(&SpanFilter::failed().or(SpanFilter::slower_than(Duration::MAX))).is_empty());
/// ```
#[derive(Clone)]
pub struct SpanFilter {
    rule: Rule,
}

impl SpanFilter {
    /// Every span.
    pub fn all() -> Self {
        Self::from(Rule::All)
    }

    /// Spans of this kind.
    pub fn kind(kind: impl Into<Kind>) -> Self {
        Self::from(Rule::Kind(kind.into()))
    }

    /// Spans of components of this name.
    pub fn component(name: impl Into<String>) -> Self {
        Self::from(Rule::Component(name.into()))
    }

    /// Spans of this method.
    pub fn method(name: impl Into<String>) -> Self {
        Self::from(Rule::Method(name.into()))
    }

    /// Spans of this name, such as `run.workflow.tool.*`.
    pub fn name(name: impl Into<String>) -> Self {
        Self::from(Rule::Name(name.into()))
    }

    /// Spans of this trace.
    pub fn trace(id: TraceId) -> Self {
        Self::from(Rule::Trace(id))
    }

    /// Spans of workflows of this name.
    pub fn workflow(name: impl Into<String>) -> Self {
        Self::from(Rule::Workflow(name.into()))
    }

    /// Spans that ended in this way.
    pub fn status(status: Status) -> Self {
        Self::from(Rule::Status(status))
    }

    /// Spans that did not end well: with an error, cancelled, or forgotten and found stale.
    pub fn failed() -> Self {
        Self::from(Rule::Failed)
    }

    /// Spans that took longer than this.
    pub fn slower_than(duration: Duration) -> Self {
        Self::from(Rule::SlowerThan(duration))
    }

    /// Spans with this attribute of this value; a value of `None` selects none.
    pub fn attribute(key: impl Into<String>, value: impl IntoValue) -> Self {
        Self::from(Rule::Attribute(key.into(), value.into_value()))
    }

    /// Spans for which `test` says so. A panic in it counts as a panic of the processor that asks.
    pub fn when(test: impl Fn(&FinishedSpan) -> bool + Send + Sync + 'static) -> Self {
        Self::from(Rule::When(Arc::new(test)))
    }

    /// Spans that both mean.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::from(Rule::And(Box::new([self.rule, other.rule])))
    }

    /// Spans that at least one of both means.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::from(Rule::Or(Box::new([self.rule, other.rule])))
    }

    /// Whether this span is meant.
    pub fn matches(&self, span: &FinishedSpan) -> bool {
        self.rule.matches(span)
    }
}

/// The spans that it does not mean.
impl Not for SpanFilter {
    type Output = Self;

    fn not(self) -> Self {
        Self::from(Rule::Not(Box::new(self.rule)))
    }
}

impl From<Rule> for SpanFilter {
    fn from(rule: Rule) -> Self {
        Self { rule }
    }
}

impl fmt::Debug for SpanFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpanFilter").field(&self.rule).finish()
    }
}
