//! Manual spans, for code without a component.

use std::{sync::Arc, time::SystemTime};

use smol_str::SmolStr;

use crate::{
    base::{gate, suppress},
    call::{
        CallScope,
        manual::ManualSpan,
        outcome::{Failure, PlainValue},
        work::{Fallible, Opens, Plain, Work},
    },
    component::Component,
    context::{
        Context,
        current::{Home, Innermost},
        flow,
        parent::{IntoParent, Parent},
    },
    provider::TracerProvider,
    span::{
        origin::{self, Origin},
        record::{Held, Shared},
        start,
    },
};
use raaf_trace_model::{
    Kind,
    attributes::{Attributes, IntoValue, Key, SpanLimits},
    id::{SpanId, TraceId},
    keys,
    propagation::SpanContext,
    span::{Link, Score, SpanExtras, Status},
};

/// Creates manual spans. They are part of the same trees as traced calls: each is a child of the
/// current span, and can become current itself.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::tracer;
///
/// let plan = tracer().agent_span("Planner").with("agent.model", "gpt-4").in_span(|| "a plan");
/// assert_eq!(plan, "a plan");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tracer {
    provider: Option<TracerProvider>,
}

impl TracerProvider {
    /// Returns a tracer for manual spans of this provider.
    pub fn tracer(&self) -> Tracer {
        Tracer::new(Some(self.clone()))
    }
}

/// Returns a tracer for the provider of the current context, or the global one.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{MemoryExporter, TracerProvider, sink::SimpleProcessor, tracer};
///
/// let memory = MemoryExporter::new();
/// let provider =
///     TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
/// let global = tracer(); // outside of `provider.run`: not the provider above
/// provider.run(|| {
///     global.start_span("elsewhere").finish();
///     tracer().start_span("here").finish();
/// });
/// assert_eq!(memory.spans().last().map(|span| span.name().into_owned()).as_deref(), Some("here"));
/// ```
pub fn tracer() -> Tracer {
    Tracer::default()
}

macro_rules! typed_spans {
    ($($(#[$doc:meta])* $name:ident => $kind:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name(&self, name: impl AsRef<str>) -> SpanBuilder {
            self.typed($kind, name.as_ref())
        }
    )*};
}

impl Tracer {
    pub(crate) fn new(provider: Option<TracerProvider>) -> Self {
        Self { provider }
    }

    pub(super) fn provider(&self) -> Option<&TracerProvider> {
        self.provider.as_ref()
    }

    /// Starts a span of kind `custom` with exactly that name.
    pub fn start_span(&self, name: impl Into<Key>) -> ManualSpan {
        self.span(name).start()
    }

    /// Prepares a span of kind `custom` with exactly that name.
    pub fn span(&self, name: impl Into<Key>) -> SpanBuilder {
        let name = name.into();
        let mut builder = self.typed(Kind::Custom, &name);
        builder.name = Some(name);
        builder
    }

    typed_spans! {
        /// Prepares a span of an agent run.
        agent_span => Kind::Agent;
        /// Prepares a span of a pipeline run.
        pipeline_span => Kind::Pipeline;
        /// Prepares a span of a tool call.
        tool_span => Kind::Tool;
        /// Prepares a span of a model call; the name is the model's.
        llm_span => Kind::Llm;
        /// Prepares a span of a guardrail's check.
        guardrail_span => Kind::Guardrail;
        /// Prepares a span of listing an MCP server's tools; the name is the server's.
        mcp_list_tools_span => Kind::McpListTools;
        /// Prepares a span of a group of speech syntheses.
        speech_group_span => Kind::SpeechGroup;
        /// Prepares a span of a speech synthesis; the name is the model's.
        speech_span => Kind::Speech;
        /// Prepares a span of a transcription; the name is the model's.
        transcription_span => Kind::Transcription;
        /// Prepares a span of kind `custom`.
        custom_span => Kind::Custom;
    }

    /// Prepares a span of a model's response with that id.
    pub fn response_span(&self, id: impl AsRef<str>) -> SpanBuilder {
        let id = id.as_ref();
        self.typed(Kind::Response, id).with(keys::GEN_AI_RESPONSE_ID, id)
    }

    /// Prepares a span of a hand-off from one agent to another.
    pub fn handoff_span(&self, from: impl IntoValue, to: impl AsRef<str>) -> SpanBuilder {
        let to = to.as_ref();
        self.typed(Kind::Handoff, to).with(keys::HANDOFF_FROM, from).with(keys::HANDOFF_TO, to)
    }

    /// Prepares a span of an outgoing HTTP request.
    pub fn http_span(&self, method: impl AsRef<str>, url: impl IntoValue) -> SpanBuilder {
        let method = method.as_ref();
        self.typed(Kind::Custom, method).with(keys::HTTP_METHOD, method).with(keys::URL, url)
    }

