//! Filters of finished spans, and samplers of traces.

mod rule;
mod sampler;
mod wildcard;

use std::{fmt, ops::Not, sync::Arc, time::Duration};

use crate::{
    attributes::IntoValue,
    id::TraceId,
    kind::Kind,
    span::{FinishedSpan, StartedSpan, Status, TreeSpan as _},
};
use rule::Rule;

pub use sampler::Sampler;
pub use wildcard::wildcard_matches;

/// A filter that selects finished spans.
///
/// In names, `*` matches any string, including an empty one.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use raaf_trace_core::{
///     Component, MemoryExporter, SpanFilter, Traceable as _, sink::SimpleProcessor,
/// };
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
    /// Selects every span.
    pub fn all() -> Self {
        Self::from(Rule::All)
    }

    /// Selects spans of this kind.
    pub fn kind(kind: impl Into<Kind>) -> Self {
        Self::from(Rule::Kind(kind.into()))
    }

    /// Selects spans of components with this name.
    pub fn component(name: impl Into<String>) -> Self {
        Self::from(Rule::Component(name.into()))
    }

    /// Selects spans of this method.
    pub fn method(name: impl Into<String>) -> Self {
        Self::from(Rule::Method(name.into()))
    }

    /// Selects spans with this name, such as `run.workflow.tool.*`.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{FinishedSpan, SpanFilter};
    ///
    /// let span = FinishedSpan::builder("tool", "Search").build();
    /// assert!(SpanFilter::name("run.workflow.tool.*").matches(&span));
    /// assert!(!SpanFilter::name("Search").matches(&span)); // see `component`
    /// ```
    pub fn name(name: impl Into<String>) -> Self {
        Self::from(Rule::Name(name.into()))
    }

    /// Selects spans of this trace.
    pub fn trace(id: TraceId) -> Self {
        Self::from(Rule::Trace(id))
    }

    /// Selects spans of workflows with this name.
    pub fn workflow(name: impl Into<String>) -> Self {
        Self::from(Rule::Workflow(name.into()))
    }

    /// Selects spans with this status.
    pub fn status(status: Status) -> Self {
        Self::from(Rule::Status(status))
    }

    /// Selects spans that failed: with the status error, cancelled or stale.
    pub fn failed() -> Self {
        Self::from(Rule::Failed)
    }

    /// Selects spans that lasted longer than this.
    pub fn slower_than(duration: Duration) -> Self {
        Self::from(Rule::SlowerThan(duration))
    }

    /// Selects spans with this attribute and value. A value of `None` selects no span.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{FinishedSpan, SpanFilter};
    ///
    /// let span = FinishedSpan::builder("tool", "Search").attribute("limit", 3).build();
    /// assert!(SpanFilter::attribute("limit", 3).matches(&span));
    /// assert!(!SpanFilter::attribute("limit", "3").matches(&span)); // types differ
    /// assert!(!SpanFilter::attribute("limit", None::<i64>).matches(&span));
    /// ```
    pub fn attribute(key: impl Into<String>, value: impl IntoValue) -> Self {
        Self::from(Rule::Attribute(key.into(), value.into_value()))
    }

    /// Selects spans for which `test` returns `true`. A panic in `test` counts as a panic of the
    /// processor that uses the filter.
    pub fn when(test: impl Fn(&FinishedSpan) -> bool + Send + Sync + 'static) -> Self {
        Self::from(Rule::When(Arc::new(test)))
    }

    /// Selects spans that both filters select.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::from(Rule::And(Box::new([self.rule, other.rule])))
    }

    /// Selects spans that either filter selects.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::from(Rule::Or(Box::new([self.rule, other.rule])))
    }

    /// Returns whether the filter selects a span that has started; `None` if that depends on how it
    /// ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{FinishedSpan, SpanFilter};
    ///
    /// let started = FinishedSpan::builder("tool", "Search").build().started();
    /// let tools = SpanFilter::kind("tool");
    /// assert_eq!(tools.matches_start(&started), Some(true));
    /// assert_eq!(SpanFilter::failed().matches_start(&started), None);
    /// assert_eq!((!tools).and(SpanFilter::failed()).matches_start(&started), Some(false));
    /// ```
    pub fn matches_start(&self, span: &StartedSpan) -> Option<bool> {
        self.rule.matches_start(span.head())
    }

    /// Returns whether the filter selects this span.
    pub fn matches(&self, span: &FinishedSpan) -> bool {
        self.rule.matches(span)
    }
}

/// Selects the spans that the filter does not select.
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
