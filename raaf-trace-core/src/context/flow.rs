//! What is current in the code that runs now.

use std::{cell::RefCell, mem, sync::Arc};

use crate::{
    provider::{Inner, TracerProvider},
    span::record::Shared,
};
use raaf_trace_model::propagation::SpanContext;

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
}

impl Current {
    /// The context inside a span that this flow has just opened.
    pub(crate) fn inside(record: Shared) -> Self {
        Self { innermost: Innermost::Local(record), own: true, home: None }
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
    static CURRENT: RefCell<Current> = const {
        RefCell::new(Current { innermost: Innermost::None, own: false, home: None })
    };
}

/// A copy of what is current; nothing, in a thread whose thread-locals are gone.
pub(crate) fn current() -> Current {
    CURRENT.try_with(|current| current.borrow().clone()).unwrap_or_default()
}

/// Looks at what is current without copying it. `look` must not call anything that is traced.
pub(crate) fn peek<R>(look: impl FnOnce(&Current) -> R) -> Option<R> {
    CURRENT.try_with(|current| look(&current.borrow())).ok()
}

/// Makes a span that this very flow opened current until the guard is dropped, then gives it back.
#[inline]
pub(crate) fn enter_span(record: &mut Option<Shared>) -> InSpan<'_> {
    let outer = CURRENT.try_with(|current| {
        let inner = Current::inside(record.take()?);
        Some(mem::replace(&mut *current.borrow_mut(), inner))
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
        if let Ok(Current { innermost: Innermost::Local(inner), .. }) = left {
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
