//! Spans that are started and finished manually.

use std::{
    fmt, thread,
    time::{Duration, SystemTime},
};

use crate::{
    call::{
        CallScope,
        outcome::{ErrorReport, Failure, PlainValue},
        work::{Fallible, Opens, Plain, Work},
    },
    context::Context,
    provider::OpenSpan,
    span::{
        Span, finish,
        head::Head,
        record::{Held, Shared},
    },
};
use raaf_trace_model::{
    Kind,
    attributes::{Attributes, IntoValue, Key},
    id::{SpanId, TraceId},
    keys,
    propagation::SpanContext,
    span::{Score, SpanBody, Status},
};

/// A span that ends at [`finish`](Self::finish), or when it is dropped.
///
/// It does not become current by itself: [`in_span`](Self::in_span) makes it current around
/// closures and futures. No guard exists that could be held over an await by mistake.
///
/// If tracing is disabled, the span exists but does nothing.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{Status, tracer};
///
/// let span = tracer().start_span("import.orders");
/// span.set_attribute("orders.count", 3);
/// span.in_span(|| println!("importing"));
/// span.set_status(Status::Ok);
/// span.finish();
/// ```
#[must_use = "a manual span ends when it is dropped"]
pub struct ManualSpan {
    span: Option<Span>,
    /// `true` if the cleaner knows the span.
    watched: bool,
}

impl ManualSpan {
    pub(crate) fn of(record: Option<Shared>) -> Self {
        Self { span: record.map(Span::of), watched: false }
    }

    /// Registers the span with the cleaner, since nothing else ends it for certain.
    pub(crate) fn watched(mut self) -> Self {
        if let Some(span) = &self.span {
            let Head { id, trace, .. } = span.record().head();
            if trace.sampled {
                self.watched = true;
                trace.provider.cleaner().watch(
                    &trace.provider,
                    *id,
                    Open(Shared::clone(span.record())),
                );
            }
        }
        self
    }

    /// Returns the handle for running code; `None` if the span is not recorded.
    pub fn span(&self) -> Option<&Span> {
        self.span.as_ref()
    }

    /// Returns whether the span is recorded.
    pub fn is_recording(&self) -> bool {
        self.span.as_ref().is_some_and(|span| span.is_sampled() && !span.has_ended())
    }

    /// Returns the span's id; `None` if the span is not recorded.
    pub fn span_id(&self) -> Option<SpanId> {
        self.span.as_ref().map(Span::span_id)
    }

