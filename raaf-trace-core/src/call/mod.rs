//! Traced calls: their options, the decision about a span, and their run.

mod hooks;
mod info;
pub(crate) mod manual;
mod open;
pub(crate) mod outcome;
mod scope;
mod stream;
#[cfg(feature = "tokio")]
pub mod task;
mod template;
pub(crate) mod traceable;
pub(crate) mod tracer;
pub(crate) mod work;
pub(crate) mod workflow;

use crate::{
    base::{gate, suppress},
    call::work::{Fallible, Opens, Plain},
    context::parent::IntoParent,
};
use hooks::Then;
pub use hooks::{LazyAttributes, ResultHook};
pub use info::CallInfo;
use info::Extras;
pub use manual::ManualSpan;
use open::{Given, Join, Wishes};
pub use outcome::{
    ErrorReport, ErrorType, Failure, KnownErrorType, Outcome, PlainValue, looks_like_result,
    plain_value, via,
};
use raaf_trace_model::attributes::{Attributes, IntoValue, Key};
pub use scope::{CallScope, LocalScope};
pub use stream::{TracedIter, TracedStream};
pub use template::SpanTemplate;
pub use traceable::Traceable;
pub use tracer::{SpanBuilder, Tracer, tracer};
pub use work::{Async, Blocking, InSpan, Work};
pub use workflow::{Workflow, trace};

/// A traced call in preparation; see [`Traceable::traced`].
///
/// No span starts until [`in_span`](Call::in_span), for work that returns a plain value, or
/// [`try_in_span`](Call::try_in_span), for work that returns a `Result`. Both take a closure, which
/// runs at once, or a future. The attribute [`traced`](macro@crate::traced) and
/// [`traced_block!`](crate::traced_block) select the right one automatically; prefer them where
/// they fit.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{Component, Traceable as _};
///
/// let indexer = Component::new("Indexer").with_kind("processor");
/// let words = indexer
///     .traced("count")
///     .with("unit", "words")
///     .in_span(|| "to be or not to be".split(' ').count());
/// assert_eq!(words, 6);
/// ```
#[derive(Debug)]
#[must_use = "a traced call does nothing until it is given work"]
pub struct Call<'a, T: Traceable + ?Sized, L = (), R = ()> {
    traceable: &'a T,
    given: Given,
    lazy: L,
    on_result: R,
    enabled: bool,
}

impl<'a, T: Traceable + ?Sized> Call<'a, T> {
    #[inline]
    pub(crate) fn new(traceable: &'a T, method: Key) -> Self {
        Self {
            traceable,
            given: Given { method, extras: Extras::default(), wishes: Wishes::NONE },
            lazy: (),
            on_result: (),
            enabled: gate::is_open() && !suppress::active(),
        }
    }
}

impl<'a, T: Traceable + ?Sized, L, R> Call<'a, T, L, R> {
    /// Returns whether tracing is enabled. If not, metadata need not be computed.
    #[inline]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Adds an attribute that is known now. [`CallInfo`] passes it to the decision about a span.
    #[inline]
    pub fn with(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        if self.enabled {
            self.given.extras.add(key.into(), value.into_value(), false);
        }
        self
    }

    /// Adds a content attribute: prompts, completions, arguments and results of tools. Content has
    /// a larger limit than [`with`](Self::with), and is left out where sensitive data is.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{
    ///     Component, MemoryExporter, Traceable as _, TracerProvider, sink::SimpleProcessor,
    /// };
    ///
    /// let memory = MemoryExporter::new();
    /// let provider = TracerProvider::builder()
    ///     .with(SimpleProcessor::new(memory.clone()))
    ///     .include_sensitive_data(false)
    ///     .build();
    /// let search = Component::tool("Search");
    /// provider.run(|| {
    ///     search.traced("run").with("limit", 3).with_content("query", "my illness").in_span(|| ());
    /// });
    /// let span = &memory.spans()[0];
    /// assert!(span.attributes().get("query").is_none()); // `with` would have recorded it
    /// assert_eq!(span.losses().content_left_out, 1);
    /// ```
    #[inline]
    pub fn with_content(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        if self.enabled {
            self.given.extras.add(key.into(), value.into_value(), true);
        }
        self
    }

    /// Adds attributes that are computed only if a span is created.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Component, Traceable as _};
    ///
    /// let planner = Component::agent("Planner");
    /// planner
    ///     .traced("run")
    ///     .with_attributes(|attributes| {
    ///         attributes.set("plan.size", (1..1_000).filter(|n| n % 7 == 0).count());
    ///     })
    ///     .in_span(|| ());
    /// ```
    #[inline]
    pub fn with_attributes<F>(self, attributes: F) -> Call<'a, T, Then<L, F>, R>
    where
        F: FnOnce(&mut Attributes),
    {
        self.map_lazy(|lazy| Then(lazy, attributes))
    }

