//! From a prepared call to an open span.

use std::mem;

use super::{CallInfo, CallScope, Extras, hooks::LazyAttributes};
use crate::{
    base::panics,
    call::traceable::Traceable,
    component::Component,
    context::flow::{self, Innermost},
    span::{
        record::{Record, Shared},
        start::{self, Origin},
    },
};
use raaf_trace_model::{
    attributes::{Attributes, Key},
    keys,
    span::PANICKED,
};

/// What the call was given. Handed on by reference: what was written a moment ago is slow to move.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) method: Key,
    pub(super) extras: Extras,
    pub(super) wishes: Wishes,
}

/// What the call asked for about its span.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wishes {
    pub(super) skip: bool,
    pub(super) join: Join,
    pub(super) include_content: bool,
}

/// When a call is one with the call around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// If that has the same method and says nothing else.
    Same,
    /// If that is the same component's.
    Always,
    Never,
}

impl Wishes {
    pub(super) const NONE: Self = Self { skip: false, join: Join::Same, include_content: true };
}

#[inline(never)]
pub(super) fn open<T, L>(traceable: &T, given: &mut Given, lazy: L) -> CallScope
where
    T: Traceable + ?Sized,
    L: LazyAttributes,
{
    let Given { method, extras, wishes } = given;
    let Wishes { skip, join, include_content } = *wishes;
    let mut lazy = Some(lazy);
    let mut said = None;
    let component = traceable.component();
    let named = if extras.is_none() { None } else { named_parent(extras) };
    // A span under a parent that was named is not the one around it, unless that was asked for.
    if (join == Join::Always || join == Join::Same && named.is_none())
        && let Some(record) = reusable(component, method, join)
        && (include_content || !record.head().trace.limits.include_content)
    {
        said = merge(&record, extras, lazy.take(), join);
        if said.is_none() {
            return CallScope::reused(record);
        }
    }
    let wanted = || traceable.should_create_span(&CallInfo::new(method, extras, skip));
    if !panics::caught(wanted).unwrap_or(true) {
        return CallScope::none();
    }
    let add = |attributes: &mut Attributes| {
        fill(attributes, |attributes| traceable.span_attributes(attributes));
        mem::take(extras).add_to(attributes);
        if let Some(said) = said.take() {
            attributes.merge(said);
        } else if L::WANTED {
            work_out(lazy.take(), attributes);
        }
    };
    let record = match named {
        None if include_content => start::start_here(component, method, add),
        named => start_as_wished(component, method, named, include_content, add),
    };
    record.map_or_else(CallScope::none, CallScope::own)
}

#[inline(never)]
fn named_parent(extras: &mut Extras) -> Option<Innermost> {
    extras.take_parent()?.named(&flow::current())
}

/// Starts the span of a call that named its parent, or that keeps no content.
#[inline(never)]
fn start_as_wished(
    component: &Component,
    method: &Key,
    named: Option<Innermost>,
    include_content: bool,
    add: impl FnOnce(&mut Attributes),
) -> Option<Shared> {
    let origin = Origin::find(component, named, &flow::current())?.with_content(include_content);
    Some(start::start(origin, component.clone(), method.clone(), None, None, add))
}

/// The span that this call would only repeat: the innermost one, opened by this flow itself for
/// the same component and method.
#[inline]
fn reusable(component: &Component, method: &Key, join: Join) -> Option<Shared> {
    flow::peek(|current| {
        let record = current.innermost.local().filter(|_| current.own)?;
        let same = record.is_active_for(component)
            && (join == Join::Always || record.head().method == *method);
        same.then(|| Shared::clone(record))
    })
    .flatten()
}

/// Adds to the span around a call what the call says and the span does not. If the two disagree
/// nothing is added, and what the call's hook said comes back.
fn merge<L: LazyAttributes>(
    record: &Record,
    extras: &mut Extras,
    lazy: Option<L>,
    join: Join,
) -> Option<Attributes> {
    if !record.head().trace.sampled || extras.is_empty() && !L::WANTED {
        return None;
    }
    // Before the lock: the hook may look at the span.
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
    said
}

fn work_out<L: LazyAttributes>(lazy: Option<L>, attributes: &mut Attributes) {
    if let Some(lazy) = lazy {
        fill(attributes, |attributes| lazy.add_to(attributes));
    }
}

/// Runs a user's hook: its panic costs only what it had not added yet.
pub(super) fn fill(attributes: &mut Attributes, hook: impl FnOnce(&mut Attributes)) {
    if let Err(message) = panics::caught(|| hook(&mut *attributes)) {
        // A hook has seen arguments and results, and its panic may quote them.
        let said = if attributes.limits().include_content { message } else { PANICKED.into() };
        attributes.set_reserved(keys::COLLECTOR_ERROR, said);
    }
}
