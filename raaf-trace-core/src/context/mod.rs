//! The active spans of running code, and their propagation to other threads, tasks and processes.

pub(crate) mod attach;
pub(crate) mod chain;
pub(crate) mod current;
pub(crate) mod flow;
mod future;
pub(crate) mod parent;
pub(crate) mod published;
pub(crate) mod stack;

use std::sync::Arc;

use crate::{
    diagnostics::{self, Category},
    provider::{TracerProvider, global_provider},
    span::{Span, record::Shared},
};
pub use attach::AttachToken;
use current::{Current, Home, Innermost};
pub use future::{InContext, WithContext};
pub use parent::{IntoParent, Parent};
use raaf_trace_model::{
    attributes::{IntoValue, Key},
    id::{SpanId, TraceId},
    prices::PriceTable,
    propagation::{self, Baggage, Extractor, Injector, SpanContext},
};

static NO_BAGGAGE: Baggage = Baggage::new();

/// A captured context: the active spans of running code. Pass it to another thread or task, or to a
/// call as its parent.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use raaf_trace_core::{Context, current_trace_id, trace};
///
/// trace("nightly import").in_span(|| {
///     let context = Context::current();
///     let seen = thread::spawn(move || context.run(current_trace_id)).join();
///     assert_eq!(seen.ok(), Some(current_trace_id()));
/// });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Context {
    innermost: Innermost,
    home: Option<Home>,
    baggage: Option<Arc<Baggage>>,
}

impl Context {
    /// Captures the current context. Keeps the trace's ids, but does not keep spans from ending.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    /// use raaf_trace_core::{Context, current_trace_id, trace};
    ///
    /// # use raaf_trace_core::{MemoryExporter, TracerProvider};
    /// # let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// # provider.run(|| {
    /// trace("nightly import").in_span(|| {
    ///     // A thread does not inherit the context:
    ///     let outside = thread::spawn(current_trace_id).join();
    ///     assert_eq!(outside.ok(), Some(None));
    ///
    ///     let context = Context::current();
    ///     let inside = thread::spawn(move || context.run(current_trace_id)).join();
    ///     assert_eq!(inside.ok(), Some(current_trace_id()));
    /// });
    /// # });
    /// ```
    pub fn current() -> Self {
        let current = flow::current();
        let (home, baggage) = (current.home().cloned(), current.baggage().cloned());
        Self { innermost: current.innermost, home, baggage }
    }

    /// Creates an empty context. Spans that start in it are roots of new traces.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Context, current_trace_id, trace};
    ///
    /// # use raaf_trace_core::{MemoryExporter, TracerProvider};
    /// # let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// # provider.run(|| {
    /// trace("request").in_span(|| {
    ///     let request = current_trace_id();
    ///     Context::empty().run(|| trace("audit").in_span(|| assert_ne!(current_trace_id(), request)));
    /// });
    /// # });
    /// ```
    pub fn empty() -> Self {
        Self::default()
    }

    /// Creates a context within a span of another process, or of given ids.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Context, SpanId, TraceId, current_trace_id, propagation::SpanContext, trace};
    ///
    /// # use raaf_trace_core::{MemoryExporter, TracerProvider};
    /// # let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// # provider.run(|| {
    /// let id = TraceId::random();
    /// let remote = SpanContext::new(id, SpanId::random());
    /// Context::remote(remote).run(|| {
    ///     trace("continued").in_span(|| assert_eq!(current_trace_id(), Some(id)));
    /// });
    /// # });
    /// ```
    pub fn remote(parent: SpanContext) -> Self {
        Self { innermost: Innermost::Remote(Arc::new(parent)), ..Self::default() }
    }

    /// Creates a context within that span, with the current [baggage](Self::baggage).
    pub fn of_span(span: &Span) -> Self {
        let innermost = Innermost::Local(Shared::clone(span.record()));
        Self {
            innermost,
            home: None,
            baggage: flow::peek(|current| current.baggage().cloned()).flatten(),
        }
    }

