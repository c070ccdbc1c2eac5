//! What is current in the code that runs now.

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
    /// What few contexts have; nothing, if there is nothing in it. One word, since every span makes
    /// itself current.
    rest: Option<Arc<Rest>>,
}

/// What few contexts have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rest {
    /// Where a trace that starts here goes; nothing: where that of the innermost span goes.
    pub(crate) home: Option<Home>,
    /// What the application sends along; nothing: nothing.
    pub(crate) baggage: Option<Arc<Baggage>>,
    /// What made this current, if that was no scope.
    pub(crate) attached: Option<Arc<Attachment>>,
}

impl Current {
    const NOTHING: Self = Self { innermost: Innermost::None, own: false, rest: None };

    /// A context that was captured or made elsewhere.
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

    /// Changes what few contexts have.
    pub(crate) fn change_rest<R>(&mut self, change: impl FnOnce(&mut Rest) -> R) -> R {
        let mut rest = self.rest.take().map(Arc::unwrap_or_clone).unwrap_or_default();
        let changed = change(&mut rest);
        self.rest = rest.shared();
        changed
    }

    /// The context inside a span that this flow has just opened.
    #[inline]
    fn inside(&self, record: Shared) -> Self {
        let rest = self.rest.as_ref().and_then(Rest::inside);
        Self { innermost: Innermost::Local(record), own: true, rest }
    }

    /// The provider of a trace that starts here.
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

    /// What of it holds inside a span.
    #[cold]
    fn inside(self: &Arc<Self>) -> Option<Arc<Self>> {
        if self.home.is_none() && self.attached.is_none() {
            return Some(Arc::clone(self));
        }
        Self { baggage: self.baggage.clone(), ..Self::default() }.shared()
    }
}

/// What a context that names no provider inherits here.
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
            if seen.attached().is_some() {
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

/// Runs `work` inside a span that this very flow opened, then gives the span back. Catches a panic of
/// the work: that there is nothing else to do on the way out keeps both ways short.
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

/// Returns what was current before; nothing, where nothing can be made current.
#[inline]
fn enter_span(record: &mut Option<Shared>) -> Option<Current> {
    let entered = CURRENT.try_with(|current| {
        let mut current = current.borrow_mut();
        let inside = current.inside(record.take()?);
        Some(mem::replace(&mut *current, inside))
    });
    entered.ok().flatten()
}

/// Returns the span that was current.
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
