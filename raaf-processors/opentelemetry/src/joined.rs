//! Instrumented code that joins our trace without calls of ours.

use std::{borrow::Cow, time::SystemTime};

use opentelemetry::{
    Context as OtelContext, InstrumentationScope, KeyValue,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{Span, SpanBuilder, SpanContext, Status, TraceContextExt as _, Tracer, TracerProvider},
};
use raaf_trace_core::Context;

use crate::{
    context::{is_inside, otel_context_of},
    convert,
    inside::Started,
};

/// A tracer provider or propagator of OpenTelemetry for which our current span is the active one.
///
/// Around a tracer provider, it makes spans that start in our agents' code children of our innermost
/// span; around a propagator, it sends that span. Make both global, and instrumented clients join our
/// trace wherever they run inside our spans. Nothing is done when our spans start and end: the
/// current span is looked up where a span of OpenTelemetry's starts, or a request is sent.
///
/// The innermost span counts: ours is the parent unless OpenTelemetry's active span was started inside
/// it, by a tracer of this kind or in [`otel_context`](crate::otel_context). A context that is given
/// explicitly with another active span than the current one, such as one extracted from a message, or
/// without one where the current one has it, is used as it is; so is an active span of another trace
/// than ours.
///
/// If OpenTelemetry has no active span, its empty context is the same as its current one, and our
/// span applies even if it is given explicitly. To begin a trace of OpenTelemetry's there, or to send
/// nothing of ours, use the provider or propagator inside `Joined`, or
/// [`Context::empty()`](Context::empty)`.run(…)`.
///
/// # Examples
///
/// ```
/// use opentelemetry::{global, trace::Tracer as _};
/// use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
/// use raaf_opentelemetry::{Joined, active_otel_span};
/// use raaf_trace_core::{Component, Traceable as _, TracerProvider};
///
/// let theirs = SdkTracerProvider::builder().build();
/// global::set_tracer_provider(Joined::new(theirs.clone()));
/// global::set_text_map_propagator(Joined::new(TraceContextPropagator::new()));
/// let ours = TracerProvider::builder().outer_parent(active_otel_span).build();
///
/// let tracer = global::tracer("shop");
/// ours.run(|| {
///     tracer.in_span("request", |_| {
///         Component::agent("Clerk").in_span("run", || { // below `request`
///             tracer.in_span("query", |_| ()); // below the agent
///         });
///     });
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Joined<T>(T);

impl<T> Joined<T> {
    /// Wraps a tracer provider or a propagator.
    pub fn new(theirs: T) -> Self {
        Self(theirs)
    }
}

impl<P: TracerProvider> TracerProvider for Joined<P> {
    type Tracer = JoinedTracer<P::Tracer>;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Self::Tracer {
        JoinedTracer(self.0.tracer_with_scope(scope))
    }
}

impl<P: TextMapPropagator> TextMapPropagator for Joined<P> {
    fn inject_context(&self, context: &OtelContext, injector: &mut dyn Injector) {
        let joined = joined(&Context::current(), context);
        self.0.inject_context(joined.as_ref().unwrap_or(context), injector);
    }

    fn extract_with_context(
        &self,
        context: &OtelContext,
        extractor: &dyn Extractor,
    ) -> OtelContext {
        self.0.extract_with_context(context, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        self.0.fields()
    }
}

/// Tracer of a [`Joined`] provider.
#[derive(Clone, Debug)]
pub struct JoinedTracer<T>(T);

impl<T: Tracer> Tracer for JoinedTracer<T> {
    type Span = JoinedSpan<T::Span>;

    fn build_with_context(&self, builder: SpanBuilder, context: &OtelContext) -> Self::Span {
        let ours = Context::current();
        let joined = joined(&ours, context);
        let span = self.0.build_with_context(builder, joined.as_ref().unwrap_or(context));
        let theirs = convert::from_otel(span.span_context());
        let is_inside = theirs.is_some_and(|theirs| Some(theirs.trace_id()) == ours.trace_id());
        let inside = ours.span_id().filter(|_| is_inside);
        let started = inside.map(|ours| Started::record(span.span_context(), ours));
        JoinedSpan { span, _started: started }
    }
}

/// Returns a context with our innermost span instead of the active one, if ours is further in.
fn joined(ours: &Context, context: &OtelContext) -> Option<OtelContext> {
    let id = ours.span_id()?;
    let active = context.has_active_span().then(|| context.span().span_context().clone());
    let is_current = OtelContext::map_current(|current| match &active {
        Some(active) => current.has_active_span() && current.span().span_context() == active,
        None => !current.has_active_span(),
    });
    if !is_current {
        return None;
    }
    if let Some(active) = active {
        let of_one_trace = ours.trace_id().map(convert::trace_id) == Some(active.trace_id());
        if !of_one_trace || is_inside(context, &active, id) {
            return None;
        }
    }
    otel_context_of(ours, context)
}

/// Span of a [`JoinedTracer`].
#[derive(Debug)]
pub struct JoinedSpan<S> {
    span: S,
    _started: Option<Started>,
}

impl<S: Span> Span for JoinedSpan<S> {
    fn add_event_with_timestamp<N: Into<Cow<'static, str>>>(
        &mut self,
        name: N,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        self.span.add_event_with_timestamp(name, timestamp, attributes);
    }

    fn span_context(&self) -> &SpanContext {
        self.span.span_context()
    }

    fn is_recording(&self) -> bool {
        self.span.is_recording()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.span.set_attribute(attribute);
    }

    fn set_status(&mut self, status: Status) {
        self.span.set_status(status);
    }

    fn update_name<N: Into<Cow<'static, str>>>(&mut self, name: N) {
        self.span.update_name(name);
    }

    fn add_link(&mut self, context: SpanContext, attributes: Vec<KeyValue>) {
        self.span.add_link(context, attributes);
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        self.span.end_with_timestamp(timestamp);
    }
}