    /// Reads the context that a caller in another process sent: `traceparent` and `tracestate`,
    /// from HTTP headers or from [environment variables](crate::propagation).
    ///
    /// A missing header gives an empty context; so does a malformed one, with a diagnostic.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::Context;
    ///
    /// let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let headers = vec![("traceparent".to_owned(), header.to_owned())];
    /// assert!(Context::extract(&headers).trace_id().is_some());
    ///
    /// let malformed = vec![("traceparent".to_owned(), "00-0-0-01".to_owned())];
    /// assert_eq!(Context::extract(&malformed).trace_id(), None);
    /// ```
    ///
    /// A caller chooses trace id and sampling decision. Where callers are not trusted, do not extract
    /// their context, or link to it instead of continuing it:
    ///
    /// ```
    /// use raaf_trace_core::{Context, tracer};
    ///
    /// let headers = vec![("traceparent".to_owned(), "00-0-0-01".to_owned())];
    /// let mut request = tracer().span("request");
    /// if let Some(caller) = Context::extract(&headers).span_context() {
    ///     request = request.link(caller, |_| ());
    /// }
    /// request.in_span(|| { /* … */ });
    /// ```
    pub fn extract(carrier: &(impl Extractor + ?Sized)) -> Self {
        match propagation::extract(carrier) {
            Ok(None) => Self::empty(),
            Ok(Some((parent, state))) => {
                Self::remote(SpanContext::from(parent).with_trace_state(state))
            }
            Err(error) => {
                diagnostics::debug(
                    Category::Context,
                    format_args!("ignored a traceparent: {error}"),
                );
                Self::empty()
            }
        }
    }

    /// Writes this context for another process: `traceparent` and, if present, `tracestate`. Writes
    /// nothing when no span is active.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Context, tracer};
    ///
    /// # use raaf_trace_core::{MemoryExporter, TracerProvider};
    /// # let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// # provider.run(|| {
    /// let request = tracer().start_span("request");
    /// let mut headers: Vec<(String, String)> = Vec::new();
    /// request.context().inject(&mut headers); // `Context::current()` does not contain a manual span
    /// assert_eq!(headers.len(), usize::from(request.is_recording()));
    /// # });
    /// ```
    pub fn inject(&self, carrier: &mut (impl Injector + ?Sized)) {
        let Some(context) = self.span_context() else { return };
        let Some(parent) = context.trace_parent() else { return };
        propagation::inject(carrier, &parent, context.trace_state());
    }

    /// Replaces the baggage. It applies to everything that runs in this context and to captured
    /// contexts; it is sent to other processes only by
    /// [`Baggage::inject`](propagation::Baggage::inject).
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Context, propagation::Baggage, trace};
    ///
    /// let mut baggage = Baggage::new();
    /// baggage.insert("tenant", "acme")?;
    /// Context::current().with_baggage(baggage).run(|| {
    ///     trace("nightly import").in_span(|| {
    ///         assert_eq!(Context::current().baggage().get("tenant"), Some("acme"));
    ///     });
    /// });
    /// # Ok::<(), raaf_trace_core::propagation::BaggageError>(())
    /// ```
    #[must_use]
    pub fn with_baggage(mut self, baggage: Baggage) -> Self {
        self.baggage = (!baggage.is_empty()).then(|| Arc::new(baggage));
        self
    }

    /// Returns the baggage; empty unless it was [set](Self::with_baggage).
    pub fn baggage(&self) -> &Baggage {
        self.baggage.as_deref().unwrap_or(&NO_BAGGAGE)
    }

    /// Sets the provider of traces that start in this context.
    #[must_use]
    pub fn with_provider(mut self, provider: &TracerProvider) -> Self {
        self.home = Some(Home::Named(provider.clone()));
        self
    }

    /// Returns the prices of models by which calls in this context have a cost: those of the provider
    /// of its spans, otherwise of the global one.
    pub fn prices(&self) -> PriceTable {
        let around = || Some(&self.innermost.local()?.head().trace.provider);
        match around().or(self.home.as_ref().map(Home::inner)) {
            Some(provider) => provider.prices().clone(),
            None => global_provider().inner().prices().clone(),
        }
    }

    /// Runs `work` in this context. If it has no provider, that of the calling code is used.
    ///
    /// A future that `work` returns is polled outside of it; for a future, use
    /// [`in_context`](crate::InContext::in_context).
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Context, is_traced, trace};
    ///
    /// # use raaf_trace_core::{MemoryExporter, TracerProvider};
    /// # let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// # provider.run(|| {
    /// trace("request").in_span(|| {
    ///     let context = Context::current();
    ///     Context::empty().run(|| {
    ///         assert!(!is_traced());
    ///         context.run(|| assert!(is_traced()));
    ///         assert!(!is_traced()); // the previous context is current again
    ///     });
    /// });
    /// # });
    /// ```
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        let mut current = self.into_current();
        let _entered = flow::enter(&mut current);
        work()
    }

    /// Returns the innermost span of this process; `None` outside of spans, and directly within a
    /// remote parent.
    pub fn span(&self) -> Option<Span> {
        self.innermost.local().cloned().map(Span::of)
    }

    /// Returns whether spans created in this context are recorded as part of an active trace.
    pub fn is_traced(&self) -> bool {
        self.innermost.is_sampled()
    }

    /// Returns the active trace's id.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.innermost.trace_id()
    }

    /// Returns the innermost span's id.
    pub fn span_id(&self) -> Option<SpanId> {
        match &self.innermost {
            Innermost::None => None,
            Innermost::Local(record) => Some(record.head().id),
            Innermost::Remote(parent) => parent.span_id(),
        }
    }

    /// Returns the span context of the innermost span, for another process.
    pub fn span_context(&self) -> Option<SpanContext> {
        match &self.innermost {
            Innermost::None => None,
            Innermost::Local(record) => Some(Span::of(Shared::clone(record)).span_context()),
            Innermost::Remote(parent) => Some((**parent).clone()),
        }
    }

    pub(crate) fn into_current(self) -> Current {
        let Self { innermost, home, baggage } = self;
        let home = match innermost {
            Innermost::Local(_) => home,
            Innermost::None | Innermost::Remote(_) => home.or_else(flow::home),
        };
        Current::new(innermost, home, baggage)
    }
}

