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
    pub(super) reuse: bool,
    pub(super) include_content: bool,
}

impl Wishes {
    pub(super) const NONE: Self = Self { skip: false, reuse: false, include_content: true };
}

#[inline(never)]
pub(super) fn open<T, L>(traceable: &T, given: &mut Given, lazy: L) -> CallScope
where
    T: Traceable + ?Sized,
    L: LazyAttributes,
{
    let Given { method, extras, wishes } = given;
    let Wishes { skip, reuse, include_content } = *wishes;
    let component = traceable.component();
    let named = extras.take_parent().and_then(|parent| parent.named(&flow::current()));
    // A span under a parent that was named is not the one around it, unless that was asked for.
    if (reuse || named.is_none())
        && let Some(record) = reusable(component, method, reuse)
        && (include_content || !record.head().trace.limits.include_content)
    {
        merge(&record, mem::take(extras), lazy);
        return CallScope::reused(record);
    }
    let wanted = || traceable.should_create_span(&CallInfo::new(method, extras, skip));
    if !panics::caught(wanted).unwrap_or(true) {
        return CallScope::none();
    }
    let add = |attributes: &mut Attributes| {
        fill(attributes, |attributes| traceable.span_attributes(attributes));
        mem::take(extras).add_to(attributes);
        if L::WANTED {
            fill(attributes, |attributes| lazy.add_to(attributes));
        }
    };
    let record = match named {
        None if include_content => start::start_here(component, method, add),
        named => start_as_wished(component, method, named, include_content, add),
    };
    record.map_or_else(CallScope::none, CallScope::own)
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
fn reusable(component: &Component, method: &Key, any_method: bool) -> Option<Shared> {
    flow::peek(|current| {
        let record = current.innermost.local().filter(|_| current.own)?;
        let same =
            record.is_active_for(component) && (any_method || record.head().method == *method);
        same.then(|| Shared::clone(record))
    })
    .flatten()
}

fn merge<L: LazyAttributes>(record: &Record, extras: Extras, lazy: L) {
    let mut attributes = Attributes::with_limits(record.head().trace.limits);
    extras.add_to(&mut attributes);
    fill(&mut attributes, |attributes| lazy.add_to(attributes));
    if !attributes.is_empty() {
        record.with_attributes(|own| {
            own.merge(attributes);
        });
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
