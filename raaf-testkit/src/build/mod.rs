//! Builds whole traces of finished spans without running code, for tests of sinks and of code that
//! reads spans.
//!
//! The code has the shape of the tree. Ids and times are the same in each run: the first trace is
//! number 1, and its spans are numbered from the root down. A span without children lasts a
//! millisecond; a span with children begins a millisecond before them and ends one after.
//!
//! ```
//! use raaf_testkit::{assert_span_tree, build};
//!
//! let tree = build::trace("nightly").child(
//!     build::agent("Planner")
//!         .child(build::llm("gpt").attribute("gen_ai.usage.input_tokens", 12))
//!         .child(build::tool("search").method("lookup").error("Timeout", "no answer")),
//! );
//!
//! assert_span_tree!(tree, {
//!     trace "nightly" {
//!         agent "Planner" {
//!             llm "gpt"
//!             tool "search".lookup [status = error, "error.type" = "Timeout"]
//!         }
//!     }
//! });
//! // As a sink receives them: in the order in which they end.
//! let names: Vec<_> = tree.build().iter().map(|span| span.component_name().to_owned()).collect();
//! assert_eq!(names, ["gpt", "search", "Planner", "nightly"]);
//! ```
//!
//! For a single span, see [`FinishedSpan::builder`].

mod layout;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    fmt,
    time::{Duration, SystemTime},
};

use raaf_trace_model::{
    Kind,
    attributes::{Attributes, IntoValue, Key, SpanLimits, Value},
    span::{FinishedSpan, FinishedSpanBuilder, Status},
};

use crate::tree::{AsSpans, Spans};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(component: impl AsRef<str>) -> TreeBuilder {
            span(Kind::$kind, component)
        }
    )*};
}

kinds! {
    /// Builds a pipeline's span.
    pipeline => Pipeline;
    /// Builds an agent's span.
    agent => Agent;
    /// Builds a runner's span.
    runner => Runner;
    /// Builds a tool's span.
    tool => Tool;
    /// Builds a model call's span, named after the model.
    llm => Llm;
    /// Builds a hand-off's span, named after the agent that takes over.
    handoff => Handoff;
    /// Builds a guardrail's span.
    guardrail => Guardrail;
}

/// Builds a span of any kind.
pub fn span(kind: impl Into<Kind>, component: impl AsRef<str>) -> TreeBuilder {
    TreeBuilder::new(FinishedSpan::builder(kind, component))
}

/// Builds the root of a named workflow, as [`raaf_trace_core::trace`] makes it.
pub fn trace(workflow: impl AsRef<str>) -> TreeBuilder {
    span(Kind::Trace, &workflow).workflow_name(workflow.as_ref().to_owned())
}

/// Builder for a span and the spans inside it; see the [module](self).
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct TreeBuilder {
    /// Spans, each before its children.
    nodes: Vec<Node>,
    number: u32,
    start: SystemTime,
    workflow_name: Option<Key>,
    group_id: Option<Key>,
    metadata: Vec<(Key, Value)>,
}

#[derive(Clone)]
struct Node {
    depth: usize,
    span: FinishedSpanBuilder,
    lasting: Option<Duration>,
    pause: Duration,
    at_once: bool,
    events: Vec<(Key, Attributes)>,
}

impl TreeBuilder {
    fn new(span: FinishedSpanBuilder) -> Self {
        let root = Node {
            depth: 0,
            span,
            lasting: None,
            pause: Duration::ZERO,
            at_once: false,
            events: Vec::new(),
        };
        Self {
            nodes: vec![root],
            number: 1,
            start: FinishedSpanBuilder::START.into(),
            workflow_name: None,
            group_id: None,
            metadata: Vec::new(),
        }
    }

    fn root(&mut self) -> &mut Node {
        &mut self.nodes[0]
    }

    fn change(mut self, change: impl FnOnce(FinishedSpanBuilder) -> FinishedSpanBuilder) -> Self {
        let root = self.root();
        root.span = change(root.span.clone());
        self
    }