impl TracerProvider {
    /// Returns the current context with this provider for new traces.
    pub fn context(&self) -> Context {
        Context::empty().with_provider(self)
    }

    /// Runs `work` with this provider for new traces. For a future, use
    /// [`in_context`](crate::InContext::in_context) with [`context`](Self::context).
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        self.context().run(work)
    }
}

/// Propagates the current context with a closure, for a thread:
/// `thread::spawn(in_current_context(|| …))`.
///
/// # Examples
///
/// ```
/// use std::thread;
/// use raaf_trace_core::{current_trace_id, in_current_context, trace};
///
/// trace("nightly import").in_span(|| {
///     let seen = thread::spawn(in_current_context(current_trace_id)).join();
///     assert_eq!(seen.ok(), Some(current_trace_id()));
/// });
/// ```
pub fn in_current_context<R>(work: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let context = Context::current();
    move || context.run(work)
}

/// Returns the innermost active span of the current context, to read it or add to it.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{current_span, trace};
///
/// # use raaf_trace_core::{MemoryExporter, TracerProvider};
/// # let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
/// # provider.run(|| {
/// assert!(current_span().is_none());
/// trace("request").in_span(|| {
///     if let Some(span) = current_span() {
///         span.set_attribute("request.size", 17);
///     }
/// });
/// # });
/// ```
pub fn current_span() -> Option<Span> {
    flow::peek(|current| current.innermost.local().cloned()).flatten().map(Span::of)
}

/// Sets an attribute of the innermost active span, if there is one.
///
/// Does the same as [`Span::set_attribute`] of [`current_span`], and costs less: that makes a handle,
/// which may go to another thread.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{
///     MemoryExporter, TracerProvider, set_attribute, sink::SimpleProcessor, trace,
/// };
///
/// let memory = MemoryExporter::new();
/// let provider = TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
/// provider.run(|| {
///     trace("request").in_span(|| {
///         // …
///         set_attribute("request.size", 17);
///     });
///     set_attribute("request.size", 18); // outside of spans: no effect
/// });
/// assert_eq!(memory.spans()[0].attributes().get("request.size"), Some(17.into()));
/// ```
pub fn set_attribute(key: impl Into<Key>, value: impl IntoValue) {
    if let Some(value) = value.into_value() {
        flow::set_attribute(key.into(), value);
    }
}

/// Returns the active trace's id.
pub fn current_trace_id() -> Option<TraceId> {
    flow::peek(|current| current.innermost.trace_id()).flatten()
}

/// Returns whether running code is part of a recorded trace.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{MemoryExporter, Sampler, TracerProvider, is_traced, trace};
///
/// let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
/// provider.run(|| {
///     assert!(!is_traced()); // a provider alone is not a trace
///     trace("request").in_span(|| assert!(is_traced()));
/// });
/// ```
pub fn is_traced() -> bool {
    flow::peek(|current| current.innermost.is_sampled()).unwrap_or(false)
}
