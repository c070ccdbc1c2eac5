//! Spans of `tracing` that this thread has entered.

use std::cell::RefCell;

use raaf_trace_core::context::AttachToken;
use tracing::span::Id;

use crate::callsite::LayerNumber;

/// A time that a span was entered.
pub(crate) struct Entered {
    layer: LayerNumber,
    span: u64,
    /// Attachment of the span's context, unless something inside the span was current already.
    pub(crate) token: Option<AttachToken>,
}

thread_local! {
    /// Tokens in the order of entering. Guards can be dropped in another order.
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the token of an entered span.
pub(crate) fn push(layer: LayerNumber, span: &Id, token: Option<AttachToken>) {
    let entered = Entered { layer, span: span.into_u64(), token };
    // Where thread-locals are gone, no context is current either.
    let _ = ENTERED.try_with(|all| all.borrow_mut().push(entered));
}

/// Returns whether of all spans that the thread has entered and not left, this is the latest.
pub(crate) fn is_latest(layer: LayerNumber, span: &Id) -> bool {
    let is_it = |one: &Entered| one.span == span.into_u64() && one.layer == layer;
    ENTERED.try_with(|all| all.borrow().last().is_some_and(is_it)).unwrap_or(false)
}

/// Returns the latest time that the span was entered in this thread, and forgets it.
pub(crate) fn pop(layer: LayerNumber, span: &Id) -> Option<Entered> {
    let is_it = |one: &Entered| one.span == span.into_u64() && one.layer == layer;
    let found = ENTERED.try_with(|all| {
        let mut all = all.borrow_mut();
        let index = all.iter().rposition(is_it)?;
        Some(all.remove(index))
    });
    found.ok().flatten()
}