    /// Sets the parent: a component, a span, or a captured or remote context.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    /// use raaf_trace_core::{Component, Context, Traceable as _, is_traced, trace};
    ///
    /// # use raaf_trace_core::{MemoryExporter, TracerProvider};
    /// # let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// # provider.run(|| {
    /// trace("request").in_span(|| {
    ///     let context = Context::current();
    ///     let worker = thread::spawn(move || {
    ///         Component::tool("Search").traced("run").parent(&context).in_span(is_traced)
    ///     });
    ///     assert_eq!(worker.join().ok(), Some(is_traced()));
    /// });
    /// # });
    /// ```
    #[inline]
    pub fn parent(mut self, parent: impl IntoParent) -> Self {
        if self.enabled {
            self.given.extras.set_parent(parent.into_parent());
        }
        self
    }

    /// Skips the span if `skip` is `true`: the work runs, and spans inside become children of the
    /// enclosing one. The component's own decision takes precedence.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Component, Traceable as _};
    ///
    /// let cache = Component::new("Cache");
    /// let value = cache.traced("load").skip_if(true).in_span(|| 7); // runs without a span
    /// assert_eq!(value, 7);
    /// ```
    #[inline]
    pub fn skip_if(mut self, skip: bool) -> Self {
        self.given.wishes.skip |= skip;
        self
    }

    /// Reuses the innermost active span if it belongs to this component, even if method and
    /// attributes differ.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{
    ///     Component, MemoryExporter, Traceable as _, TracerProvider, sink::SimpleProcessor,
    /// };
    ///
    /// let memory = MemoryExporter::new();
    /// let provider =
    ///     TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    /// let parser = Component::tool("Parser");
    /// provider.run(|| {
    ///     parser.traced("run").in_span(|| {
    ///         parser.traced("tokens").reuse().with("tokens", 5).in_span(|| ());
    ///     });
    /// });
    /// let spans = memory.spans();
    /// assert_eq!(spans.len(), 1); // without `reuse` there would be two
    /// assert_eq!(spans[0].method(), "run");
    /// assert_eq!(spans[0].attributes().get("tokens"), Some(5.into()));
    /// ```
    #[inline]
    pub fn reuse(mut self) -> Self {
        self.given.wishes.join = Join::Always;
        self
    }

    /// Creates a new span, even where the call would reuse the enclosing span because both have the
    /// same component, method and attributes. Shows each step of a recursion.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Component, Traceable as _};
    ///
    /// fn countdown(clock: &Component, from: u32) {
    ///     clock.traced("tick").fresh().in_span(|| if from > 0 { countdown(clock, from - 1) });
    /// }
    /// countdown(&Component::tool("Clock"), 3); // four spans, one within the other
    /// ```
    #[inline]
    pub fn fresh(mut self) -> Self {
        self.given.wishes.join = Join::Never;
        self
    }

    /// Sets whether content is recorded in this span and in what runs within it; see
    /// [`Workflow::include_sensitive_data`](crate::Workflow::include_sensitive_data). A call
    /// without content creates a span of its own rather than reuse one with content.
    #[inline]
    pub fn include_sensitive_data(mut self, include: bool) -> Self {
        self.given.wishes.include_content = include;
        self
    }

    /// Adds attributes computed from the returned value (of a `Result`, from the `Ok` value).
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Component, Traceable as _};
    ///
    /// Component::tool("Search")
    ///     .traced("search")
    ///     .on_result(|hits: &Vec<&str>, attributes| {
    ///         attributes.set("result.items_found", hits.len());
    ///     })
    ///     .in_span(|| vec!["a", "b"]);
    /// ```
    #[inline]
    pub fn on_result<V: ?Sized, F>(self, hook: F) -> Call<'a, T, L, hooks::OnResult<F, V>>
    where
        F: FnOnce(&V, &mut Attributes),
    {
        self.map_result(|_| hooks::OnResult::new(hook))
    }

    fn map_lazy<L2>(self, map: impl FnOnce(L) -> L2) -> Call<'a, T, L2, R> {
        let Self { traceable, given, lazy, on_result, enabled } = self;
        let lazy = map(lazy);
        Call { traceable, given, lazy, on_result, enabled }
    }

    fn map_result<R2>(self, map: impl FnOnce(R) -> R2) -> Call<'a, T, L, R2> {
        let Self { traceable, given, lazy, on_result, enabled } = self;
        let on_result = map(on_result);
        Call { traceable, given, lazy, on_result, enabled }
    }
}