    /// Adds a child, with everything inside it, after the existing ones.
    pub fn child(mut self, child: TreeBuilder) -> Self {
        self.nodes.extend(child.nodes.into_iter().map(|mut node| {
            node.depth += 1;
            node
        }));
        self
    }

    /// Adds several children.
    pub fn children(self, children: impl IntoIterator<Item = TreeBuilder>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    /// Starts all children at the same time, as if they ran in parallel.
    pub fn at_once(mut self) -> Self {
        self.root().at_once = true;
        self
    }

    /// Sets the method. Default: `run`.
    pub fn method(self, method: impl Into<Key>) -> Self {
        self.change(|span| span.method(method))
    }

    /// Sets the span's name, in place of the one made of kind, component and method.
    pub fn name(self, name: impl Into<Key>) -> Self {
        self.change(|span| span.name(name))
    }

    /// Adds an attribute.
    pub fn attribute(self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.change(|span| span.attribute(key, value))
    }

    /// Adds attributes, in a closure.
    pub fn attributes(self, set: impl FnOnce(&mut Attributes)) -> Self {
        self.change(|span| span.attributes(set))
    }

    /// Adds an event, at the span's start.
    pub fn event(mut self, name: impl Into<Key>, set: impl FnOnce(&mut Attributes)) -> Self {
        let mut attributes = Attributes::with_limits(SpanLimits::UNLIMITED);
        set(&mut attributes);
        self.root().events.push((name.into(), attributes));
        self
    }

    /// Sets the status. Default: ok.
    pub fn status(self, status: Status) -> Self {
        self.change(|span| span.status(status))
    }

    /// Makes the span fail, with an error type and a message.
    pub fn error(self, kind: impl AsRef<str>, message: impl AsRef<str>) -> Self {
        self.change(|span| span.error(kind, message))
    }

    /// Sets the sources of the error, outermost first. Call it after the error was set.
    pub fn error_sources<T: AsRef<str>>(self, sources: impl IntoIterator<Item = T>) -> Self {
        self.change(|span| span.error_sources(sources))
    }

    /// Sets the duration. A span lasts at least as long as its children.
    pub fn lasting(mut self, duration: Duration) -> Self {
        self.root().lasting = Some(duration);
        self
    }

    /// Sets the delay before this span starts.
    pub fn after(mut self, pause: Duration) -> Self {
        self.root().pause = pause;
        self
    }

    /// Sets the start of the trace; ignored on a span inside another. Default:
    /// 2026-01-01T00:00:00Z.
    pub fn starting_at(mut self, time: SystemTime) -> Self {
        self.start = time;
        self
    }

    /// Sets the number of the trace, from which all ids follow, so that several trees can go to one
    /// sink; ignored on a span inside another. Default: 1.
    pub fn numbered(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// Sets the name of the workflow; ignored on a span inside another.
    pub fn workflow_name(mut self, name: impl Into<Key>) -> Self {
        self.workflow_name = Some(name.into());
        self
    }

    /// Sets the group of the trace; ignored on a span inside another.
    pub fn group_id(mut self, id: impl Into<Key>) -> Self {
        self.group_id = Some(id.into());
        self
    }

    /// Adds metadata of the trace; ignored on a span inside another.
    pub fn metadata(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.metadata.extend(value.into_value().map(|value| (key.into(), value)));
        self
    }

    /// Returns the number of spans.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Returns the finished spans in the order in which they end: children before parents.
    pub fn build(&self) -> Vec<FinishedSpan> {
        let mut spans: Vec<_> = layout::lay_out(self);
        // From the back, so that of those that end at once the inner ones stay in front.
        spans.reverse();
        spans.sort_by_key(FinishedSpan::end_time);
        spans
    }

    /// Returns the spans as a tree, to compare and to query.
    pub fn spans(&self) -> Spans {
        Spans::in_order(layout::lay_out(self))
    }
}

impl AsSpans for TreeBuilder {
    fn as_spans(&self) -> Cow<'_, Spans> {
        Cow::Owned(self.spans())
    }
}

/// Draws the tree.
impl fmt::Debug for TreeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.spans(), f)
    }
}
