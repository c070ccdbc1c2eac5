//! Handles of running spans.

use std::{fmt, time::SystemTime};

use smol_str::SmolStr;

use crate::{component::Component, context::chain, span::record::Shared};
use raaf_trace_model::{
    Kind,
    attributes::{Attributes, IntoValue, Key, Value},
    id::{SpanId, TraceId},
    propagation::SpanContext,
    span::{HeadChanges, Link, Score, TraceSource as _},
};

/// A running span, to read its ids and add data to it. Clones refer to the same span.
///
/// The code that opened the span ends it; a handle does not keep it running. Data added after the
/// end is ignored and [counted](crate::TracerProvider::stats).
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

    pub(crate) fn into_record(self) -> Shared {
        self.record
    }

    /// Returns the span's id.
    pub fn span_id(&self) -> SpanId {
        self.record.head().id
    }

    /// Returns the trace's id.
    pub fn trace_id(&self) -> TraceId {
        self.record.head().trace.id()
    }

    /// Returns the parent's id; `None` for a root.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.record.head().parent
    }

    /// Returns whether the span has no parent in this process: it is the root of its trace, or the
    /// first span here under a parent in another process.
    pub fn is_local_root(&self) -> bool {
        self.record.head().local_root
    }

    /// Returns the spans of this trace and process that enclose this one, innermost first.
    ///
    /// Of more than 128 spans, those that have ended may be left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Component, Traceable as _, TracerProvider, current_span, trace};
    ///
    /// # let memory = raaf_trace_core::MemoryExporter::new();
    /// # let memory = raaf_trace_core::sink::SimpleProcessor::new(memory);
    /// # let provider = TracerProvider::builder().with(memory).build();
    /// # provider.run(|| {
    /// trace("request").in_span(|| {
    ///     Component::tool("Search").in_span("run", || {
    ///         let around = current_span().map(|span| span.enclosing().count());
    ///         assert_eq!(around, Some(1));
    ///     });
    /// });
    /// # });
    /// ```
    pub fn enclosing(&self) -> impl Iterator<Item = Self> {
        let trace = self.trace_id();
        let records = chain::chain(&self.record).skip(1);
        let own = records.take_while(move |record| record.head().trace.id() == trace);
        own.filter(|record| record.stands_for().is_none()).cloned().map(Self::of)
    }

    /// Returns the span's name, made of kind, component and method.
    pub fn name(&self) -> String {
        let mut head = self.record.head().to_data();
        self.changes().apply_to(&mut head);
        head.name().into_owned()
    }

    /// Returns the component's kind.
    pub fn kind(&self) -> Kind {
        self.changes().kind.unwrap_or_else(|| self.component().kind().clone())
    }

    /// Returns the component.
    pub fn component(&self) -> &Component {
        &self.record.head().component
    }

    /// Returns the component's name.
    pub fn component_name(&self) -> String {
        self.changes()
            .component_name
            .map_or_else(|| self.component().name().to_owned(), String::from)
    }

    /// Returns the method.
    pub fn method(&self) -> String {
        let method = self.changes().method;
        method.as_ref().unwrap_or(&self.record.head().method).as_str().to_owned()
    }

    /// Returns the start time.
    pub fn start_time(&self) -> SystemTime {
        let head = self.record.head();
        self.changes().start.unwrap_or_else(|| head.trace.time_of(head.start)).into()
    }

    /// Returns whether the span is sampled, that is, passed to sinks.
    pub fn is_sampled(&self) -> bool {
        self.record.head().trace.sampled
    }

    /// Returns whether the span has ended.
    pub fn has_ended(&self) -> bool {
        self.record.has_ended()
    }

    /// Returns the span context, which identifies the span in other processes.
    pub fn span_context(&self) -> SpanContext {
        let head = self.record.head();
        SpanContext::new(head.trace.id(), head.id)
            .with_flags(head.trace.flags.with_sampled(head.trace.sampled))
            .with_trace_state(head.trace.data().state.clone())
    }

    /// Returns the current value of an attribute, without secrets since processors may call it.
    /// `None` after the end, when the attributes belong to sinks.
    pub fn attribute(&self, key: &str) -> Option<Value> {
        let value = self.record.peek(|body| Some(body.attributes.get(key)?.to_owned()))?;
        Some(self.record.head().trace.provider.redactor().redacted(key, value))
    }

    /// Sets an attribute.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{current_span, trace};
    ///
    /// # use raaf_trace_core::{MemoryExporter, TracerProvider};
    /// # let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// # provider.run(|| {
    /// let kept = trace("request").in_span(current_span);
    /// if let Some(span) = kept {
    ///     assert!(span.has_ended()); // a handle does not keep the span running
    ///     span.set_attribute("late", true); // ignored, and counted in the statistics
    ///     assert_eq!(span.attribute("late"), None);
    /// }
    /// # });
    /// ```
    pub fn set_attribute(&self, key: impl Into<Key>, value: impl IntoValue) -> &Self {
        self.set_attributes(|attributes| {
            attributes.set(key, value);
        })
    }

    /// Sets a content attribute: text by a user or a model. Content has a larger limit, and is left
    /// out where sensitive data is.
    pub fn set_content(&self, key: impl Into<Key>, value: impl IntoValue) -> &Self {
        self.set_attributes(|attributes| {
            attributes.set_content(key, value);
        })
    }

    /// Sets several attributes. Does not call `set` for a span that is not recorded.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, TracerProvider, current_span, trace};
    ///
    /// let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// provider.run(|| {
    ///     trace("request").in_span(|| {
    ///         let Some(span) = current_span() else { return };
    ///         span.set_attributes(|attributes| {
    ///             attributes.set("request.size", 17).set("request.kind", "search");
    ///         });
    ///         assert_eq!(span.attribute("request.size"), Some(17_i64.into()));
    ///     });
    /// });
    /// ```
    pub fn set_attributes(&self, set: impl FnOnce(&mut Attributes)) -> &Self {
        let trace = &self.record.head().trace;
        if trace.sampled {
            // The user's `set` may access this span.
            let mut attributes = Attributes::with_limits(trace.limits);
            set(&mut attributes);
            self.record.with_attributes(|own| {
                own.merge(attributes);
            });
        }
        self
    }

    /// Adds an event at the current time.
    pub fn add_event(&self, name: impl Into<Key>, set: impl FnOnce(&mut Attributes)) -> &Self {
        let trace = &self.record.head().trace;
        if trace.sampled {
            let now = trace.now();
            // The user's `name` and `set` may access this span.
            let name = name.into();
            let mut attributes = Attributes::with_limits(trace.limits);
            set(&mut attributes);
            self.record.with_body(|body| {
                body.add_event(trace.limits, name, now, |own| {
                    own.merge_reserved(attributes);
                });
            });
        }
        self
    }

    /// Adds a link to another span with the attributes that `set` sets.
    pub fn add_link(&self, context: SpanContext, set: impl FnOnce(&mut Attributes)) -> &Self {
        let trace = &self.record.head().trace;
        if trace.sampled {
            // The user's `set` may access this span.
            let mut attributes = Attributes::with_limits(trace.limits);
            set(&mut attributes);
            let link = Link::new(context, attributes);
            self.record.with_body(|body| body.extras_mut().add_link(trace.limits, link));
        }
        self
    }

    /// Adds an evaluation of the span's output, as an event at the current time. For a span that
    /// has ended, see [`Tracer::score`](crate::Tracer::score).
    pub fn add_score(&self, score: Score) -> &Self {
        self.add_event(Score::EVENT, |attributes| score.write_to(attributes))
    }

    /// Sets the component's kind, for code that learns it late, such as a bridge from another
    /// tracing library.
    ///
    /// Takes effect in the finished span. Processors have received the span's start without the
    /// change, and [`local_root`](crate::FinishedSpan::local_root) keeps the values from the start
    /// of the first span.
    pub fn set_kind(&self, kind: impl Into<Kind>) -> &Self {
        let kind = kind.into();
        self.change(|changes| changes.kind = Some(kind))
    }

    /// Sets the component's name; see [`set_kind`](Self::set_kind).
    pub fn set_component_name(&self, name: impl AsRef<str>) -> &Self {
        let name = SmolStr::new(name);
        self.change(|changes| changes.component_name = Some(name))
    }

    /// Sets the method; see [`set_kind`](Self::set_kind).
    pub fn set_method(&self, method: impl Into<Key>) -> &Self {
        let method = method.into();
        self.change(|changes| changes.method = Some(method))
    }

    /// Sets the span's name, replacing the one made of kind, component and method; see
    /// [`set_kind`](Self::set_kind).
    pub fn set_name(&self, name: impl Into<Key>) -> &Self {
        let name = name.into();
        self.change(|changes| changes.name = Some(name))
    }

    fn change(&self, change: impl FnOnce(&mut HeadChanges)) -> &Self {
        let limits = self.record.head().trace.limits;
        self.record.with_body(|body| {
            let changes = &mut body.extras_mut().changes;
            change(changes);
            let cuts = changes.fit(limits);
            body.attributes.add_cuts(cuts);
        });
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