    /// Records a score of a span that has ended, or that runs elsewhere: as a short span of kind
    /// `evaluator`, named after the score, with a link to the scored span.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{span::Score, tracer};
    ///
    /// let span = tracer().start_span("answer");
    /// let scored = span.span().map(|span| span.span_context());
    /// span.finish();
    ///
    /// // Later, when a person has read the answer:
    /// if let Some(scored) = scored {
    ///     tracer().score(scored, Score::new("helpfulness").label("good"));
    /// }
    /// ```
    pub fn score(&self, scored: SpanContext, score: Score) {
        let builder = self.typed(Kind::from("evaluator"), score.name()).link(scored, |_| {});
        let span = builder.start();
        span.add_score(score);
        span.set_status(Status::Ok);
        span.finish();
    }

    fn typed(&self, kind: Kind, name: &str) -> SpanBuilder {
        SpanBuilder {
            provider: self.provider.clone(),
            kind,
            component: SmolStr::new(name),
            method: Key::from("run"),
            name: None,
            parent: None,
            trace_id: None,
            span_id: None,
            include_content: true,
            attributes: Attributes::with_limits(SpanLimits::UNLIMITED),
            links: Vec::new(),
            start_time: None,
        }
    }
}

/// Builder for a manual span.
#[derive(Debug)]
#[must_use = "a prepared span does nothing until it is started"]
pub struct SpanBuilder {
    provider: Option<TracerProvider>,
    kind: Kind,
    component: SmolStr,
    method: Key,
    name: Option<Key>,
    parent: Option<Parent>,
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
    include_content: bool,
    attributes: Attributes,
    links: Vec<Link>,
    start_time: Option<SystemTime>,
}

impl SpanBuilder {
    /// Sets the kind of its component.
    pub fn kind(mut self, kind: impl Into<Kind>) -> Self {
        self.kind = kind.into();
        self
    }

    /// Sets the component's name. A string of the program's text is not copied.
    pub fn component_name(mut self, name: impl Into<Key>) -> Self {
        let name = name.into();
        self.component = match name.as_static() {
            Some(name) => SmolStr::new_static(name),
            None => SmolStr::new(&*name),
        };
        self
    }

    /// Sets the method, which is part of the name unless the name was given.
    pub fn method(mut self, method: impl Into<Key>) -> Self {
        self.method = method.into();
        self
    }

    /// Adds an attribute.
    pub fn with(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.attributes.set(key, value);
        self
    }

    /// Adds a link to another span with the attributes that `set` sets.
    pub fn link(mut self, context: SpanContext, set: impl FnOnce(&mut Attributes)) -> Self {
        let mut attributes = Attributes::with_limits(SpanLimits::UNLIMITED);
        set(&mut attributes);
        self.links.push(Link::new(context, attributes));
        self
    }

    /// Sets the start time, for work that began before the span was created; by default, the time
    /// of [`start`](Self::start).
    pub fn start_time(mut self, time: SystemTime) -> Self {
        self.start_time = Some(time);
        self
    }

    /// Sets the parent: a component, a span, or a captured or remote context.
    pub fn parent(mut self, parent: impl IntoParent) -> Self {
        self.parent = Some(parent.into_parent());
        self
    }

    /// Sets the trace. The span is a root unless a parent is set, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, TraceId, TracerProvider};
    ///
    /// let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// let id = TraceId::random();
    /// let first = provider.tracer().span("first").trace_id(id).start();
    /// let second = provider.tracer().span("second").trace_id(id).start();
    /// assert_eq!((first.parent_id(), second.parent_id()), (None, None)); // two roots of one trace
    /// ```
    pub fn trace_id(mut self, trace: TraceId) -> Self {
        self.trace_id = Some(trace);
        self
    }

    /// Sets the id of the span itself, for a span that others already have as their parent: the root of
    /// work that several processes do one after the other, and the last one records. An id must be
    /// unique within its trace.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{
    ///     MemoryExporter, SpanId, TraceId, TracerProvider, propagation::SpanContext, sink::SimpleProcessor,
    /// };
    ///
    /// let memory = MemoryExporter::new();
    /// let provider =
    ///     TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    /// let (trace, root) = (TraceId::random(), SpanId::random());
    /// let job = SpanContext::new(trace, root);
    /// provider.tracer().span("part").remote_parent(job).start().finish();
    /// provider.tracer().span("job").trace_id(trace).span_id(root).start().finish();
    /// let [part, job] = &memory.spans()[..] else { panic!("two spans") };
    /// assert_eq!(part.parent_id(), Some(job.span_id()));
    /// ```
    pub fn span_id(mut self, id: SpanId) -> Self {
        self.span_id = Some(id);
        self
    }