    /// Returns the trace's id; `None` if the span is not recorded.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.span.as_ref().map(Span::trace_id)
    }

    /// Returns the parent's id; `None` for a root, and if the span is not recorded.
    pub fn parent_id(&self) -> Option<SpanId> {
        self.span.as_ref().and_then(Span::parent_id)
    }

    /// Returns this span as a context: a parent for work elsewhere.
    pub fn context(&self) -> Context {
        self.span.as_ref().map_or_else(Context::current, Context::of_span)
    }

    /// Runs work that returns a plain value with this span as the current one: a closure at once, a
    /// future at each poll. A panic sets the status to error and propagates. The span does not end.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{current_span, tracer};
    ///
    /// # use raaf_trace_core::{MemoryExporter, TracerProvider};
    /// # let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// # provider.run(|| {
    /// let import = tracer().start_span("import");
    /// assert!(current_span().is_none()); // starting a span does not make it current
    /// import.in_span(|| assert_eq!(current_span().map(|span| span.span_id()), import.span_id()));
    /// import.finish(); // `in_span` has not ended it
    /// # });
    /// ```
    pub fn in_span<W, Mode, UseTryInSpanForResults>(&self, work: W) -> W::Traced<Plain<Lent>>
    where
        W: Work<Mode>,
        W::Value: PlainValue<UseTryInSpanForResults>,
    {
        work.run_in(Plain(self.lend()))
    }

    /// Runs work that returns a `Result`, like [`in_span`](Self::in_span). An `Err` becomes the
    /// error of the span.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, Status, TracerProvider, sink::SimpleProcessor};
    ///
    /// let memory = MemoryExporter::new();
    /// let provider =
    ///     TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    /// let import = provider.tracer().start_span("import");
    /// assert!(import.try_in_span(|| "x".parse::<i32>()).is_err());
    /// import.finish();
    /// assert_eq!(memory.spans()[0].status(), Status::Error);
    /// ```
    pub fn try_in_span<W, Mode, V, E, Via>(&self, work: W) -> W::Traced<Fallible<Lent, Via>>
    where
        W: Work<Mode, Value = Result<V, E>>,
        E: Failure<Via>,
    {
        work.run_in(Fallible::new(self.lend()))
    }

    fn lend(&self) -> Lent {
        Lent(self.span.as_ref().map(|span| Shared::clone(span.record())))
    }

    /// Sets an attribute. `success`, `error` and `error.*` set the status instead, for
    /// compatibility with older conventions.
    pub fn set_attribute(&self, key: impl Into<Key>, value: impl IntoValue) -> &Self {
        let (Some(span), key) = (&self.span, key.into()) else { return self };
        let Some(value) = value.into_value() else { return self };
        match &*key {
            keys::SUCCESS => {
                let status = if value.as_ref().as_bool() == Some(false) {
                    Status::Error
                } else {
                    Status::Ok
                };
                self.set_status(status);
            }
            // OpenTracing's flag `error`, of which only `true` has a meaning.
            "error" if value.as_ref().as_bool() == Some(false) => {}
            "error" if value.as_ref().as_bool() == Some(true) => {
                self.set_status(Status::Error);
            }
            "error" | keys::ERROR_MESSAGE => {
                self.fail(&ErrorReport::from_message("error", value.as_ref().to_string()));
            }
            key if key.starts_with("error.") => {
                self.set_status(Status::Error);
            }
            _ => {
                span.set_attribute(key, value);
            }
        }
        self
    }

    /// Sets a content attribute: text by a user or a model.
    pub fn set_content(&self, key: impl Into<Key>, value: impl IntoValue) -> &Self {
        self.with_span(|span| span.set_content(key, value))
    }

    /// Adds an event at the current time.
    pub fn add_event(&self, name: impl Into<Key>, set: impl FnOnce(&mut Attributes)) -> &Self {
        self.with_span(|span| span.add_event(name, set))
    }

    /// Adds a link to another span with the attributes that `set` sets.
    pub fn add_link(&self, context: SpanContext, set: impl FnOnce(&mut Attributes)) -> &Self {
        self.with_span(|span| span.add_link(context, set))
    }

    /// Adds an evaluation of the span's output; see [`Span::add_score`].
    pub fn add_score(&self, score: Score) -> &Self {
        self.with_span(|span| span.add_score(score))
    }

    /// Sets the component's kind; see [`Span::set_kind`].
    pub fn set_kind(&self, kind: impl Into<Kind>) -> &Self {
        self.with_span(|span| span.set_kind(kind))
    }

    /// Sets the component's name; see [`Span::set_kind`].
    pub fn set_component_name(&self, name: impl AsRef<str>) -> &Self {
        self.with_span(|span| span.set_component_name(name))
    }

    /// Sets the method; see [`Span::set_kind`].
    pub fn set_method(&self, method: impl Into<Key>) -> &Self {
        self.with_span(|span| span.set_method(method))
    }

    /// Sets the span's name; see [`Span::set_name`].
    pub fn set_name(&self, name: impl Into<Key>) -> &Self {
        self.with_span(|span| span.set_name(name))
    }

    fn with_span(&self, change: impl FnOnce(&Span) -> &Span) -> &Self {
        if let Some(span) = &self.span {
            change(span);
        }
        self
    }

    /// Sets the status. The last call counts; without one the span ends as [`Status::Unset`].
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, Status, TracerProvider, sink::SimpleProcessor};
    ///
    /// let memory = MemoryExporter::new();
    /// let provider =
    ///     TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    /// provider.tracer().start_span("forgotten").finish();
    /// provider.tracer().start_span("done").set_status(Status::Ok).finish();
    /// let status: Vec<_> = memory.spans().iter().map(|span| span.status()).collect();
    /// assert_eq!(status, [Status::Unset, Status::Ok]);
    /// ```
    pub fn set_status(&self, status: Status) -> &Self {
        self.change(|body, _| body.status = status)
    }

    /// Records `error` as the span's error: status, `error.*` and an `exception` event.
    pub fn record_error<Via>(&self, error: &impl Failure<Via>) -> &Self {
        if self.is_recording() {
            self.fail(&error.report());
        }
        self
    }

    /// Sets the span's error, and its status to error, without an `exception` event; see
    /// [`ErrorReport::add_to`].
    pub fn set_error(&self, error: &ErrorReport) -> &Self {
        self.change(|body, head| error.fail(body, head.trace.limits, None))
    }

    /// Ends the span. Further calls are counted and otherwise ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, TracerProvider, sink::SimpleProcessor};
    ///
    /// let memory = MemoryExporter::new();
    /// let provider =
    ///     TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    /// let span = provider.tracer().start_span("import");
    /// span.finish();
    /// span.set_attribute("orders", 3); // too late: ignored
    /// span.finish(); // ignored
    /// drop(provider.tracer().start_span("dropped")); // dropping finishes a span, too
    /// assert_eq!(memory.len(), 2);
    /// assert!(memory.spans()[0].attributes().get("orders").is_none());
    /// ```
    pub fn finish(&self) {
        self.finish_with(|_| {});
    }

    /// Ends the span at `time`, for work that ended before this call; a time before the start becomes
    /// the start. Further calls are counted and otherwise ignored.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use raaf_trace_core::{MemoryExporter, TracerProvider, sink::SimpleProcessor};
    ///
    /// let memory = MemoryExporter::new();
    /// let provider =
    ///     TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    /// let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    /// let span = provider.tracer().span("import").start_time(start).start();
    /// span.finish_at(start + Duration::from_secs(2));
    /// assert_eq!(memory.spans()[0].duration(), Duration::from_secs(2));
    /// ```
    pub fn finish_at(&self, time: SystemTime) {
        self.finish_with(|body| body.extras_mut().changes.end = Some(time.into()));
    }

    /// Sets the end to the current time. The span remains open: [`finish`](Self::finish) delivers it
    /// with the end that was set last. For bridges, where work that may be the last ends before it is
    /// known that nothing follows.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, TracerProvider, sink::SimpleProcessor};
    ///
    /// let memory = MemoryExporter::new();
    /// let provider =
    ///     TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    /// let span = provider.tracer().start_span("import");
    /// span.mark_end();
    /// let inner = provider.tracer().start_span("later");
    /// span.finish();
    /// inner.finish();
    /// let [import, later] = &memory.spans()[..] else { panic!("two spans") };
    /// assert!(import.end_time() <= later.start_time());
    /// ```
    pub fn mark_end(&self) -> &Self {
        if let Some(span) = &self.span {
            span.record().mark_end();
        }
        self
    }

    fn finish_with(&self, how: impl FnOnce(&mut SpanBody)) {
        if let Some(span) = &self.span {
            self.finish_record(Shared::clone(span.record()), how);
        }
    }

    fn finish_record(&self, record: Shared, how: impl FnOnce(&mut SpanBody)) {
        if self.watched {
            let Head { id, trace, .. } = record.head();
            trace.provider.cleaner().forget(*id);
        }
        let end = record.marked_end();
        finish::finish_record(record, end, how);
    }

    fn fail(&self, error: &ErrorReport) -> &Self {
        self.change(|body, head| error.fail(body, head.trace.limits, Some(&head.trace)))
    }

    fn change(&self, change: impl FnOnce(&mut SpanBody, &Head)) -> &Self {
        if let Some(span) = &self.span {
            let head = span.record().head();
            span.record().with_body(|body| change(body, head));
        }
        self
    }
}

