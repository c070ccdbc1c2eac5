//! What a traced value says about itself.

mod active;

use std::{fmt, mem, sync::Arc};

use smol_str::SmolStr;

use crate::{base::process::PerProcess, provider::TracerProvider, span::record::Shared};
use active::ActiveSpans;
use raaf_trace_model::{Kind, short_type_name, span::ComponentInfo};

/// A traced value's identity, kind and name, and perhaps the component it belongs to.
///
/// Two components made separately are two components, whatever they are called. A clone is the
/// same component: Rust clones in order to move, and a clone sent to a thread is still the agent
/// it was.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{Component, Kind};
///
/// let pipeline = Component::new("DataPipeline");
/// assert_eq!(*pipeline.kind(), Kind::Pipeline); // from the name's ending
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
    parent: Option<Component>,
    provider: Option<TracerProvider>,
    active: PerProcess<ActiveSpans>,
}

impl Inner {
    fn info_mut(&mut self) -> &mut ComponentInfo {
        Arc::make_mut(&mut self.info)
    }
}

impl Component {
    /// A component of that name. Its kind follows from the name's ending (`…Agent`, `…Pipeline`,
    /// `…Runner`, `…Tool`, `…Job`), else it is [`Kind::Component`].
    pub fn new(name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        Self::build(Kind::from_type_name(name), SmolStr::new(name))
    }

    /// A component named like the type, without its path: `Component::of::<Self>()`.
    pub fn of<T: ?Sized>() -> Self {
        Self::new(short_type_name(std::any::type_name::<T>()))
    }

    /// A component of kind `agent`.
    pub fn agent(name: impl AsRef<str>) -> Self {
        Self::build(Kind::Agent, SmolStr::new(name))
    }

    /// A component of kind `pipeline`.
    pub fn pipeline(name: impl AsRef<str>) -> Self {
        Self::build(Kind::Pipeline, SmolStr::new(name))
    }

    /// A component of kind `tool`.
    pub fn tool(name: impl AsRef<str>) -> Self {
        Self::build(Kind::Tool, SmolStr::new(name))
    }

    /// A component of kind `runner`.
    pub fn runner(name: impl AsRef<str>) -> Self {
        Self::build(Kind::Runner, SmolStr::new(name))
    }

    pub(crate) fn build(kind: Kind, name: SmolStr) -> Self {
        let (parent, provider, active) = (None, None, PerProcess::default());
        let info = Arc::new(ComponentInfo { kind, name });
        Self { inner: Arc::new(Inner { info, parent, provider, active }) }
    }

    /// The same, but of that kind: one of [`Kind`], or any word.
    ///
    /// Like all `with_` methods this is for building: on a component that has been cloned already
    /// it makes another component.
    #[must_use]
    pub fn with_kind(self, kind: impl Into<Kind>) -> Self {
        self.change(|inner| inner.info_mut().kind = kind.into())
    }

    /// The same under another name; the kind stays.
    #[must_use]
    pub fn with_name(self, name: impl AsRef<str>) -> Self {
        self.change(|inner| inner.info_mut().name = SmolStr::new(name))
    }

    /// The same, tracing to that provider when one of its spans starts a trace. The component, and
    /// spans of it that a sink still holds, keep the provider as any handle does: shut it down when
    /// its time is over, rather than rely on dropping it.
    #[must_use]
    pub fn with_provider(self, provider: &TracerProvider) -> Self {
        self.change(|inner| inner.provider = Some(provider.clone()))
    }

    pub(crate) fn bound_to(self, parent: Self) -> Self {
        self.change(|inner| inner.parent = Some(parent))
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            change(inner);
            return self;
        }
        let shared = &*self.inner;
        let mut inner = Inner {
            info: shared.info.clone(),
            parent: shared.parent.clone(),
            provider: shared.provider.clone(),
            active: PerProcess::default(),
        };
        change(&mut inner);
        Self { inner: Arc::new(inner) }
    }

    /// What it is.
    pub fn kind(&self) -> &Kind {
        &self.inner.info.kind
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.inner.info.name
    }

    /// Kind and name.
    #[inline]
    pub(crate) fn info(&self) -> &Arc<ComponentInfo> {
        &self.inner.info
    }

    /// The component it is bound to.
    pub fn parent(&self) -> Option<&Component> {
        self.inner.parent.as_ref()
    }

    /// Whether `other` is this very component, not merely one of the same name.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// The provider that a trace started by this component goes to: its own, else that of the
    /// nearest component it is bound to.
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

    /// Whether a span of this component runs anywhere.
    pub(crate) fn is_active(&self) -> bool {
        !self.active().is_empty()
    }

    pub(crate) fn span_started(&self, record: &Shared) {
        self.active().add(record);
    }

    pub(crate) fn span_ended(&self, record: &Shared) {
        self.active().remove(record);
    }

    /// Its most recently started active span, wherever that runs.
    pub(crate) fn latest_active(&self) -> Latest {
        self.active().latest()
    }

    #[inline]
    fn active(&self) -> &ActiveSpans {
        self.inner.active.get(|_| ActiveSpans::default())
    }
}

pub(crate) use active::Latest;

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
    /// Lets go of a chain of parents in a loop: it can be deeper than the stack.
    fn drop(&mut self) {
        let mut parent = mem::take(&mut self.parent);
        while let Some(component) = parent {
            let Some(mut inner) = Arc::into_inner(component.inner) else { return };
            parent = mem::take(&mut inner.parent);
        }
    }
}
