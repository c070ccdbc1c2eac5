//! Component identity: name and kind.

mod active;
pub(crate) mod table;

use std::{
    fmt, mem,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use smol_str::SmolStr;

use crate::{
    base::process::PerProcess,
    context::published::{self, Seen},
    provider::TracerProvider,
    span::record::Shared,
};
use active::ActiveSpans;
use raaf_trace_model::{Kind, id::SpanId, naming::short_type_name, span::ComponentInfo};

/// Identity, kind and name of a traced value, and optionally the component it belongs to.
///
/// Two components that are created separately are different, even with the same name. A clone is
/// the same component: Rust code clones values to move them, and a clone that is sent to a thread
/// is still the same agent.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{Component, Kind};
///
/// let pipeline = Component::new("DataPipeline");
/// assert_eq!(*pipeline.kind(), Kind::Pipeline); // from the name's suffix
///
/// let loader = Component::new("CsvLoader").with_kind("processor").with_parent(&pipeline);
/// assert_eq!(loader.kind().as_str(), "processor");
/// assert!(loader.parent().is_some_and(|parent| parent.is(&pipeline)));
/// ```
#[derive(Clone)]
pub struct Component {
    inner: Arc<Inner>,
}

struct Inner {
    info: Arc<ComponentInfo>,
    /// Length of the longer of name and custom kind, which each span compares with its limit.
    longest_name: usize,
    parent: Option<Component>,
    provider: Option<TracerProvider>,
    active: PerProcess<ActiveSpans>,
    /// `true` once a thread had a span of it that only that thread knew.
    in_frames: AtomicBool,
    /// `false` for a component that nobody has a handle of, so that none can be bound to it.
    listed: bool,
}

fn longest_name(ComponentInfo { kind, name }: &ComponentInfo) -> usize {
    name.len().max(kind.custom_len())
}

impl Component {
    /// Creates a component with that name. The kind follows from the name's suffix (`…Agent`,
    /// `…Pipeline`, `…Runner`, `…Tool`, `…Job`), otherwise it is [`Kind::Component`].
    pub fn new(name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        Self::build(Kind::from_type_name(name), SmolStr::new(name))
    }

    /// Creates a component with the name of the type, without its path: `Component::of::<Self>()`.
    pub fn of<T: ?Sized>() -> Self {
        Self::new(short_type_name(std::any::type_name::<T>()))
    }

    /// Creates a component of kind `agent`.
    pub fn agent(name: impl AsRef<str>) -> Self {
        Self::build(Kind::Agent, SmolStr::new(name))
    }

    /// Creates a component of kind `pipeline`.
    pub fn pipeline(name: impl AsRef<str>) -> Self {
        Self::build(Kind::Pipeline, SmolStr::new(name))
    }

    /// Creates a component of kind `tool`.
    pub fn tool(name: impl AsRef<str>) -> Self {
        Self::build(Kind::Tool, SmolStr::new(name))
    }

    /// Creates a component of kind `runner`.
    pub fn runner(name: impl AsRef<str>) -> Self {
        Self::build(Kind::Runner, SmolStr::new(name))
    }

    fn build(kind: Kind, name: SmolStr) -> Self {
        Self::with_listing(kind, name, true)
    }

    /// Creates a component for spans alone: nobody gets a handle of it.
    pub(crate) fn unlisted(kind: Kind, name: SmolStr) -> Self {
        Self::with_listing(kind, name, false)
    }

    fn with_listing(kind: Kind, name: SmolStr, listed: bool) -> Self {
        let (parent, provider, active) = (None, None, PerProcess::default());
        let info = Arc::new(ComponentInfo { kind, name });
        let longest_name = longest_name(&info);
        Self {
            inner: Arc::new(Inner {
                info,
                longest_name,
                parent,
                provider,
                active,
                in_frames: AtomicBool::default(),
                listed,
            }),
        }
    }

    /// Sets the kind: one of [`Kind`], or any string.
    ///
    /// Like all `with_` methods, use it while building: applied to a component that was cloned, it
    /// creates another component.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::Component;
    ///
    /// let shared = Component::new("Indexer");
    /// let other = shared.clone().with_kind("processor");
    /// assert!(!other.is(&shared)); // another component, with spans of its own
    /// ```
    #[must_use]
    pub fn with_kind(self, kind: impl Into<Kind>) -> Self {
        self.change_info(|info| info.kind = kind.into())
    }

    /// Sets the name. Keeps the kind.
    #[must_use]
    pub fn with_name(self, name: impl AsRef<str>) -> Self {
        self.change_info(|info| info.name = SmolStr::new(name))
    }

    /// Sets the provider of traces that its spans start. The component, and its spans in sinks,
    /// keep the provider alive like any handle: shut the provider down explicitly rather than rely
    /// on dropping it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use raaf_trace_core::{
    ///     Component, MemoryExporter, Traceable as _, TracerProvider,
    /// };
    ///
    /// let memory = MemoryExporter::new();
    /// let provider = TracerProvider::builder().with(memory.clone()).build();
    /// let planner = Component::agent("Planner").with_provider(&provider);
    /// planner.in_span("run", || ()); // outside of `provider.run`
    /// provider.shutdown(Duration::from_secs(5))?; // dropping `provider` would not: `planner` keeps it
    /// assert_eq!(memory.len(), 1);
    /// # Ok::<(), raaf_trace_core::provider::FlushError>(())
    /// ```
    #[must_use]
    pub fn with_provider(self, provider: &TracerProvider) -> Self {
        self.change(|inner| inner.provider = Some(provider.clone()))
    }

    pub(crate) fn bound_to(self, parent: Self) -> Self {
        self.change(|inner| inner.parent = Some(parent))
    }

    fn change_info(self, change: impl FnOnce(&mut ComponentInfo)) -> Self {
        self.change(|inner| {
            change(Arc::make_mut(&mut inner.info));
            inner.longest_name = longest_name(&inner.info);
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            change(inner);
            return self;
        }
        let shared = &*self.inner;
        let mut inner = Inner {
            info: shared.info.clone(),
            longest_name: shared.longest_name,
            parent: shared.parent.clone(),
            provider: shared.provider.clone(),
            active: PerProcess::default(),
            in_frames: AtomicBool::new(false),
            listed: shared.listed,
        };
        change(&mut inner);
        Self { inner: Arc::new(inner) }
    }

    /// Returns the kind.
    pub fn kind(&self) -> &Kind {
        &self.inner.info.kind
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.inner.info.name
    }

    /// Returns kind and name.
    #[inline]
    pub(crate) fn info(&self) -> &Arc<ComponentInfo> {
        &self.inner.info
    }

    /// Returns the length of the longer of name and custom kind, in bytes.
    #[inline]
    pub(crate) fn longest_name(&self) -> usize {
        self.inner.longest_name
    }

    /// Returns the component that this one is bound to.
    pub fn parent(&self) -> Option<&Component> {
        self.inner.parent.as_ref()
    }

    /// Returns whether `other` is the same component, not only one with the same name.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::Component;
    ///
    /// let planner = Component::agent("Planner");
    /// assert!(planner.is(&planner.clone()));
    /// assert!(!planner.is(&Component::agent("Planner")));
    /// ```
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Returns the provider of traces that this component starts: its own, or that of the nearest
    /// component it is bound to.
    pub(crate) fn provider(&self) -> Option<&TracerProvider> {
        let mut component = self;
        loop {
            match (&component.inner.provider, &component.inner.parent) {
                (Some(provider), _) => return Some(provider),
                (None, Some(parent)) => component = parent,
                (None, None) => return None,
            }
        }
    }

    /// Returns whether a span of this component with a shared record is active anywhere. In a forked
    /// child, also if one was at the fork.
    #[inline]
    fn has_records(&self) -> bool {
        !self.active().is_empty()
    }

    /// Returns whether a chain of spans can contain an active span of this component.
    #[inline]
    pub(crate) fn is_in_chains(&self) -> bool {
        self.has_records() || self.in_frames() && published::any_stand_ins()
    }

    /// Returns whether the span of that id is active, is of this component, and has a record.
    pub(crate) fn has_record_of(&self, span: SpanId) -> bool {
        self.active().contains(span)
    }

    /// Returns whether a span of this component is active anywhere.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        // A frame that gets a record in between is seen there.
        let in_frames = || self.in_frames() && published::any(self.address());
        self.has_records() || in_frames() || self.has_records()
    }

    /// Returns whether a thread ever had a span of this component that only that thread knew.
    #[inline]
    fn in_frames(&self) -> bool {
        self.inner.in_frames.load(Ordering::Relaxed)
    }

    /// Records that a thread has a span of this component that only that thread knows.
    #[inline]
    pub(crate) fn note_frame(&self) {
        if !self.in_frames() {
            self.inner.in_frames.store(true, Ordering::Relaxed);
        }
    }

    /// Returns an address that identifies the component as long as a clone of it, or a
    /// [weak reference](Self::downgrade) to it, exists.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.inner).addr()
    }

    pub(crate) fn span_started(&self, record: &Shared) {
        if self.inner.listed {
            self.active().add(record);
        }
    }

    pub(crate) fn span_ended(&self, record: &Shared) {
        if self.inner.listed {
            self.active().remove(record);
        }
    }

    /// Returns the most recently started active span of this component, in any context.
    pub(crate) fn latest_active(&self) -> Latest {
        loop {
            // First the frames: a span that gets a record in between is then seen twice, not never.
            let frames = if self.in_frames() { published::all(self.address()) } else { Vec::new() };
            let found = self.active().latest();
            if frames.is_empty() {
                return found;
            }
            if let Some(latest) = self.latest_of(found, &frames) {
                return latest;
            }
        }
    }

    /// Returns the latest of the record and the frames; `None` if it is a frame that has ended or got
    /// a record in between.
    #[cold]
    fn latest_of(&self, record: Latest, frames: &[Seen]) -> Option<Latest> {
        let record = match record {
            Latest::Ambiguous => return Some(Latest::Ambiguous),
            Latest::Span(record) => Some(record),
            Latest::None => None,
        };
        let traces = frames.iter().map(|frame| frame.trace_id);
        let mut traces = traces.chain(record.iter().map(|record| record.head().trace.id()));
        let first = traces.next();
        if traces.any(|trace| Some(trace) != first) {
            return Some(Latest::Ambiguous);
        }
        let Some(frame) = frames.iter().max_by_key(|frame| frame.start) else {
            return Some(record.map_or(Latest::None, Latest::Span));
        };
        match record {
            Some(record) if record.head().start >= frame.start => Some(Latest::Span(record)),
            _ => frame.stand_in(self).map(Latest::Span),
        }
    }

    #[inline]
    fn active(&self) -> &ActiveSpans {
        self.inner.active.get(ActiveSpans::of_child)
    }
}

pub(crate) use active::Latest;

/// A reference to a component that does not keep it alive, but keeps its address from being reused.
#[derive(Debug)]
pub(crate) struct WeakComponent(Weak<Inner>);

impl Component {
    pub(crate) fn downgrade(&self) -> WeakComponent {
        WeakComponent(Arc::downgrade(&self.inner))
    }
}

impl WeakComponent {
    /// Returns the component; `None` once it is gone.
    pub(crate) fn upgrade(&self) -> Option<Component> {
        self.0.upgrade().map(|inner| Component { inner })
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("info", &self.info).finish_non_exhaustive()
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("kind", self.kind())
            .field("name", &self.name())
            .field("parent", &self.inner.parent.as_ref().map(Self::name))
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    /// Drops a chain of parents in a loop: it can be deeper than the stack.
    fn drop(&mut self) {
        let mut parent = mem::take(&mut self.parent);
        while let Some(component) = parent {
            let Some(mut inner) = Arc::into_inner(component.inner) else { return };
            parent = mem::take(&mut inner.parent);
        }
    }
}
