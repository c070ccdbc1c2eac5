//! The `Traceable` trait.

use std::{rc::Rc, sync::Arc};

use crate::{
    call::{
        Call, CallInfo,
        outcome::{Failure, PlainValue},
        work::{Fallible, Plain, Work},
    },
    component::Component,
    context::{
        Context, chain, flow,
        parent::{IntoParent, Parent},
    },
    span::{Span, record::Shared},
};
use raaf_trace_model::{
    attributes::{Attributes, Key},
    id::{SpanId, TraceId},
};

/// A value that is traced: it has a [`Component`].
///
/// `#[derive(Traceable)]` implements this for a struct with a field of that type; implement it
/// manually to override more methods. The provided methods run work in spans and return the current
/// span. Call those that are generic on a reference or a box of a trait object:
/// `(&agent).in_span(…)`.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{Attributes, Component, Traceable, traced};
///
/// struct SearchTool {
///     component: Component,
///     rate_limit: u32,
/// }
///
/// impl Traceable for SearchTool {
///     fn component(&self) -> &Component {
///         &self.component
///     }
///     fn span_attributes(&self, attributes: &mut Attributes) {
///         attributes.set("tool.rate_limit", self.rate_limit);
///     }
/// }
///
/// impl SearchTool {
///     #[traced(with(query))]
///     fn search(&self, query: &str) -> Result<Vec<String>, std::io::Error> {
///         Ok(vec![query.to_uppercase()])
///     }
/// }
/// ```
///
/// The derive with a constructor, which sets kind and name once:
///
/// ```
/// use raaf_trace_core::{Component, Traceable, traced};
///
/// #[derive(Traceable)]
/// #[trace(new, kind = "tool")]
/// struct Search<Client> {
///     component: Component,
///     client: Client,
///     #[trace("search.limit")]
///     limit: u32,
/// }
///
/// let search = Search::new("client", 10);
/// assert_eq!(search.component().kind().as_str(), "tool");
/// assert_eq!((search.client, search.limit), ("client", 10));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be traced: it does not implement `Traceable`",
    note = "add a field `component: Component` and `#[derive(Traceable)]`"
)]
pub trait Traceable {
    /// Returns the component of this value.
    fn component(&self) -> &Component;

    /// Adds attributes to each span of this component. Called once for each span, before the traced
    /// work. If it panics, the attributes added before are kept.
    fn span_attributes(&self, attributes: &mut Attributes) {
        let _ = attributes;
    }

    /// Decides whether this call gets a span; without one the work runs unchanged. Not called for a
    /// call that reuses a span. A panic counts as `true`.
    fn should_create_span(&self, call: &CallInfo<'_>) -> bool {
        call.default_decision()
    }

    /// Runs work that returns a plain value in a span of `method`: a closure at once, a future when
    /// it is awaited. Shorthand for [`traced`](Self::traced) and [`Call::in_span`].
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Component, Traceable as _};
    ///
    /// let planner = Component::agent("Planner");
    /// assert_eq!(planner.in_span("run", || "a plan"), "a plan");
    /// let later = planner.in_span("run", async { "another plan" });
    /// # drop(later);
    /// ```
    #[inline]
    fn in_span<W, Mode, UseTryInSpanForResults>(
        &self,
        method: impl Into<Key>,
        work: W,
    ) -> W::Traced<Plain<Call<'_, Self>>>
    where
        Self: Sized,
        W: Work<Mode>,
        W::Value: PlainValue<UseTryInSpanForResults>,
    {
        self.traced(method).in_span(work)
    }

    /// Runs work that returns a `Result` in a span of `method`; an `Err` sets the span's status to
    /// error. Shorthand for [`traced`](Self::traced) and [`Call::try_in_span`].
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Component, Traceable as _};
    ///
    /// let parser = Component::tool("Parser");
    /// let parsed = parser.try_in_span("run", || "x".parse::<i32>()); // `in_span` does not compile here
    /// assert!(parsed.is_err()); // the span's status is `Error`
    /// ```
    #[inline]
    fn try_in_span<W, Mode, V, E, Via>(
        &self,
        method: impl Into<Key>,
        work: W,
    ) -> W::Traced<Fallible<Call<'_, Self>, Via>>
    where
        Self: Sized,
        W: Work<Mode, Value = Result<V, E>>,
        E: Failure<Via>,
    {
        self.traced(method).try_in_span(work)
    }

    /// Prepares a traced call of `method`; see [`Call`] for its options.
    #[inline]
    fn traced(&self, method: impl Into<Key>) -> Call<'_, Self>
    where
        Self: Sized,
    {
        Call::new(self, method.into())
    }

    /// Returns this component's innermost active span in this context. `None` if the span belongs to
    /// another thread and was only found as the parent of a span here: pass a
    /// [`Context`](crate::Context) to write to it.
    fn current_span(&self) -> Option<Span> {
        flow::peek(|current| {
            let innermost = current.innermost.local()?;
            let record = chain::innermost_of(innermost, self.component())?;
            record.stands_for().is_none().then(|| Shared::clone(record))
        })
        .flatten()
        .map(Span::of)
    }

    /// Returns the trace's id of this component's [current span](Traceable::current_span).
    fn trace_id(&self) -> Option<TraceId> {
        self.current_span().map(|span| span.trace_id())
    }

    /// Returns the id of this component's [current span](Traceable::current_span).
    fn span_id(&self) -> Option<SpanId> {
        self.current_span().map(|span| span.span_id())
    }

    /// Returns the parent's id of this component's [current span](Traceable::current_span).
    fn parent_span_id(&self) -> Option<SpanId> {
        self.current_span().and_then(|span| span.parent_id())
    }

    /// Returns whether a recorded span of this component is active in this context.
    fn is_traced(&self) -> bool {
        self.current_span().is_some_and(|span| span.is_sampled())
    }

    /// Returns this component's current span as a context: a parent for work elsewhere. Empty
    /// without one.
    fn trace_context(&self) -> Context {
        self.current_span().map_or_else(Context::empty, |span| Context::of_span(&span))
    }
}

impl Traceable for Component {
    fn component(&self) -> &Component {
        self
    }
}

impl Component {
    /// Binds the component to a parent. Where no context provides one, for example in a new thread,
    /// its spans become children of the parent's active span.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::Component;
    ///
    /// let pipeline = Component::pipeline("Report");
    /// let loader = Component::tool("Loader").with_parent(&pipeline);
    /// assert!(loader.parent().is_some_and(|parent| parent.is(&pipeline)));
    /// ```
    #[must_use]
    pub fn with_parent(self, parent: &(impl Traceable + ?Sized)) -> Self {
        self.bound_to(parent.component().clone())
    }
}

impl<T: Traceable + ?Sized> IntoParent for &T {
    fn into_parent(self) -> Parent {
        Parent::of_component(self.component())
    }
}

macro_rules! traceable_behind {
    ($($pointer:ty),*) => {$(
        impl<T: Traceable + ?Sized> Traceable for $pointer {
            fn component(&self) -> &Component {
                (**self).component()
            }
            fn span_attributes(&self, attributes: &mut Attributes) {
                (**self).span_attributes(attributes);
            }
            fn should_create_span(&self, call: &CallInfo<'_>) -> bool {
                (**self).should_create_span(call)
            }
        }
    )*};
}

traceable_behind!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);
