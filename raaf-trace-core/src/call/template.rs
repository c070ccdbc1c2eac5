//! Manual spans that have kind, name and method in common.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::{
    base::{gate, suppress},
    call::{manual::ManualSpan, tracer::Tracer},
    component::Component,
    context::{Context, current::Home, flow, parent::Named},
    provider::TracerProvider,
    span::{
        origin::{self, Origin},
        record::Shared,
        start,
    },
};
use raaf_trace_model::{
    Kind,
    attributes::{Attributes, Key},
};

/// Template of manual spans with the same kind, component name and method. It costs less than a
/// [`SpanBuilder`](super::SpanBuilder) for each of them, and may be kept for as long as the program runs:
/// it has no provider.
///
/// It is for bridges from other tracing libraries, which report the end of each span for certain: a
/// span that is leaked is never delivered, not even as stale.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{
///     Kind, MemoryExporter, TracerProvider, call::SpanTemplate, sink::SimpleProcessor,
/// };
///
/// let query = SpanTemplate::new(Kind::from("database"), "orders", "query");
/// let memory = MemoryExporter::new();
/// let provider =
///     TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
/// let tracer = provider.tracer();
/// for table in ["lines", "customers"] {
///     query.start(&tracer, |attributes| _ = attributes.set("table", table)).finish();
/// }
/// assert_eq!(memory.spans()[1].name(), "run.workflow.database.orders.query");
/// ```
#[derive(Clone, Debug)]
pub struct SpanTemplate {
    component: Component,
    method: Key,
}

impl SpanTemplate {
    /// Creates a template.
    pub fn new(
        kind: impl Into<Kind>,
        component_name: impl Into<Key>,
        method: impl Into<Key>,
    ) -> Self {
        let name = component_name.into();
        let name = match name.as_static() {
            Some(name) => SmolStr::new_static(name),
            None => SmolStr::new(&*name),
        };
        Self { component: Component::unlisted(kind.into(), name), method: method.into() }
    }

    /// Starts a span of `tracer` in the current context with the attributes that `set` sets. It does not
    /// become current. Does not call `set` for a span that is not recorded.
    pub fn start(&self, tracer: &Tracer, set: impl FnOnce(&mut Attributes)) -> ManualSpan {
        if !gate::is_open() || suppress::active() {
            return ManualSpan::of(None);
        }
        ManualSpan::of(match tracer.provider() {
            None => start::start_here(&self.component, &self.method, set),
            Some(provider) => self.start_named(Some(provider), None, set),
        })
    }

    /// Starts a span like [`start`](Self::start), within the span of `parent`, which may be remote.
    pub fn start_under(
        &self,
        tracer: &Tracer,
        parent: &Context,
        set: impl FnOnce(&mut Attributes),
    ) -> ManualSpan {
        if !gate::is_open() || suppress::active() {
            return ManualSpan::of(None);
        }
        ManualSpan::of(self.start_named(tracer.provider(), Named::of_context(parent), set))
    }

    fn start_named(
        &self,
        provider: Option<&TracerProvider>,
        parent: Option<Named>,
        set: impl FnOnce(&mut Attributes),
    ) -> Option<Shared> {
        let mut current = flow::current();
        if let Some(provider) = provider {
            // Not in the component: a queued span must not keep a provider handle alive.
            let home = Home::Inherited(Arc::clone(provider.inner()));
            current.change_rest(|rest| rest.home = Some(home));
        }
        if parent.is_none() && !origin::is_recorded(&current) {
            return None;
        }
        let origin = Origin::find(&self.component, parent, &current)?;
        let (component, method) = (self.component.clone(), self.method.clone());
        Some(start::start(origin, component, method, None, None, set))
    }
}
