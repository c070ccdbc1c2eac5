//! Builder for synthetic finished spans.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use smol_str::SmolStr;

use super::{
    ComponentInfo, Event, FinishedSpan, Link, LocalRoot, SpanBody, SpanError, SpanHead, Status,
    TraceData, TraceInfo,
};
use crate::{
    attributes::{AttributeLosses, Attributes, IntoValue, Key, SpanLimits},
    id::{SpanId, TraceId},
    kind::Kind,
    naming::NamePattern,
    propagation::{SpanContext, TraceState},
    time::Timestamp,
};

impl FinishedSpan {
    /// Returns a builder for a finished span of no traced work, for tests of sinks and for readers
    /// of other processes' output.
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
        FinishedSpanBuilder::new(kind.into(), SmolStr::new(component))
    }
}

/// Builder for a [`FinishedSpan`]; see [`FinishedSpan::builder`].
///
/// By default the span is the root of its own trace, has random ids, starts at
/// 2026-01-01T00:00:00Z, lasts for one millisecond, and succeeded.
///
/// Values are stored as given: nothing is cut to a limit or redacted, since both happen before a
/// sink receives a span. Only reserved keys are ignored.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct FinishedSpanBuilder {
    trace_id: TraceId,
    span_id: SpanId,
    parent_id: Option<SpanId>,
    local_root: Option<bool>,
    /// Local root of the trace, if it is another span.
    root: Option<LocalRoot>,
    component: ComponentInfo,
    method: Key,
    name: Option<Key>,
    start: Timestamp,
    end: End,
    body: SpanBody,
    info: TraceInfo,
    state: TraceState,
}

#[derive(Clone, Copy, Debug)]
enum End {
    After(Duration),
    At(Timestamp),
}

fn unlimited() -> Attributes {
    Attributes::with_limits(SpanLimits::UNLIMITED)
}

impl FinishedSpanBuilder {
    fn new(kind: Kind, name: SmolStr) -> Self {
        let body = SpanBody { attributes: unlimited(), status: Status::Ok, ..SpanBody::default() };
        Self {
            trace_id: TraceId::random(),
            span_id: SpanId::random(),
            parent_id: None,
            local_root: None,
            root: None,
            component: ComponentInfo { kind, name },
            method: Key::from_static("run"),
            name: None,
            start: Self::START,
            end: End::After(Duration::from_millis(1)),
            body,
            info: TraceInfo { metadata: unlimited(), ..TraceInfo::default() },
            state: TraceState::default(),
        }
    }

    /// Default start of built spans, and start of manual clocks: 2026-01-01T00:00:00Z.
    pub const START: Timestamp = Timestamp::from_nanos(1_767_225_600_000_000_000);

    /// Sets the trace's id.
    pub fn trace_id(mut self, id: TraceId) -> Self {
        self.trace_id = id;
        self
    }

    /// Sets the span's id.
    pub fn span_id(mut self, id: SpanId) -> Self {
        self.span_id = id;
        self
    }

    /// Sets the parent's id; `None` makes the span a root.
    pub fn parent_id(mut self, id: impl Into<Option<SpanId>>) -> Self {
        self.parent_id = id.into();
        self
    }

    /// Makes the span a child of `parent`: in the same trace, with the same trace data and the same
    /// start.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::FinishedSpan;
    ///
    /// let agent = FinishedSpan::builder("agent", "Planner").build();
    /// let tool = FinishedSpan::builder("tool", "Search").child_of(&agent).build();
    /// assert_eq!(tool.start_time(), agent.start_time()); // set `start` afterwards to change it
    /// assert!(!tool.is_local_root());
    /// ```
    pub fn child_of(mut self, parent: &FinishedSpan) -> Self {
        let trace = &parent.head.trace;
        self.trace_id = trace.id;
        self.parent_id = Some(parent.span_id());
        self.start = parent.head.start;
        self.info = trace.info.clone();
        self.state = trace.state.clone();
        self.root.clone_from(&trace.root);
        self
    }

    /// Sets whether the span has no parent in its process; by default, whether it has no parent at
    /// all. A span whose parent is in another process is a local root, too.
    pub fn local_root(mut self, local_root: bool) -> Self {
        self.local_root = Some(local_root);
        self
    }

    /// Sets the method; `run` by default.
    pub fn method(mut self, method: impl Into<Key>) -> Self {
        self.method = method.into();
        self
    }

