//! From a prepared call to an open span.

use std::sync::Arc;

use super::{CallInfo, CallScope, Metadata, hooks::LazyAttributes};
use crate::{
    Component, Key, Parent, Traceable,
    attributes::Attributes,
    context::flow,
    keys, panics,
    span::{
        record::Record,
        start::{self, Origin},
    },
};

/// What the call was given.
pub(super) struct Given<L> {
    pub(super) method: Key,
    pub(super) metadata: Metadata,
    pub(super) lazy: L,
    pub(super) parent: Option<Parent>,
    pub(super) skip: bool,
    pub(super) reuse: bool,
}

#[inline(never)]
pub(super) fn open<T, L>(traceable: &T, given: Given<L>) -> CallScope
where
    T: Traceable + ?Sized,
    L: LazyAttributes,
{
    let Given { method, metadata, lazy, parent, skip, reuse } = given;
    let component = traceable.component();
    let named = parent.and_then(|parent| parent.named(&flow::current()));
    // A span under a parent that was named is not the one around it, unless that was asked for.
    if (reuse || named.is_none())
        && let Some(record) = reusable(component, &method, reuse)
    {
        merge(&record, metadata, lazy);
        return CallScope::reused(record);
    }
    let wanted = || traceable.should_create_span(&CallInfo::new(&method, &metadata, skip));
    if !panics::caught(wanted).unwrap_or(true) {
        return CallScope::none();
    }
    let Some(origin) = Origin::find(component, named, flow::current()) else {
        return CallScope::none();
    };
    let record = start::start(origin, component.clone(), method, None, |attributes| {
        fill(attributes, |attributes| traceable.span_attributes(attributes));
        metadata.add_to(attributes);
        fill(attributes, |attributes| lazy.add_to(attributes));
    });
    CallScope::own(record)
}

/// The span that this call would only repeat: the innermost one, opened by this flow itself for
/// the same component and method.
fn reusable(component: &Component, method: &Key, any_method: bool) -> Option<Arc<Record>> {
    if !component.is_active() {
        return None;
    }
    let record = flow::own_innermost()?;
    let same = record.is_active_for(component) && (any_method || record.head().method == *method);
    same.then_some(record)
}

fn merge<L: LazyAttributes>(record: &Record, metadata: Metadata, lazy: L) {
    let mut attributes = Attributes::with_limits(record.head().trace.limits);
    metadata.add_to(&mut attributes);
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
        let said = if attributes.limits().include_content { message } else { "panicked".into() };
        attributes.set_unchecked(keys::COLLECTOR_ERROR, said);
    }
}
