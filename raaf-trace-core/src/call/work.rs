//! Work that runs in a span: a closure at once, a future when it is awaited.

use std::{
    any::type_name,
    future::Future,
    marker::PhantomData,
    mem,
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use pin_project_lite::pin_project;

use super::{
    CallScope, LocalScope, ResultHook,
    outcome::{self, Failure, Outcome},
};

/// Marks work that runs at once.
#[derive(Debug)]
pub enum Blocking {}

/// Marks work that is awaited.
#[derive(Debug)]
pub enum Async {}

/// Work that can run in a span: a closure without arguments, or a future.
///
/// `Mode` distinguishes the two and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run in a span",
    label = "neither a closure without arguments nor a future",
    note = "write a closure `|| …` for code that runs at once, or an `async` block"
)]
pub trait Work<Mode>: Sized {
    /// Value that the work returns, or yields when it is awaited.
    type Value;
    /// Type that a call with this work returns: the value of a closure, a future of the value.
    type Traced<H: Host<Self::Value>>;

    /// Runs the work in the span that `host` opens.
    #[doc(hidden)]
    fn run_in<H: Host<Self::Value>>(self, host: H) -> Self::Traced<H>;
}

/// Opens a span for work that returns a `V`, and ends it.
#[doc(hidden)]
pub trait Host<V>: Sized {
    /// Hook that receives the value.
    type Hook;

    /// Returns whether nothing is traced.
    fn is_off(&self) -> bool;

    fn open(self) -> (CallScope, Self::Hook);

    fn open_local(self, scope: &mut LocalScope) -> Self::Hook;

    fn close(scope: &mut CallScope, hook: Self::Hook, value: &V);
}

/// Opener of a span for work of either kind: a call, a workflow, a manual span.
#[doc(hidden)]
pub trait Opens: Sized {
    type Hook;

    /// Returns whether nothing is traced.
    #[inline]
    fn is_off(&self) -> bool {
        false
    }

    fn open(self) -> (CallScope, Self::Hook);

    /// Opens a span for work that runs at once, in an empty scope.
    fn open_local(self, scope: &mut LocalScope) -> Self::Hook {
        let (opened, hook) = self.open();
        **scope = opened;
        hook
    }
}

impl<V, F: FnOnce() -> V> Work<Blocking> for F {
    type Value = V;
    type Traced<H: Host<V>> = V;

    #[inline]
    fn run_in<H: Host<V>>(self, host: H) -> V {
        if host.is_off() {
            return self();
        }
        let mut scope = LocalScope::none();
        let hook = host.open_local(&mut scope);
        let value = scope.run(self);
        H::close(&mut scope, hook, &value);
        value
    }
}

impl<F: Future> Work<Async> for F {
    type Value = F::Output;
    type Traced<H: Host<F::Output>> = InSpan<H, H::Hook, F>;

    #[inline]
    fn run_in<H: Host<F::Output>>(self, host: H) -> InSpan<H, H::Hook, F> {
        InSpan { work: Some(self), state: State::Waiting(host) }
    }
}

/// Host that ends the span with a value without a failure case.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plain<O>(pub(crate) O);

impl<O: Opens, V> Host<V> for Plain<O>
where
    O::Hook: ResultHook<V>,
{
    type Hook = O::Hook;

    #[inline]
    fn is_off(&self) -> bool {
        self.0.is_off()
    }

    #[inline]
    fn open(self) -> (CallScope, O::Hook) {
        self.0.open()
    }

    #[inline]
    fn open_local(self, scope: &mut LocalScope) -> O::Hook {
        self.0.open_local(scope)
    }

    #[inline]
    fn close(scope: &mut CallScope, hook: O::Hook, value: &V) {
        if scope.is_recording() {
            look_at(scope, hook, value);
            outcome::warn_of_result::<V>();
            match Outcome::of_plain::<V>() {
                Outcome::Returned { type_name } => scope.end_ok(type_name),
                other => scope.end_with(other),
            }
        }
    }
}

/// Host that ends the span with the outcome of a `Result`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fallible<O, Via>(pub(crate) O, PhantomData<fn(Via)>);

impl<O, Via> Fallible<O, Via> {
    pub(crate) fn new(opens: O) -> Self {
        Self(opens, PhantomData)
    }
}

impl<O: Opens, V, E: Failure<Via>, Via> Host<Result<V, E>> for Fallible<O, Via>
where
    O::Hook: ResultHook<V>,
{
    type Hook = O::Hook;

    #[inline]
    fn is_off(&self) -> bool {
        self.0.is_off()
    }

    #[inline]
    fn open(self) -> (CallScope, O::Hook) {
        self.0.open()
    }

    #[inline]
    fn open_local(self, scope: &mut LocalScope) -> O::Hook {
        self.0.open_local(scope)
    }

    #[inline]
    fn close(scope: &mut CallScope, hook: O::Hook, result: &Result<V, E>) {
        if scope.is_recording() {
            match result {
                Ok(value) => {
                    look_at(scope, hook, value);
                    scope.end_ok(type_name::<V>());
                }
                Err(error) => scope.end_with(Outcome::failed::<V>(error.report())),
            }
        }
    }
}

#[inline]
fn look_at<V, H: ResultHook<V>>(scope: &mut CallScope, hook: H, value: &V) {
    if H::WANTED && scope.wants_result() {
        scope.result_attributes(|attributes| hook.look_at(value, attributes));
    }
}

pin_project! {
    /// A future that runs in a span. The span starts at the first poll, and ends as cancelled when
    /// the future is dropped before it completes.
    #[must_use = "futures do nothing unless polled"]
    // Without a bound: `Send` then follows from the parts alone, which the compiler can also derive
    // for a future that borrows and is held over an await.
    pub struct InSpan<H, K, F> {
        #[pin]
        work: Option<F>,
        state: State<H, K>,
    }

    impl<H, K, F> PinnedDrop for InSpan<H, K, F> {
        fn drop(this: Pin<&mut Self>) {
            // Destructors of a cancelled future run inside its span.
            let mut this = this.project();
            if let State::Open(scope, _) = this.state {
                scope.drop_inside(|| this.work.set(None));
            }
        }
    }
}

enum State<H, K> {
    Waiting(H),
    Open(CallScope, K),
    Done,
}

impl<H: Host<F::Output, Hook = K>, K, F: Future> Future for InSpan<H, K, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if let State::Waiting(_) = this.state
            && let State::Waiting(host) = mem::replace(this.state, State::Done)
        {
            let (scope, hook) = host.open();
            *this.state = State::Open(scope, hook);
        }
        let (State::Open(scope, _), Some(work)) =
            (&mut *this.state, this.work.as_mut().as_pin_mut())
        else {
            return Poll::Pending;
        };
        let Poll::Ready(value) = scope.poll(work, task) else { return Poll::Pending };
        scope.drop_inside(|| this.work.set(None));
        if let State::Open(mut scope, hook) = mem::replace(this.state, State::Done) {
            H::close(&mut scope, hook, &value);
        }
        Poll::Ready(value)
    }
}

impl<H, K, F> std::fmt::Debug for InSpan<H, K, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InSpan(..)")
    }
}
