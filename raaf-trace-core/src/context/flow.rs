//! The current context of running code.

use std::{
    cell::RefCell,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

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
    /// Rarely used fields; `None` if all are empty. One word, since every span replaces the context.
    rest: Option<Arc<Rest>>,
}

/// Rarely used fields of a context.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rest {
    /// Provider of traces that start here; `None` for that of the innermost span.
    pub(crate) home: Option<Home>,
    /// Baggage of the application; `None` if empty.
    pub(crate) baggage: Option<Arc<Baggage>>,
    /// Attachment that made this current; `None` for a scope.
    pub(crate) attached: Option<Arc<Attachment>>,
}

impl Current {
    const NOTHING: Self = Self { innermost: Innermost::None, own: false, rest: None };

    /// Creates a context from captured parts.
    pub(crate) fn new(
        innermost: Innermost,
        home: Option<Home>,
        baggage: Option<Arc<Baggage>>,
    ) -> Self {
        let rest = Rest { home, baggage, attached: None };
        Self { innermost, own: false, rest: rest.shared() }
    }

    pub(crate) fn home(&self) -> Option<&Home> {
        self.rest.as_ref()?.home.as_ref()
    }

    pub(crate) fn baggage(&self) -> Option<&Arc<Baggage>> {
        self.rest.as_ref()?.baggage.as_ref()
    }

    #[inline]
    pub(crate) fn attached(&self) -> Option<&Arc<Attachment>> {
        self.rest.as_ref()?.attached.as_ref()
    }

    /// Changes the rarely used fields.
    pub(crate) fn change_rest<R>(&mut self, change: impl FnOnce(&mut Rest) -> R) -> R {
        let mut rest = self.rest.take().map(Arc::unwrap_or_clone).unwrap_or_default();
        let changed = change(&mut rest);
        self.rest = rest.shared();
        changed
    }

    /// Returns the context inside a span that this flow has just opened.
    #[inline]
    fn inside(&self, record: Shared) -> Self {
        let rest = self.rest.as_ref().and_then(Rest::inside);
        Self { innermost: Innermost::Local(record), own: true, rest }
    }

    /// Returns the provider of a trace that starts here.
    pub(crate) fn provider(&self) -> Option<&Arc<Inner>> {
        let around = || Some(&self.innermost.local()?.head().trace.provider);
        self.home().map(Home::inner).or_else(around)
    }
}

impl Rest {
    fn shared(self) -> Option<Arc<Self>> {
        let Self { home, baggage, attached } = &self;
        let has_any = home.is_some() || baggage.is_some() || attached.is_some();
        has_any.then(|| Arc::new(self))
    }

    /// Returns the fields that remain inside a span.
    #[cold]
    fn inside(self: &Arc<Self>) -> Option<Arc<Self>> {
        if self.home.is_none() && self.attached.is_none() {
            return Some(Arc::clone(self));
        }
        Self { baggage: self.baggage.clone(), ..Self::default() }.shared()
    }
}

/// Returns the provider that a context without one inherits here.
pub(crate) fn home() -> Option<Home> {
    peek(|current| match current.home() {
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
    let seen = CURRENT.try_with(|current| {
        let seen = current.borrow();
        if seen.attached().is_some() { Err(look) } else { Ok(look(&seen)) }
    });
    match seen.ok()? {
        Ok(seen) => Some(seen),
        Err(look) => peek_attached(look),
    }
}

#[cold]
fn peek_attached<R>(look: impl FnOnce(&Current) -> R) -> Option<R> {
    // Dropped at once: the last handle of a span or a provider can run user code.
    drop(prune(attach::prune));
    CURRENT.try_with(|current| look(&current.borrow())).ok()
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

/// Runs `work` inside a span that this flow opened, then returns the span. Catches a panic of the
/// work, so that no code runs while the panic unwinds.
#[inline]
pub(crate) fn inside_span<R>(
    record: &mut Option<Shared>,
    work: impl FnOnce() -> R,
) -> thread::Result<R> {
    let outer = enter_span(record);
    let result = catch_unwind(AssertUnwindSafe(work));
    if let Some(outer) = outer {
        *record = leave_span(outer);
    }
    result
}

/// Makes the span current and returns the previous context; `None` where that is impossible.
#[inline]
fn enter_span(record: &mut Option<Shared>) -> Option<Current> {
    let entered = CURRENT.try_with(|current| {
        let mut current = current.borrow_mut();
        let inside = current.inside(record.take()?);
        Some(mem::replace(&mut *current, inside))
    });
    entered.ok().flatten()
}

/// Restores the previous context and returns the span that was current.
#[inline]
fn leave_span(outer: Current) -> Option<Shared> {
    let mut left = CURRENT.try_with(|current| current.replace(outer)).ok()?;
    if left.attached().is_some() {
        left = attach::without_attachments(left);
    }
    match left.innermost {
        Innermost::Local(record) => Some(record),
        Innermost::None | Innermost::Remote(_) => None,
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
