//! Expected and forbidden events.

use std::fmt;

use raaf_trace_model::{attributes::IntoValue, span::Event};

use super::{Count, Matcher, Pattern};

/// An event that a span must have at least once, or as often as [`times`](Self::times) sets;
/// [`Node::event`](crate::Node::event) takes one.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{ExpectedEvent, Node};
///
/// let retried = ExpectedEvent::new("retry").attribute("reason", "timeout").times(2);
/// let node = Node::new("llm", "gpt").event(retried);
/// assert_eq!(format!("{node:?}"), r#"llm "gpt" [event "retry" ["reason" = "timeout"] x 2]"#);
/// ```
#[derive(Clone)]
pub struct ExpectedEvent {
    pub(crate) name: Pattern,
    pub(crate) attributes: Vec<(String, Matcher)>,
    pub(crate) count: Count,
}

impl ExpectedEvent {
    /// Expects an event of this name.
    pub fn new(name: impl Into<Pattern>) -> Self {
        Self { name: name.into(), attributes: Vec::new(), count: Count::SOME }
    }

    /// Expects this attribute.
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

    /// Sets how often the event is expected; 0 for never.
    #[must_use]
    pub fn times(mut self, count: impl Into<Count>) -> Self {
        self.count = count.into();
        self
    }

    pub(crate) fn is_like(&self, event: &Event) -> bool {
        self.name.matches(event.name())
            && self
                .attributes
                .iter()
                .all(|(key, matcher)| matcher.holds_for(event.attributes().get(key)))
    }
}

impl fmt::Debug for ExpectedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::describe::event(self))
    }
}
