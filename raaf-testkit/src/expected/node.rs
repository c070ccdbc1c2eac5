//! Expected spans.

use std::{
    fmt,
    ops::{Bound, RangeBounds},
    time::Duration,
};

use raaf_trace_model::{attributes::IntoValue, span::Status};

use super::{Count, ExpectedEvent, Matcher, Pattern, Siblings, describe};

/// One expected span, or several equal ones in a row.
///
/// [`span_tree!`](crate::span_tree!) writes nodes; by hand they are made where a test builds its
/// tree from data.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Expected, Node, Siblings, span_tree};
///
/// let pages = ["one", "two"].map(|page| Node::new("tool", "load").attribute("page", page));
/// let children = pages.into_iter().fold(Siblings::new(), Siblings::node);
/// let expected = Expected::new(Siblings::new().node(Node::new("pipeline", "Book").children(children)));
/// assert_eq!(
///     expected.to_string(),
///     span_tree! {
///         pipeline "Book" { tool "load" [page = "one"]  tool "load" [page = "two"] }
///     }
///     .to_string(),
/// );
/// ```
#[derive(Clone)]
pub struct Node {
    pub(crate) kind: Pattern,
    pub(crate) component: Pattern,
    pub(crate) method: Pattern,
    pub(crate) name: Pattern,
    pub(crate) status: Option<Status>,
    pub(crate) attributes: Vec<(String, Matcher)>,
    pub(crate) events: Vec<ExpectedEvent>,
    pub(crate) durations: Vec<(Bound<Duration>, Bound<Duration>)>,
    pub(crate) children: Siblings,
    pub(crate) count: Count,
}

impl Node {
    /// Expects a span without children, with any method and status.
    pub fn new(kind: impl Into<Pattern>, component: impl Into<Pattern>) -> Self {
        Self {
            kind: kind.into(),
            component: component.into(),
            method: Pattern::Any,
            name: Pattern::Any,
            status: None,
            attributes: Vec::new(),
            events: Vec::new(),
            durations: Vec::new(),
            children: Siblings::new(),
            count: Count::ONE,
        }
    }

    /// Of that method.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search".find);
    /// assert_eq!(said(span_tree! { tool "search".look }), r#"method is "find", not "look""#);
    /// ```
    #[must_use]
    pub fn method(mut self, method: impl Into<Pattern>) -> Self {
        self.method = method.into();
        self
    }

    /// Of that name: the span's whole name, as the naming pattern made it.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" name "run.*.find");
    /// assert_eq!(said(span_tree! { tool "search" name "tool.*" }), r#"name is "run.workflow.tool.search.find", not like "tool.*""#);
    /// ```
    #[must_use]
    pub fn name(mut self, name: impl Into<Pattern>) -> Self {
        self.name = name.into();
        self
    }

    /// With that status.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" [ok]);
    /// assert_eq!(said(span_tree! { tool "search" [status = cancelled] }), r#"status is ok, not cancelled"#);
    /// ```
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// Expects this attribute; or its absence, if `value` is `None`.
    #[must_use]
    pub fn attribute(self, key: impl Into<String>, value: impl IntoValue) -> Self {
        self.attribute_that(key, Matcher::equals(value))
    }

    /// Expects an attribute that matches.
    #[must_use]
    pub fn attribute_that(mut self, key: impl Into<String>, matcher: Matcher) -> Self {
        self.attributes.push((key.into(), matcher));
        self
    }

    /// With that event.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" [event "retry" ["reason" contains "time"], !event "stop"]);
    /// assert_eq!(said(span_tree! { tool "search" [event "retry" x 2] }), r#"event "retry" is there once, and should be x 2"#);
    /// ```
    #[must_use]
    pub fn event(mut self, event: ExpectedEvent) -> Self {
        self.events.push(event);
        self
    }

    /// Expects a duration. With a [`ManualClock`](raaf_trace_core::clock::ManualClock) it can be
    /// exact to the nanosecond; with the system's clock only a lower bound holds on each machine.
    ///
    /// ```
    #[doc = include_str!("example.txt")]
    /// assert_span_tree!(spans, tool "search" [duration in 1s..2s]);
    /// assert_eq!(said(span_tree! { tool "search" [duration < 1s] }), r#"duration is 1.5s, not < 1s"#);
    /// ```
    #[must_use]
    pub fn duration(mut self, range: impl RangeBounds<Duration>) -> Self {
        self.durations.push((range.start_bound().cloned(), range.end_bound().cloned()));
        self
    }

    /// Expects these children.
    #[must_use]
    pub fn children(mut self, children: Siblings) -> Self {
        self.children = children;
        self
    }

    /// Expects the span repeated this many times in a row.
    #[must_use]
    pub fn times(mut self, count: impl Into<Count>) -> Self {
        self.count = count.into();
        self
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&describe::node(self))
    }
}
