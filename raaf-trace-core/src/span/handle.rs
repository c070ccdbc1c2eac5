//! A span as running code sees it.

use std::{fmt, time::SystemTime};

use smol_str::SmolStr;

use crate::{component::Component, span::record::Shared};
use raaf_trace_model::{
    Kind,
    attributes::{Attributes, IntoValue, Key, Value},
    id::{SpanId, TraceId},
    propagation::SpanContext,
    span::{HeadChanges, Link, Score},
};

/// A running span: read its ids, add to it. Clones are the same span.
///
/// Whoever opened the span ends it; a handle that is kept longer keeps nothing running. What is
/// added after the end is ignored and [counted](crate::TracerProvider::stats).
#[derive(Clone)]
pub struct Span {
    record: Shared,
}

impl Span {
    pub(crate) fn of(record: Shared) -> Self {
        Self { record }
    }

    pub(crate) fn record(&self) -> &Shared {
        &self.record
    }

    /// The span's id.
    pub fn span_id(&self) -> SpanId {
        self.record.head().id
    }

    /// The trace's id.
    pub fn trace_id(&self) -> TraceId {
        self.record.head().trace.id()
    }

    /// The parent's id; `None` for a root.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.record.head().parent
    }

    /// Whether it has no parent in this process: it is the root of its trace, or the first span
    /// here under a parent in another process.
    pub fn is_local_root(&self) -> bool {
        self.record.head().local_root
    }

    /// The span's name; it follows from kind, component and method.
    pub fn name(&self) -> String {
        let mut head = self.record.head().to_data();
        self.changes().apply_to(&mut head);
        head.name().into_owned()
    }

    /// What kind of component runs.
    pub fn kind(&self) -> Kind {
        self.changes().kind.unwrap_or_else(|| self.component().kind().clone())
    }

    /// The component that runs.
    pub fn component(&self) -> &Component {
        &self.record.head().component
    }

    /// The component's name.
    pub fn component_name(&self) -> String {
        self.changes()
            .component_name
            .map_or_else(|| self.component().name().to_owned(), String::from)
    }

    /// The operation that runs.
    pub fn method(&self) -> String {
        let method = self.changes().method;
        method.as_ref().unwrap_or(&self.record.head().method).as_str().to_owned()
    }

    /// When it started.
    pub fn start_time(&self) -> SystemTime {
        let head = self.record.head();
        self.changes().start.unwrap_or_else(|| head.trace.time_of(head.start)).into()
    }

    /// Whether the span reaches any sink.
    pub fn is_sampled(&self) -> bool {
        self.record.head().trace.sampled
    }

    /// Whether the span has ended.
    pub fn has_ended(&self) -> bool {
        self.record.has_ended()
    }

    /// What identifies the span to another process.
    pub fn span_context(&self) -> SpanContext {
        let head = self.record.head();
        SpanContext::new(head.trace.id(), head.id)
            .with_flags(head.trace.flags.with_sampled(head.trace.sampled))
            .with_trace_state(head.trace.data.state.clone())
    }

    /// One of its attributes as it is now, without secrets: processors may read it. Empty after
    /// the end: sinks have them then.
    pub fn attribute(&self, key: &str) -> Option<Value> {
        let value = self.record.peek(|body| Some(body.attributes.get(key)?.to_owned()))?;
        Some(self.record.head().trace.provider.redactor().redacted(key, value))
    }

    /// Sets an attribute.
    pub fn set_attribute(&self, key: impl Into<Key>, value: impl IntoValue) -> &Self {
        self.set_attributes(|attributes| {
            attributes.set(key, value);
        })
    }

    /// Sets an attribute that a user or a model wrote: it may be longer, and is left out when
    /// sensitive data is.
    pub fn set_content(&self, key: impl Into<Key>, value: impl IntoValue) -> &Self {
        self.set_attributes(|attributes| {
            attributes.set_content(key, value);
        })
    }

    /// Sets several attributes; `set` is not called for a span that nobody will see.
    pub fn set_attributes(&self, set: impl FnOnce(&mut Attributes)) -> &Self {
        let trace = &self.record.head().trace;
        if trace.sampled {
            // `set` is the user's, and may look at this very span.
            let mut attributes = Attributes::with_limits(trace.limits);
            set(&mut attributes);
            self.record.with_attributes(|own| {
                own.merge(attributes);
            });
        }
        self
    }

    /// Adds an event that happens now.
    pub fn add_event(&self, name: impl Into<Key>, set: impl FnOnce(&mut Attributes)) -> &Self {
        let trace = &self.record.head().trace;
        if trace.sampled {
            let now = trace.now();
            // Both are the user's, and may look at this very span.
            let name = name.into();
            let mut attributes = Attributes::with_limits(trace.limits);
            set(&mut attributes);
            self.record.with_body(|body| {
                body.add_event(trace.limits, name, now, |own| {
                    own.merge(attributes);
                });
            });
        }
        self
    }

    /// Adds a link to another span, with the attributes that `set` adds.
    pub fn add_link(&self, context: SpanContext, set: impl FnOnce(&mut Attributes)) -> &Self {
        let trace = &self.record.head().trace;
        if trace.sampled {
            // `set` is the user's, and may look at this very span.
            let mut attributes = Attributes::with_limits(trace.limits);
            set(&mut attributes);
            let link = Link::new(context, attributes);
            self.record.with_body(|body| body.extras_mut().add_link(trace.limits, link));
        }
        self
    }

    /// Adds a judgement of what the span produced, as an event that happens now. For a span that
    /// has ended, see [`Tracer::score`](crate::Tracer::score).
    pub fn add_score(&self, score: Score) -> &Self {
        self.add_event(Score::EVENT, |attributes| score.write_to(attributes))
    }

    /// Sets the kind of component that ran, for code that learns it late, such as a bridge from
    /// another tracing library.
    ///
    /// Takes effect in the finished span. Processors have seen the span start as it was then, and
    /// [`local_root`](crate::FinishedSpan::local_root) goes on to say what the trace's first span
    /// here was when it started.
    pub fn set_kind(&self, kind: impl Into<Kind>) -> &Self {
        let kind = kind.into();
        self.change(|changes| changes.kind = Some(kind))
    }

    /// Sets the name of the component that ran; see [`set_kind`](Self::set_kind).
    pub fn set_component_name(&self, name: impl AsRef<str>) -> &Self {
        let name = SmolStr::new(name);
        self.change(|changes| changes.component_name = Some(name))
    }

    /// Sets the operation that ran; see [`set_kind`](Self::set_kind).
    pub fn set_method(&self, method: impl Into<Key>) -> &Self {
        let method = method.into();
        self.change(|changes| changes.method = Some(method))
    }

    /// Sets the span's name, in place of the one that kind, component and method make; see
    /// [`set_kind`](Self::set_kind).
    pub fn set_name(&self, name: impl Into<Key>) -> &Self {
        let name = name.into();
        self.change(|changes| changes.name = Some(name))
    }

    fn change(&self, change: impl FnOnce(&mut HeadChanges)) -> &Self {
        self.record.with_body(|body| change(&mut body.extras_mut().changes));
        self
    }

    fn changes(&self) -> HeadChanges {
        self.record
            .peek(|body| body.extras.as_ref().map(|extras| extras.changes.clone()))
            .unwrap_or_default()
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span")
            .field("trace_id", &self.trace_id())
            .field("span_id", &self.span_id())
            .field("parent_id", &self.parent_id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
