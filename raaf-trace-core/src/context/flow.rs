//! The current context of running code.

use std::{cell::RefCell, mem, sync::Arc};

use crate::{
    context::attach::{self, Attachment},
    provider::{Inner, TracerProvider},
    span::record::Shared,
};
use raaf_trace_model::propagation::{Baggage, SpanContext};

/// The innermost span, local or remote.
#[derive(Clone, Debug, Default)]
pub(crate) enum Innermost {
    /// No span.
    #[default]
    None,
    /// A span of this process.
    Local(Shared),
    /// A span of another process, or given ids.
    Remote(Arc<SpanContext>),
}

impl Innermost {
    pub(crate) fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    pub(crate) fn local(&self) -> Option<&Shared> {
        match self {
            Self::Local(record) => Some(record),
            Self::None | Self::Remote(_) => None,
        }
    }
}

/// Provider of traces that start in a context.
#[derive(Clone, Debug)]
pub(crate) enum Home {
    /// The provider that was set explicitly.
    Named(TracerProvider),
    /// The provider of the enclosing code's traces.
    Inherited(Arc<Inner>),
}

impl Home {
    fn inner(&self) -> &Arc<Inner> {
        match self {
            Self::Named(provider) => provider.inner(),
            Self::Inherited(provider) => provider,
        }
    }
}

/// Context of one flow of code: a thread, or a task while it is polled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Current {
    pub(crate) innermost: Innermost,
    /// `true` if the innermost span was opened in this flow, rather than captured elsewhere and
    /// passed on. Only such a span can be reused.
    pub(crate) own: bool,
    /// Provider of traces that start here; `None` for that of the innermost span.
    pub(crate) home: Option<Home>,
    /// Baggage of the application; `None` if empty.
    pub(crate) baggage: Option<Arc<Baggage>>,
    /// Attachment that made this current; `None` for a scope.
    pub(crate) attached: Option<Arc<Attachment>>,
}

impl Current {
    const NOTHING: Self =
        Self { innermost: Innermost::None, own: false, home: None, baggage: None, attached: None };

    /// Returns the context inside a span that this flow has just opened.
    #[inline]
    fn inside(&self, record: Shared) -> Self {
        let baggage = self.baggage.clone();
        let innermost = Innermost::Local(record);
        Self { innermost, own: true, home: None, baggage, attached: None }
    }

    /// Returns the provider of a trace that starts here.
    pub(crate) fn provider(&self) -> Option<&Arc<Inner>> {
        let around = || Some(&self.innermost.local()?.head().trace.provider);
        self.home.as_ref().map(Home::inner).or_else(around)
    }
}

/// Returns the provider that a context without one inherits here.
pub(crate) fn home() -> Option<Home> {
    peek(|current| match &current.home {
        Some(home) => Some(home.clone()),
        None => current.provider().cloned().map(Home::Inherited),
    })
    .flatten()
}

thread_local! {
    static CURRENT: RefCell<Current> = const { RefCell::new(Current::NOTHING) };
}

/// Returns a copy of the current context; empty in a thread whose thread-locals are gone.
pub(crate) fn current() -> Current {
    peek(Clone::clone).unwrap_or_default()
}

/// Reads the current context without copying it. `look` must not call traced code.
#[inline]
pub(crate) fn peek<R>(look: impl FnOnce(&Current) -> R) -> Option<R> {
    CURRENT
        .try_with(|current| {
            let mut seen = current.borrow();
            if seen.attached.is_some() {
                drop(seen);
                let _left = change(current, attach::prune);
                seen = current.borrow();
            }
            look(&seen)
        })
        .ok()
}

/// Removes detached contexts from the current context. `prune` returns what it replaced, which the
/// caller drops: dropping the last handle of a span can run user code.
pub(super) fn prune<R: Default>(prune: impl FnOnce(&mut Current) -> R) -> R {
    CURRENT.try_with(|current| change(current, prune)).unwrap_or_default()
}

#[cold]
fn change<R>(current: &RefCell<Current>, change: impl FnOnce(&mut Current) -> R) -> R {
    change(&mut current.borrow_mut())
}

/// Replaces the current context and returns the previous one.
pub(super) fn replace(inner: Current) -> Current {
    CURRENT.try_with(|current| current.replace(inner)).unwrap_or_default()
}

/// Makes a span that this flow opened current until the guard is dropped, then returns it.
#[inline]
pub(crate) fn enter_span(record: &mut Option<Shared>) -> InSpan<'_> {
    let outer = CURRENT.try_with(|current| {
        let mut current = current.borrow_mut();
        let inner = current.inside(record.take()?);
        Some(mem::replace(&mut *current, inner))
    });
    InSpan { record, outer: outer.ok().flatten() }
}

/// Guard of [`enter_span`].
#[derive(Debug)]
pub(crate) struct InSpan<'a> {
    record: &'a mut Option<Shared>,
    /// The previous context; `None` where the span could not be made current.
    outer: Option<Current>,
}

impl Drop for InSpan<'_> {
    #[inline]
    fn drop(&mut self) {
        let Some(outer) = self.outer.take() else { return };
        let left = CURRENT.try_with(|current| mem::replace(&mut *current.borrow_mut(), outer));
        let Ok(mut left) = left else { return };
        if left.attached.is_some() {
            left = attach::without_attachments(left);
        }
        if let Innermost::Local(inner) = left.innermost {
            *self.record = Some(inner);
        }
    }
}

/// Makes `mine` current until the guard is dropped, then returns it.
pub(crate) fn enter(mine: &mut Current) -> Entered<'_> {
    swap(mine);
    Entered { mine }
}

/// Guard of [`enter`].
#[derive(Debug)]
pub(crate) struct Entered<'a> {
    mine: &'a mut Current,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.mine);
    }
}

/// Does nothing in a thread whose thread-locals are gone.
fn swap(mine: &mut Current) {
    let _ = CURRENT.try_with(|current| mem::swap(&mut *current.borrow_mut(), mine));
}
