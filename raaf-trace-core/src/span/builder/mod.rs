//! Finished spans that nothing ran for.

mod assemble;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{
    Attributes, Component, FinishedSpan, IntoValue, Key, Kind, LocalRoot, SpanId, SpanLimits,
    Status, TraceId, propagation::TraceState,
};

/// When a built span starts unless told otherwise: 2026-01-01T00:00:00Z, as a
/// [`ManualClock`](crate::ManualClock) does.
const START: Duration = Duration::from_secs(1_767_225_600);

impl FinishedSpan {
    /// Prepares a finished span without running anything: for tests of sinks, and for readers of
    /// what other processes wrote.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use raaf_trace_core::{FinishedSpan, Status};
    ///
    /// let agent = FinishedSpan::builder("agent", "Planner").build();
    /// let tool = FinishedSpan::builder("tool", "Search")
    ///     .method("lookup")
    ///     .child_of(&agent)
    ///     .lasting(Duration::from_millis(3))
    ///     .attribute("tool.rank", 0.5)
    ///     .error("Timeout", "no answer")
    ///     .build();
    ///
    /// assert_eq!(tool.name(), "run.workflow.tool.Search.lookup");
    /// assert_eq!(tool.parent_id(), Some(agent.span_id()));
    /// assert_eq!(tool.trace_id(), agent.trace_id());
    /// assert_eq!(tool.status(), Status::Error);
    /// ```
    pub fn builder(kind: impl Into<Kind>, component: impl AsRef<str>) -> FinishedSpanBuilder {
        FinishedSpanBuilder::new(Component::new(component).with_kind(kind))
    }
}

/// Makes a [`FinishedSpan`] out of what it is told; see [`FinishedSpan::builder`].
///
/// Unless told otherwise the span is the root of a trace of its own, with random ids, starts at
/// 2026-01-01T00:00:00Z, lasts for one millisecond, and ended well.
///
/// What it is given is kept as it is: nothing is cut to a limit, and nothing is redacted, as both
/// happen before a sink sees a span. Only the reserved keys are ignored, as everywhere.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct FinishedSpanBuilder {
    trace_id: TraceId,
    span_id: SpanId,
    parent_id: Option<SpanId>,
    local_root: Option<bool>,
    /// That of its trace, if it is another span.
    root: Option<LocalRoot>,
    component: Component,
    method: Key,
    name: Option<Key>,
    start: SystemTime,
    duration: Duration,
    attributes: Attributes,
    events: Vec<(Key, SystemTime, Attributes)>,
    dropped_events: u32,
    status: Status,
    fault: Option<Fault>,
    workflow_name: Option<Key>,
    group_id: Option<Key>,
    metadata: Attributes,
    trace_state: TraceState,
}

/// Why the span failed.
#[derive(Clone, Debug)]
struct Fault {
    kind: String,
    message: Option<String>,
    sources: Vec<String>,
}

fn unlimited() -> Attributes {
    Attributes::with_limits(SpanLimits::UNLIMITED)
}

impl FinishedSpanBuilder {
    fn new(component: Component) -> Self {
        Self {
            trace_id: TraceId::random(),
            span_id: SpanId::random(),
            parent_id: None,
            local_root: None,
            root: None,
            component,
            method: Key::from_static("run"),
            name: None,
            start: UNIX_EPOCH + START,
            duration: Duration::from_millis(1),
            attributes: unlimited(),
            events: Vec::new(),
            dropped_events: 0,
            status: Status::Ok,
            fault: None,
            workflow_name: None,
            group_id: None,
            metadata: unlimited(),
            trace_state: TraceState::default(),
        }
    }

    /// The trace that it is part of.
    pub fn trace_id(mut self, id: TraceId) -> Self {
        self.trace_id = id;
        self
    }

    /// Its own id.
    pub fn span_id(mut self, id: SpanId) -> Self {
        self.span_id = id;
        self
    }

    /// The span that encloses it; `None` makes it a root.
    pub fn parent_id(mut self, id: impl Into<Option<SpanId>>) -> Self {
        self.parent_id = id.into();
        self
    }

