//! Whole traces of finished spans, without running anything: for tests of sinks, and of code that
//! reads spans.
//!
//! A tree is written as it is drawn. Ids and times are the same in each run: the first trace is
//! number 1, its spans are numbered from the root down; each span without others inside lasts for
//! a millisecond, and one that encloses others begins a millisecond before them and ends one
//! after.
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
//! For a single span see [`FinishedSpan::builder`].

mod layout;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    fmt,
    time::{Duration, SystemTime},
};

use raaf_trace_core::{
    Attributes, FinishedSpan, FinishedSpanBuilder, IntoValue, Key, Kind, ManualClock, SpanLimits,
    Status,
};

use crate::{AsSpans, Spans};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(component: impl AsRef<str>) -> TreeBuilder {
            span(Kind::$kind, component)
        }
    )*};
}

kinds! {
    /// A pipeline's span, and what goes inside.
    pipeline => Pipeline;
    /// An agent's span, and what goes inside.
    agent => Agent;
    /// A runner's span, and what goes inside.
    runner => Runner;
    /// A tool's span, and what goes inside.
    tool => Tool;
    /// A model call's span; the name is the model's.
    llm => Llm;
    /// A handoff's span; the name is that of the agent that takes over.
    handoff => Handoff;
    /// A guardrail's span.
    guardrail => Guardrail;
}

/// A span of any kind, and what goes inside.
pub fn span(kind: impl Into<Kind>, component: impl AsRef<str>) -> TreeBuilder {
    TreeBuilder::new(FinishedSpan::builder(kind, component))
}

/// The root of a named workflow, as [`raaf_trace_core::trace`] makes it, and what goes inside.
pub fn trace(workflow: impl AsRef<str>) -> TreeBuilder {
    span(Kind::Trace, &workflow).workflow_name(workflow.as_ref().to_owned())
}

/// A trace of finished spans in preparation: a span, and those inside; see the [module](self).
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct TreeBuilder {
    /// Each before those inside it.
    nodes: Vec<Node>,
    number: u32,
    start: SystemTime,
    workflow_name: Option<Key>,
    group_id: Option<Key>,
    metadata: Vec<(Key, raaf_trace_core::Value)>,
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
            start: ManualClock::new().start(),
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

    /// Puts a span, and what is inside it, inside this one, behind those that are there.
    pub fn child(mut self, child: TreeBuilder) -> Self {
        self.nodes.extend(child.nodes.into_iter().map(|mut node| {
            node.depth += 1;
            node
        }));
        self
    }

    /// Puts several inside this one.
    pub fn children(self, children: impl IntoIterator<Item = TreeBuilder>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    /// Those inside ran beside each other: they start at once.
    pub fn at_once(mut self) -> Self {
        self.root().at_once = true;
        self
    }

    /// The operation; `run` unless told.
    pub fn method(self, method: impl Into<Key>) -> Self {
        self.change(|span| span.method(method))
    }

    /// The span's name, in place of the one that kind, component and method make.
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

    /// How it ended; well unless told.
    pub fn status(self, status: Status) -> Self {
        self.change(|span| span.status(status))
    }

    /// Makes it a span that failed: the error's type, and what it said.
    pub fn error(self, kind: impl AsRef<str>, message: impl AsRef<str>) -> Self {
        self.change(|span| span.error(kind, message))
    }

    /// What caused the error that was given before, outermost first.
    pub fn error_sources<T: AsRef<str>>(self, sources: impl IntoIterator<Item = T>) -> Self {
        self.change(|span| span.error_sources(sources))
    }

    /// How long it took; longer if what is inside it took longer.
    pub fn lasting(mut self, duration: Duration) -> Self {
        self.root().lasting = Some(duration);
        self
    }

    /// How long it was waited before it started.
    pub fn after(mut self, pause: Duration) -> Self {
        self.root().pause = pause;
        self
    }

    /// When the trace starts; at 2026-01-01T00:00:00Z unless told. Means nothing inside another.
    pub fn starting_at(mut self, time: SystemTime) -> Self {
        self.start = time;
        self
    }

    /// Which trace it is: decides all ids, so that several trees can go to one sink. It is number
    /// 1 unless told. Means nothing inside another.
    pub fn numbered(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    /// The name of the workflow that the trace is a run of. Means nothing inside another.
    pub fn workflow_name(mut self, name: impl Into<Key>) -> Self {
        self.workflow_name = Some(name.into());
        self
    }

    /// What links the trace with others. Means nothing inside another.
    pub fn group_id(mut self, id: impl Into<Key>) -> Self {
        self.group_id = Some(id.into());
        self
    }

    /// Whatever else the trace says about itself. Means nothing inside another.
    pub fn metadata(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.metadata.extend(value.into_value().map(|value| (key.into(), value)));
        self
    }

    /// How many spans there are.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// The spans, in the order in which they end: those inside before those around.
    pub fn build(&self) -> Vec<FinishedSpan> {
        let mut spans: Vec<_> = layout::lay_out(self);
        // From the back, so that of those that end at once the inner ones stay in front.
        spans.reverse();
        spans.sort_by_key(FinishedSpan::end_time);
        spans
    }

    /// The spans as a tree to compare and to question.
    pub fn spans(&self) -> Spans {
        Spans::in_order(layout::lay_out(self))
    }
}

impl AsSpans for TreeBuilder {
    fn as_spans(&self) -> Cow<'_, Spans> {
        Cow::Owned(self.spans())
    }
}

/// The tree, drawn.
impl fmt::Debug for TreeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.spans(), f)
    }
}