    /// Sets the parent by its ids, in this process or another.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, SpanId, TraceId, TracerProvider, propagation::SpanContext};
    ///
    /// let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// let parent = SpanContext::new(TraceId::random(), SpanId::random());
    /// let span = provider.tracer().span("continued").remote_parent(parent.clone()).start();
    /// assert_eq!(span.trace_id(), Some(parent.trace_id()));
    /// assert_eq!(span.parent_id(), parent.span_id());
    /// ```
    pub fn remote_parent(self, parent: SpanContext) -> Self {
        self.parent(Context::remote(parent))
    }

    /// Sets whether content is recorded in the span and in what runs within it; see
    /// [`Workflow::include_sensitive_data`](crate::Workflow::include_sensitive_data).
    pub fn include_sensitive_data(mut self, include: bool) -> Self {
        self.include_content = include;
        self
    }

    /// Starts the span. It does not become current.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{current_span, tracer};
    ///
    /// # use raaf_trace_core::{MemoryExporter, TracerProvider};
    /// # let provider = TracerProvider::builder().with(MemoryExporter::new()).build();
    /// # provider.run(|| {
    /// let span = tracer().agent_span("Planner").start();
    /// assert!(current_span().is_none()); // see `ManualSpan::in_span`
    /// span.finish(); // otherwise it ends when it is dropped
    /// # });
    /// ```
    pub fn start(self) -> ManualSpan {
        ManualSpan::of(self.begin()).watched()
    }

    /// Starts the span like [`start`](Self::start), with the attributes that `set` sets. Does not
    /// call `set` for a span that is not recorded.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::tracer;
    ///
    /// let question = "How many legs has an ant?";
    /// let span = tracer().agent_span("Planner").start_with(|attributes| {
    ///     attributes.set_content("input", question);
    /// });
    /// span.finish();
    /// ```
    pub fn start_with(self, set: impl FnOnce(&mut Attributes)) -> ManualSpan {
        ManualSpan::of(self.begin_with(set)).watched()
    }

    /// Runs work that returns a plain value in the span: a closure at once, a future when it is
    /// awaited; see [`Call::in_span`](crate::call::Call::in_span). Inside,
    /// [`current_span`](crate::current_span) is this span. To set its status manually,
    /// [`start`](Self::start) it and use [`ManualSpan::in_span`].
    pub fn in_span<W, Mode, UseTryInSpanForResults>(self, work: W) -> W::Traced<Plain<Self>>
    where
        W: Work<Mode>,
        W::Value: PlainValue<UseTryInSpanForResults>,
    {
        work.run_in(Plain(self))
    }

    /// Runs work that returns a `Result` in the span; an `Err` sets the span's status to error.
    pub fn try_in_span<W, Mode, V, E, Via>(self, work: W) -> W::Traced<Fallible<Self, Via>>
    where
        W: Work<Mode, Value = Result<V, E>>,
        E: Failure<Via>,
    {
        work.run_in(Fallible::new(self))
    }

    fn begin(self) -> Option<Shared> {
        self.begin_with(|_| {})
    }

    fn begin_with(self, set: impl FnOnce(&mut Attributes)) -> Option<Shared> {
        if !gate::is_open() || suppress::active() {
            return None;
        }
        let mut current = flow::current();
        if let Some(provider) = &self.provider {
            // Not in the component: a queued span must not keep a provider handle alive.
            let home = Home::Inherited(Arc::clone(provider.inner()));
            current.change_rest(|rest| rest.home = Some(home));
        }
        if self.parent.is_none() && !origin::is_recorded(&current) {
            return None;
        }
        let component = Component::unlisted(self.kind, self.component);
        let root_of = |trace| Innermost::Remote(Arc::new(SpanContext::of_trace(trace)));
        let named = self.parent.and_then(|parent| parent.named(&current, &component, &self.method));
        let named = named.or_else(|| self.trace_id.map(|trace| root_of(trace).into()));
        let origin = Origin::find(&component, named, &current)?;
        let origin = origin.with_content(self.include_content).with_id(self.span_id);
        let extras = extras(self.links, self.start_time, origin.limits());
        Some(start::start(origin, component, self.method, self.name, extras, |attributes| {
            attributes.merge(self.attributes);
            set(attributes);
        }))
    }
}

impl Opens for SpanBuilder {
    type Hook = ();

    fn open(self) -> (CallScope, ()) {
        (CallScope::around(self.begin().map(Held::Shared)).without_type(), ())
    }
}

fn extras(
    links: Vec<Link>,
    start: Option<SystemTime>,
    limits: SpanLimits,
) -> Option<Box<SpanExtras>> {
    if links.is_empty() && start.is_none() {
        return None;
    }
    let mut extras = Box::<SpanExtras>::default();
    extras.changes.start = start.map(Into::into);
    for link in links {
        extras.add_link(limits, link);
    }
    Some(extras)
}
