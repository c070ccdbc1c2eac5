//! Opening of a span for a prepared call.

use std::mem;

use super::{CallInfo, CallScope, Extras, hooks::LazyAttributes};
use crate::{
    base::panics,
    call::traceable::Traceable,
    component::Component,
    context::{flow, parent::Named},
    span::{
        origin::Origin,
        record::{Held, Record, Shared},
        start,
    },
};
use raaf_trace_model::{
    attributes::{Attributes, Key},
    keys,
    span::PANICKED,
};

/// Arguments of the call. Passed by reference: moving values that were written a moment ago is
/// slow.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) method: Key,
    pub(super) extras: Extras,
    pub(super) wishes: Wishes,
}

/// Options of the call's span.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wishes {
    pub(super) skip: bool,
    pub(super) join: Join,
    pub(super) include_content: bool,
}

/// Condition under which a call reuses the enclosing span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// Same component and method, and no conflicting attributes.
    Same,
    /// Same component.
    Always,
    Never,
}

impl Wishes {
    pub(super) const NONE: Self = Self { skip: false, join: Join::Same, include_content: true };
}

/// Opens the span of a call in an empty scope. `IS_LOCAL` is for a synchronous call, whose scope stays in this thread.
#[inline(never)]
pub(super) fn open<const IS_LOCAL: bool, T, L>(
    traceable: &T,
    given: &mut Given,
    lazy: L,
    scope: &mut CallScope,
) where
    T: Traceable + ?Sized,
    L: LazyAttributes,
{
    let Given { method, extras, wishes } = given;
    let Wishes { skip, join, include_content } = *wishes;
    let mut lazy = Some(lazy);
    let mut said = None;
    let component = traceable.component();
    let named = if extras.is_none() { None } else { named_parent(extras, component, method) };
    // A span under a named parent differs from the enclosing span, unless reuse was requested.
    if (join == Join::Always || join == Join::Same && named.is_none())
        && let Some(record) = flow::same(component, method, join == Join::Always)
        && (include_content || !record.head().trace.limits.include_content)
    {
        said = merge(&record, extras, lazy.take(), join);
        if said.is_none() {
            *scope = CallScope::reused(record);
            return;
        }
    }
    let wanted = || traceable.should_create_span(&CallInfo::new(method, extras, skip));
    if !panics::caught(wanted).unwrap_or(true) {
        return;
    }
    let add = |attributes: &mut Attributes| {
        fill(attributes, |attributes| traceable.span_attributes(attributes));
        mem::take(extras).add_to(attributes);
        if let Some(said) = said.take() {
            attributes.merge(*said);
        } else if L::WANTED {
            work_out(lazy.take(), attributes);
        }
    };
    let span = match named {
        None if include_content && IS_LOCAL => start::open_here(component, method, add),
        None if include_content => start::start_here(component, method, add).map(Held::Shared),
        named => start_as_wished(component, method, named, include_content, add).map(Held::Shared),
    };
    if let Some(span) = span {
        scope.hold(span);
    }
}

#[inline(never)]
fn named_parent(extras: &mut Extras, component: &Component, method: &str) -> Option<Named> {
    extras.take_parent()?.named(&flow::current(), component, method)
}

/// Starts the span of a call with a named parent, or without content.
#[inline(never)]
fn start_as_wished(
    component: &Component,
    method: &Key,
    named: Option<Named>,
    include_content: bool,
    add: impl FnOnce(&mut Attributes),
) -> Option<Shared> {
    let origin = Origin::find(component, named, &flow::current())?.with_content(include_content);
    Some(start::start(origin, component.clone(), method.clone(), None, None, add))
}

/// Adds the call's attributes to the enclosing span. If they conflict, adds none and returns those
/// of the call's hook.
#[inline(never)]
fn merge<L: LazyAttributes>(
    record: &Record,
    extras: &mut Extras,
    lazy: Option<L>,
    join: Join,
) -> Option<Box<Attributes>> {
    if !record.head().trace.sampled || extras.is_empty() && !L::WANTED {
        return None;
    }
    // Before locking: the hook may access the span.
    let mut said = Attributes::with_limits(record.head().trace.limits);
    work_out(lazy, &mut said);
    let mut said = Some(said);
    record.with_attributes(|own| {
        let differ = |said| extras.differ_from(own) || own.differs_from(said);
        if join == Join::Always || !said.as_ref().is_some_and(differ) {
            let mut all = Attributes::with_limits(own.limits());
            mem::take(extras).add_to(&mut all);
            if let Some(said) = said.take() {
                all.merge(said);
            }
            own.add_new(all);
        }
    });
    said.map(Box::new)
}

fn work_out<L: LazyAttributes>(lazy: Option<L>, attributes: &mut Attributes) {
    if let Some(lazy) = lazy {
        fill(attributes, |attributes| lazy.add_to(attributes));
    }
}

/// Runs a user's hook. If it panics, the attributes added before are kept.
pub(super) fn fill(attributes: &mut Attributes, hook: impl FnOnce(&mut Attributes)) {
    if let Err(message) = panics::caught(|| hook(&mut *attributes)) {
        // A hook has access to arguments and results, and its panic message may quote them.
        let said = if attributes.limits().include_content { message } else { PANICKED.into() };
        attributes.set_reserved(keys::COLLECTOR_ERROR, said);
    }
}
