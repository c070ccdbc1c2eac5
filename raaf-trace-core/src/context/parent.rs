//! Parent selection for new spans.

use std::sync::Arc;

use crate::{
    base::counters,
    component::{Component, Latest},
    context::{
        Context, chain,
        current::{Current, Innermost},
    },
    diagnostics::{self, Category, Repeated},
    span::{
        Span,
        record::{Record, Shared},
    },
};
use raaf_trace_model::propagation::Baggage;

/// The parent of a call: a component, a span, or a captured or remote context.
#[derive(Clone, Debug)]
pub struct Parent(Given);

#[derive(Clone, Debug)]
enum Given {
    Component(Component),
    Context(Context),
    None,
}

/// A parent that was named, and the baggage of the context that named it.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) innermost: Innermost,
    pub(crate) baggage: Option<Arc<Baggage>>,
}

impl Named {
    /// Returns the innermost span of a context as a parent.
    pub(crate) fn of_context(context: &Context) -> Option<Self> {
        let innermost = Some(&context.innermost).filter(|innermost| innermost.is_some())?;
        Some(Self { innermost: innermost.clone(), baggage: context.baggage.clone() })
    }
}

impl From<Innermost> for Named {
    fn from(innermost: Innermost) -> Self {
        Self { innermost, baggage: None }
    }
}

/// A value that names a parent. `None`, a component without an active span and an empty context
/// leave the choice to the default rule.
pub trait IntoParent {
    /// Converts `self` into a parent.
    fn into_parent(self) -> Parent;
}

impl IntoParent for Parent {
    fn into_parent(self) -> Parent {
        self
    }
}

impl IntoParent for Context {
    fn into_parent(self) -> Parent {
        Parent(Given::Context(self))
    }
}

impl IntoParent for &Context {
    fn into_parent(self) -> Parent {
        self.clone().into_parent()
    }
}

impl IntoParent for Span {
    fn into_parent(self) -> Parent {
        (&self).into_parent()
    }
}

impl IntoParent for &Span {
    fn into_parent(self) -> Parent {
        Context::of_span(self).into_parent()
    }
}

impl<P: IntoParent> IntoParent for Option<P> {
    fn into_parent(self) -> Parent {
        self.map_or(Parent(Given::None), P::into_parent)
    }
}

impl Parent {
    pub(crate) fn of_component(component: &Component) -> Self {
        Self(Given::Component(component.clone()))
    }

    /// Returns the span that this names, for a span that starts in `current`; `None` to use the
    /// default rule.
    pub(crate) fn named(
        &self,
        current: &Current,
        component: &Component,
        method: &str,
    ) -> Option<Named> {
        match &self.0 {
            Given::Component(parent) => {
                let record = active_span_of(parent, current, |_| true)?;
                Some(Innermost::Local(record).into())
            }
            Given::Context(context) => {
                let named = Named::of_context(context);
                if named.is_none() && !current.innermost.is_some() {
                    report_empty(component, method);
                }
                named
            }
            Given::None => None,
        }
    }
}

/// Reports that the context given as a span's parent is empty, where no span is active either.
#[cold]
fn report_empty(component: &Component, method: &str) {
    static EMPTY: Repeated = Repeated::new();
    if let Some(times) = EMPTY.happened() {
        diagnostics::debug(
            Category::Context,
            format_args!(
                "the context given as the parent of `{}.{method}` has no span, {times} times so far: \
                 it was captured outside any span, or extracted without a traceparent. Capture it \
                 inside the span that is to be the parent",
                component.name()
            ),
        );
    }
}

/// Returns the result of [`choose`] for the usual case, in which the parent is `innermost` or
/// encloses it, without a copy, a lock or a call of user code.
#[inline]
pub(crate) fn nearby<'a>(component: &Component, innermost: &'a Shared) -> Option<&'a Shared> {
    let Some(bound) = component.parent() else { return Some(innermost) };
    if !bound.is_active() || chain::innermost_of(innermost, component).is_some() {
        return Some(innermost);
    }
    chain::innermost_of(innermost, bound)
}

/// Chooses the parent of a span of `component` that starts in `current` without a named parent:
/// this context, if the component is active in it; otherwise the component it is bound to;
/// otherwise this context.
pub(crate) fn choose(component: &Component, current: &Current) -> Innermost {
    let Some(bound) = component.parent() else { return current.innermost.clone() };
    if is_active_in(component, current) {
        return current.innermost.clone();
    }
    // A bound parent that is active in another trace than this context belongs to another run.
    let same_trace = |record: &Record| match &current.innermost {
        Innermost::None => true,
        Innermost::Local(innermost) => innermost.head().trace.id() == record.head().trace.id(),
        Innermost::Remote(remote) => remote.trace_id() == record.head().trace.id(),
    };
    match active_span_of(bound, current, same_trace) {
        Some(record) => Innermost::Local(record),
        None => current.innermost.clone(),
    }
}

fn is_active_in(component: &Component, current: &Current) -> bool {
    let innermost = current.innermost.local();
    innermost.is_some_and(|innermost| chain::innermost_of(innermost, component).is_some())
}

/// Returns the span of `parent` to which a child that starts in `current` belongs: the innermost
/// one in this context, otherwise the most recent one anywhere that is `eligible`.
fn active_span_of(
    parent: &Component,
    current: &Current,
    eligible: impl Fn(&Record) -> bool,
) -> Option<Shared> {
    if !parent.is_active() {
        return None;
    }
    if let Some(innermost) = current.innermost.local()
        && let Some(record) = chain::innermost_of(innermost, parent)
    {
        return Some(Shared::clone(record));
    }
    match parent.latest_active() {
        Latest::None => None,
        Latest::Span(record) => eligible(&record).then_some(record),
        Latest::Ambiguous => {
            counters::AMBIGUOUS_PARENTS.add(1);
            diagnostics::debug(
                Category::Context,
                format_args!(
                    "`{}` is active in several traces, so a span with this parent uses its own \
                     context instead",
                    parent.name()
                ),
            );
            None
        }
    }
}
