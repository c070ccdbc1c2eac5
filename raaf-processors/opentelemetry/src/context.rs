//! Contexts in both directions.

use opentelemetry::{
    Context as OtelContext,
    context::{FutureExt as _, WithContext as WithOtelContext},
    trace::{self as otel, TraceContextExt as _},
};
use raaf_trace_core::{Context, InContext as _, SpanContext, SpanId, context::WithContext};

use crate::{convert, inside};

/// Id of our span from which an OpenTelemetry context was made.
struct Ours(SpanId);

/// Returns OpenTelemetry's current context with our innermost span as the active one, which instrumented
/// clients and tracers of OpenTelemetry use as their parent. Without a span of ours, returns the current
/// context.
pub fn otel_context() -> OtelContext {
    let current = OtelContext::current();
    otel_context_of(&Context::current(), &current).unwrap_or(current)
}

/// Returns a context of theirs with the innermost span of ours as the active one; `None` if ours has
/// no span.
pub(crate) fn otel_context_of(ours: &Context, theirs: &OtelContext) -> Option<OtelContext> {
    let span = ours.span_context()?;
    let id = span.span_id()?;
    let span = convert::to_otel(&span, false);
    Some(theirs.with_remote_span_context(span).with_value(Ours(id)))
}

/// Returns whether the active span of a context of theirs was started inside our span of this id.
pub(crate) fn is_inside(theirs: &OtelContext, active: &otel::SpanContext, id: SpanId) -> bool {
    let started_in = theirs.get().map(|Ours(id)| *id).filter(|ours| *ours == id);
    let is_ours = active.span_id() == convert::span_id(Some(id));
    !is_ours && started_in.or_else(|| inside::started_in(active)) == Some(id)
}

/// Returns OpenTelemetry's active span, as the parent of our roots: pass this function to
/// [`TracerProviderBuilder::outer_parent`](raaf_trace_core::TracerProviderBuilder::outer_parent).
///
/// # Examples
///
/// ```
/// use raaf_opentelemetry::active_otel_span;
/// use raaf_trace_core::TracerProvider;
///
/// let provider = TracerProvider::builder().outer_parent(active_otel_span).build();
/// ```
pub fn active_otel_span() -> Option<SpanContext> {
    OtelContext::map_current(|current| {
        let is_active = current.has_active_span();
        is_active.then(|| convert::from_otel(current.span().span_context())).flatten()
    })
}

/// Returns the current context with OpenTelemetry's active span as its innermost one, if it is further
/// in than ours: where no span of ours is active, or where it was started inside ours, in
/// [`otel_context`]. Otherwise, returns the current context.
///
/// # Examples
///
/// ```
/// use raaf_opentelemetry::otel_parent;
/// use raaf_trace_core::{Component, Traceable as _};
///
/// let agent = Component::agent("Clerk");
/// agent.traced("run").parent(otel_parent()).in_span(|| { /* … */ });
/// ```
pub fn otel_parent() -> Context {
    let ours = Context::current();
    let theirs = OtelContext::map_current(|current| {
        let active = current.has_active_span().then(|| current.span().span_context().clone())?;
        let span = convert::from_otel(&active)?;
        ours.span_id().is_none_or(|id| is_inside(current, &active, id)).then_some(span)
    });
    match theirs {
        Some(span) => Context::remote(span).with_baggage(ours.baggage().clone()),
        None => ours,
    }
}

/// Runs `work` in [`otel_context`]: what it traces with OpenTelemetry is below our innermost span.
pub fn run_in_otel_context<R>(work: impl FnOnce() -> R) -> R {
    let _attached = otel_context().attach();
    work()
}

/// Runs `work` in [`otel_parent`]: what it traces with us is below OpenTelemetry's active span.
pub fn run_in_otel_parent<R>(work: impl FnOnce() -> R) -> R {
    otel_parent().run(work)
}

/// Futures that run in the other library's context, wherever they are polled.
///
/// # Examples
///
/// ```
/// use raaf_opentelemetry::OtelFuture as _;
/// use raaf_trace_core::{Component, Traceable as _};
///
/// # async fn instrumented_query() {}
/// # async fn handle() {
/// // In a handler that OpenTelemetry has a span of:
/// let work = async {
///     instrumented_query().in_otel_context().await; // below our agent
/// };
/// Component::agent("Clerk").in_span("run", work).in_otel_parent().await;
/// # }
/// ```
pub trait OtelFuture: Future + Sized {
    /// Runs this future in the [`otel_context`] of this call.
    fn in_otel_context(self) -> WithOtelContext<Self> {
        self.with_context(otel_context())
    }

    /// Runs this future in the [`otel_parent`] of this call.
    fn in_otel_parent(self) -> WithContext<Self> {
        self.in_context(otel_parent())
    }
}

impl<F: Future> OtelFuture for F {}