    /// Puts it under `parent`: in the same trace, which says the same of itself, and starting when
    /// `parent` does.
    pub fn child_of(mut self, parent: &FinishedSpan) -> Self {
        let info = parent.trace();
        self.trace_id = parent.trace_id();
        self.parent_id = Some(parent.span_id());
        self.start = parent.start_time();
        self.workflow_name.clone_from(&info.workflow_name);
        self.group_id.clone_from(&info.group_id);
        self.metadata = info.metadata.clone();
        self.trace_state = parent.trace_state().clone();
        self.root = parent.local_root().cloned();
        self
    }

    /// Whether nothing in its process encloses it. Unless told, that is so when it has no parent;
    /// a span whose parent is in another process is a local root, too.
    pub fn local_root(mut self, local_root: bool) -> Self {
        self.local_root = Some(local_root);
        self
    }

    /// The component that ran, in place of one of its own.
    pub fn component(mut self, component: &Component) -> Self {
        self.component = component.clone();
        self
    }

    /// The operation that ran; `run` unless told.
    pub fn method(mut self, method: impl Into<Key>) -> Self {
        self.method = method.into();
        self
    }

    /// The span's name, in place of the one that kind, component and method make.
    pub fn name(mut self, name: impl Into<Key>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// When it started. Events that were added keep their times.
    pub fn start(mut self, time: SystemTime) -> Self {
        self.start = time;
        self
    }

    /// How long it took.
    pub fn lasting(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// When it ended; before the start is at the start. To be said after [`start`](Self::start).
    pub fn end(mut self, time: SystemTime) -> Self {
        self.duration = time.duration_since(self.start).unwrap_or_default();
        self
    }

    /// Adds an attribute.
    pub fn attribute(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.attributes.set(key, value);
        self
    }

    /// Adds attributes, in a closure.
    pub fn attributes(mut self, set: impl FnOnce(&mut Attributes)) -> Self {
        set(&mut self.attributes);
        self
    }

    /// Adds an event, with what `set` says of it.
    pub fn event(
        mut self,
        name: impl Into<Key>,
        time: SystemTime,
        set: impl FnOnce(&mut Attributes),
    ) -> Self {
        let mut attributes = unlimited();
        set(&mut attributes);
        self.events.push((name.into(), time, attributes));
        self
    }

    /// How many further events were beyond a limit.
    pub fn dropped_events(mut self, count: u32) -> Self {
        self.dropped_events = count;
        self
    }

    /// How it ended.
    pub fn status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }

    /// Makes it a span that failed: the error's type, and what it said. Adds no `exception` event.
    pub fn error(self, kind: impl Into<String>, message: impl Into<String>) -> Self {
        let mut failed = self.error_type(kind);
        if let Some(fault) = &mut failed.fault {
            fault.message = Some(message.into());
        }
        failed
    }

    /// As [`error`](Self::error), for an error whose message was left out.
    pub fn error_type(mut self, kind: impl Into<String>) -> Self {
        self.status = Status::Error;
        self.fault = Some(Fault { kind: kind.into(), message: None, sources: Vec::new() });
        self
    }

    /// What caused the error that was given before, outermost first. Does nothing without one.
    pub fn error_sources<T: Into<String>>(mut self, sources: impl IntoIterator<Item = T>) -> Self {
        if let Some(fault) = &mut self.fault {
            fault.sources = sources.into_iter().map(Into::into).collect();
        }
        self
    }

    /// The name of the workflow that its trace is a run of.
    pub fn workflow_name(mut self, name: impl Into<Key>) -> Self {
        self.workflow_name = Some(name.into());
        self
    }

    /// What links its trace with others.
    pub fn group_id(mut self, id: impl Into<Key>) -> Self {
        self.group_id = Some(id.into());
        self
    }

    /// Whatever else its trace says about itself.
    pub fn metadata(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.metadata.set(key, value);
        self
    }

    /// The vendor data that came with a remote parent.
    pub fn trace_state(mut self, state: TraceState) -> Self {
        self.trace_state = state;
        self
    }

    /// The span.
    pub fn build(self) -> FinishedSpan {
        assemble::assemble(self)
    }
}
