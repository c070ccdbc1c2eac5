//! What is current in the code that runs now.

use std::{cell::RefCell, mem, sync::Arc};

use crate::{
    context::attach::{self, Attachment},
    provider::{Inner, TracerProvider},
    span::record::Shared,
};
use raaf_trace_model::propagation::{Baggage, SpanContext};

/// The innermost span, or what stands in for one.
#[derive(Clone, Debug, Default)]
pub(crate) enum Innermost {
    /// Nothing is traced here.
    #[default]
    None,
    /// A span of this process.
    Local(Shared),
    /// A span of another process, or ids that somebody gave.
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

/// Where a trace goes that starts in a context.
#[derive(Clone, Debug)]
pub(crate) enum Home {
    /// To the provider that somebody named.
    Named(TracerProvider),
    /// Where the traces of the code around it go.
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

/// The context of one flow of code: of a thread, or of a task while it is polled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Current {
    pub(crate) innermost: Innermost,
    /// Whether the innermost span was opened in this very flow, rather than captured elsewhere and
    /// handed over. Only such a span can be reused.
    pub(crate) own: bool,
    /// Where a trace that starts here goes; nothing: where that of the innermost span goes.
    pub(crate) home: Option<Home>,
    /// What the application sends along; nothing: nothing.
    pub(crate) baggage: Option<Arc<Baggage>>,
    /// What made this current, if that was no scope.
    pub(crate) attached: Option<Arc<Attachment>>,
}

impl Current {
    const NOTHING: Self =
        Self { innermost: Innermost::None, own: false, home: None, baggage: None, attached: None };

    /// The context inside a span that this flow has just opened.
    #[inline]
    fn inside(&self, record: Shared) -> Self {
        let baggage = self.baggage.clone();
        let innermost = Innermost::Local(record);
        Self { innermost, own: true, home: None, baggage, attached: None }
    }

    /// The provider of a trace that starts here.
    pub(crate) fn provider(&self) -> Option<&Arc<Inner>> {
        let around = || Some(&self.innermost.local()?.head().trace.provider);
        self.home.as_ref().map(Home::inner).or_else(around)
    }
}

/// What a context that names no provider inherits here.
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

/// A copy of what is current; nothing, in a thread whose thread-locals are gone.
pub(crate) fn current() -> Current {
    peek(Clone::clone).unwrap_or_default()
}

/// Looks at what is current without copying it. `look` must not call anything that is traced.
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

/// Takes detached contexts out of what is current. `prune` returns what it replaced, to be dropped
/// by the caller: the last handle of a span can run code of the user's.
pub(super) fn prune<R: Default>(prune: impl FnOnce(&mut Current) -> R) -> R {
    CURRENT.try_with(|current| change(current, prune)).unwrap_or_default()
}

#[cold]
fn change<R>(current: &RefCell<Current>, change: impl FnOnce(&mut Current) -> R) -> R {
    change(&mut current.borrow_mut())
}

/// Makes something else current and returns what was.
pub(super) fn replace(inner: Current) -> Current {
    CURRENT.try_with(|current| current.replace(inner)).unwrap_or_default()
}

/// Makes a span that this very flow opened current until the guard is dropped, then gives it back.
#[inline]
pub(crate) fn enter_span(record: &mut Option<Shared>) -> InSpan<'_> {
    let outer = CURRENT.try_with(|current| {
        let mut current = current.borrow_mut();
        let inner = current.inside(record.take()?);
        Some(mem::replace(&mut *current, inner))
    });
    InSpan { record, outer: outer.ok().flatten() }
}

/// See [`enter_span`].
#[derive(Debug)]
pub(crate) struct InSpan<'a> {
    record: &'a mut Option<Shared>,
    /// What was current before; nothing, where nothing could be made current.
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

/// Makes `mine` current until the guard is dropped, then gives it back.
pub(crate) fn enter(mine: &mut Current) -> Entered<'_> {
    swap(mine);
    Entered { mine }
}

/// See [`enter`].
#[derive(Debug)]
pub(crate) struct Entered<'a> {
    mine: &'a mut Current,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.mine);
    }
}

/// Where thread-locals are gone nothing is current, and nothing can be made so.
fn swap(mine: &mut Current) {
    let _ = CURRENT.try_with(|current| mem::swap(&mut *current.borrow_mut(), mine));
}