impl<T: Traceable + ?Sized, L: LazyAttributes, R> Call<'_, T, L, R> {
    /// Decides whether to create a span, and opens it. Nothing is moved that was just written.
    #[inline]
    fn open<const IS_LOCAL: bool>(mut self, scope: &mut CallScope) -> R {
        if self.enabled {
            open::open::<IS_LOCAL, _, _>(self.traceable, &mut self.given, self.lazy, scope);
        }
        self.given.extras.discard();
        self.on_result
    }

    /// Runs work that returns a plain value in the span. Returns the value of a closure, or a
    /// future of the value of a future.
    ///
    /// The span of a future starts at its first poll. A future that is never polled creates none;
    /// one that is dropped before it completes ends the span as cancelled.
    ///
    /// The compiler rejects a `Result` ("type annotations needed", with a note that names
    /// `ResultNeedsTryInSpan`): use [`try_in_span`](Self::try_in_span). In generic code a type
    /// parameter can hide a `Result`. The status then stays unset, since the outcome is unknown,
    /// and debug builds warn.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Component, Traceable as _};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let planner = Component::agent("Planner");
    /// assert_eq!(planner.traced("run").with("n", 1).in_span(|| 1 + 1), 2);
    /// assert_eq!(planner.traced("run").with("n", 2).in_span(async { 2 + 2 }).await, 4);
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn in_span<W, Mode, UseTryInSpanForResults>(self, work: W) -> W::Traced<Plain<Self>>
    where
        W: Work<Mode>,
        W::Value: PlainValue<UseTryInSpanForResults>,
        R: ResultHook<W::Value>,
    {
        work.run_in(Plain(self))
    }

    /// Runs work that returns a `Result` in the span. An `Err` sets the span's status to error.
    /// Returns the `Result` unchanged.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Component, Traceable as _};
    ///
    /// let parser = Component::tool("Parser");
    /// let parsed = parser.traced("run").with("radix", 10).try_in_span(|| "x".parse::<i32>());
    /// assert!(parsed.is_err()); // the span's status is `Error`
    /// ```
    #[inline]
    pub fn try_in_span<W, Mode, V, E, Via>(self, work: W) -> W::Traced<Fallible<Self, Via>>
    where
        W: Work<Mode, Value = Result<V, E>>,
        E: Failure<Via>,
        R: ResultHook<V>,
    {
        work.run_in(Fallible::new(self))
    }

    /// Decides and opens the span, and returns the hook for the result. Used by the macros.
    #[doc(hidden)]
    #[inline]
    pub fn enter_with_hook(self) -> (CallScope, R) {
        let mut scope = CallScope::none();
        let hook = self.open::<false>(&mut scope);
        (scope, hook)
    }

    /// Decides and opens the span. Used by the macros, which run the work.
    #[doc(hidden)]
    #[inline]
    pub fn enter(self) -> CallScope {
        self.enter_with_hook().0
    }

    /// Does the same as [`enter_with_hook`](Self::enter_with_hook) for synchronous work.
    #[doc(hidden)]
    #[inline]
    pub fn enter_local_with_hook(self) -> (LocalScope, R) {
        let mut scope = LocalScope::none();
        let hook = self.open::<true>(&mut scope);
        (scope, hook)
    }

    /// Does the same as [`enter`](Self::enter) for synchronous work.
    #[doc(hidden)]
    #[inline]
    pub fn enter_local(self) -> LocalScope {
        self.enter_local_with_hook().0
    }
}

impl<T: Traceable + ?Sized, L: LazyAttributes, R> Opens for Call<'_, T, L, R> {
    type Hook = R;

    #[inline]
    fn is_off(&self) -> bool {
        !self.enabled
    }

    #[inline]
    fn open(self) -> (CallScope, R) {
        self.enter_with_hook()
    }

    #[inline]
    fn open_local(self, scope: &mut LocalScope) -> R {
        self.open::<true>(scope)
    }
}

/// Accepts a prepared call, with a clear compile error for other types. Used by the macros.
#[doc(hidden)]
#[inline]
pub fn prepared<T: Traceable + ?Sized, L, R>(call: Call<'_, T, L, R>) -> Call<'_, T, L, R> {
    call
}

/// Passes the result to the hook of a prepared call. Used by the macros.
#[doc(hidden)]
#[inline]
pub fn look_at<V>(hook: impl ResultHook<V>, value: &V, attributes: &mut Attributes) {
    hook.look_at(value, attributes);
}

/// Prepares a call. Used by the macros.
#[doc(hidden)]
#[inline]
pub fn begin<'a, T: Traceable + ?Sized>(traceable: &'a T, method: &'static str) -> Call<'a, T> {
    Call::new(traceable, Key::from_static(method))
}

/// Clones what `self` refers to, for a `'static` future. Used by the macros.
#[doc(hidden)]
#[inline]
pub fn owned<T: KeptByStaticFuture>(value: &T) -> T {
    value.clone()
}

#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`#[traced]` cannot keep `{Self}` in this `'static` future: it does not implement `Clone`",
    note = "add `+ '_` to the returned type if the future may borrow `self`",
    note = "or implement `Clone`, or write `#[traced(component = component)]` and clone the component before the future"
)]
pub trait KeptByStaticFuture: Clone {}

#[diagnostic::do_not_recommend]
impl<T: Clone> KeptByStaticFuture for T {}