/// A manual span that work runs in.
#[doc(hidden)]
#[derive(Debug)]
pub struct Lent(Option<Shared>);

impl Opens for Lent {
    type Hook = ();

    fn open(self) -> (CallScope, ()) {
        (CallScope::lent(self.0), ())
    }
}

impl Drop for ManualSpan {
    fn drop(&mut self) {
        if self.span.as_ref().is_none_or(Span::has_ended) {
            return;
        }
        if thread::panicking() {
            self.change(|body, head| {
                if body.status == Status::Unset {
                    ErrorReport::from_message("panic", "dropped by a panic").fail(
                        body,
                        head.trace.limits,
                        Some(&head.trace),
                    );
                }
            });
        }
        if let Some(span) = self.span.take() {
            // Without a further handle, which the end of a span that nobody else has needs no lock for.
            self.finish_record(span.into_record(), |_| {});
        }
    }
}

impl fmt::Debug for ManualSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManualSpan").field(&self.span).finish()
    }
}

/// An open manual span in the cleaner.
#[derive(Debug)]
struct Open(Shared);

impl OpenSpan for Open {
    fn age(&self) -> Option<Duration> {
        if self.0.has_ended() {
            return None;
        }
        let Head { trace, start, .. } = self.0.head();
        let clock = trace.provider.clock();
        Some(clock.between(*start, clock.now()))
    }

    fn end_stale(self: Box<Self>) {
        if !self.0.has_ended() {
            finish::finish(Held::Shared(self.0), |body| body.status = Status::Stale);
        }
    }
}