    /// Sets the span's name, instead of the one made of kind, component and method.
    pub fn name(mut self, name: impl Into<Key>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the start time. Events keep their times.
    pub fn start(mut self, time: SystemTime) -> Self {
        self.start = time.into();
        self
    }

    /// Sets the duration.
    pub fn lasting(mut self, duration: Duration) -> Self {
        self.end = End::After(duration);
        self
    }

    /// Sets the end time; a time before the start becomes the start.
    pub fn end(mut self, time: SystemTime) -> Self {
        self.end = End::At(time.into());
        self
    }

    /// Adds an attribute.
    pub fn attribute(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.body.attributes.set(key, value);
        self
    }

    /// Adds attributes in a closure.
    pub fn attributes(mut self, set: impl FnOnce(&mut Attributes)) -> Self {
        set(&mut self.body.attributes);
        self
    }

    /// Sets the losses of its attributes.
    pub fn losses(mut self, losses: AttributeLosses) -> Self {
        self.body.attributes.set_losses(losses);
        self
    }

    /// Adds an event with the attributes that `set` sets.
    pub fn event(
        mut self,
        name: impl Into<Key>,
        time: SystemTime,
        set: impl FnOnce(&mut Attributes),
    ) -> Self {
        let mut attributes = unlimited();
        set(&mut attributes);
        self.body.events.push(Event::new(name, time.into(), attributes));
        self
    }

    /// Sets the number of events beyond the limit.
    pub fn dropped_events(mut self, count: u32) -> Self {
        self.body.dropped_events = count;
        self
    }

    /// Adds a link to another span with the attributes that `set` sets.
    pub fn link(mut self, context: SpanContext, set: impl FnOnce(&mut Attributes)) -> Self {
        let mut attributes = unlimited();
        set(&mut attributes);
        self.body.extras_mut().links.push(Link::new(context, attributes));
        self
    }

    /// Sets the number of links beyond the limit.
    pub fn dropped_links(mut self, count: u32) -> Self {
        self.body.extras_mut().dropped_links = count;
        self
    }

    /// Sets the status.
    pub fn status(mut self, status: Status) -> Self {
        self.body.status = status;
        self
    }

    /// Sets the status to `Error` with an error type and message. Adds no `exception` event.
    pub fn error(self, kind: impl AsRef<str>, message: impl AsRef<str>) -> Self {
        self.failed(kind.as_ref(), Some(message.as_ref()), &[] as &[String])
    }

    /// Sets the status to `Error` with an error type, without a message.
    pub fn error_type(self, kind: impl AsRef<str>) -> Self {
        self.failed(kind.as_ref(), None, &[] as &[String])
    }

    /// Sets the sources of the error that was set before, outermost first. Does nothing without
    /// one.
    pub fn error_sources<T: AsRef<str>>(self, sources: impl IntoIterator<Item = T>) -> Self {
        let Some(error) = self.body.error.clone() else { return self };
        let sources: Vec<T> = sources.into_iter().collect();
        let status = self.body.status;
        self.failed(error.kind(), error.message(), &sources).status(status)
    }

    fn failed<T: AsRef<str>>(mut self, kind: &str, message: Option<&str>, causes: &[T]) -> Self {
        let error = SpanError::new(kind, message, causes, SpanLimits::UNLIMITED);
        self.body.status = Status::Error;
        self.body.error = Some(Box::new(error));
        self
    }

    /// Sets the workflow name of its trace.
    pub fn workflow_name(mut self, name: impl Into<Key>) -> Self {
        self.info.workflow_name = Some(name.into());
        self
    }

    /// Sets the group id of its trace.
    pub fn group_id(mut self, id: impl Into<Key>) -> Self {
        self.info.group_id = Some(id.into());
        self
    }

    /// Adds metadata to its trace.
    pub fn metadata(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.info.metadata.set(key, value);
        self
    }

    /// Sets the vendor data of a remote parent.
    pub fn trace_state(mut self, state: TraceState) -> Self {
        self.state = state;
        self
    }

    /// Builds the span.
    pub fn build(self) -> FinishedSpan {
        let end = match self.end {
            End::After(duration) => self.start.after(duration),
            End::At(time) => time,
        };
        let local_root = self.local_root.unwrap_or(self.parent_id.is_none());
        let ComponentInfo { kind, name } = &self.component;
        let itself = || LocalRoot::new(self.span_id, self.parent_id, kind.clone(), name.clone());
        let root = if local_root { Some(itself()) } else { self.root };
        let trace = TraceData {
            id: self.trace_id,
            naming: NamePattern::Default,
            state: self.state,
            info: self.info,
            root,
        };
        let head = SpanHead {
            span_id: self.span_id,
            parent_id: self.parent_id,
            trace: Arc::new(trace),
            component: Arc::new(self.component),
            method: self.method,
            name: self.name.map(Box::new),
            start: self.start,
            local_root,
            has_children: false,
        };
        FinishedSpan::from_parts(head, self.body, end)
    }
}
