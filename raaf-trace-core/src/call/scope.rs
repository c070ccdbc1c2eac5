//! Scope of a traced call: its span, if any, around the work.

use std::{
    any::Any,
    future::Future,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    panic::resume_unwind,
    pin::Pin,
    task::{Context as TaskContext, Poll},
    thread,
};

use crate::{
    call::outcome::{ErrorReport, Outcome},
    context::flow,
    span::{
        finish,
        record::{Held, Shared},
    },
};
use pin_project_lite::pin_project;
use raaf_trace_model::{
    attributes::Attributes,
    keys,
    span::{SpanBody, Status},
};

/// Scope of a traced call after the decision about its span: the work has its own span, a reused
/// one, or none.
///
/// Used by the macros and the `in_span` forms; public for libraries with similar forms. If dropped
/// without [`end`](CallScope::end), its span ends as cancelled.
#[derive(Debug)]
pub struct CallScope {
    /// The span, while it is not current.
    span: Option<Held>,
    claim: Claim,
    /// `true` if the span records the type of the returned value.
    tells_type: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    None,
    Own,
    Reused,
    /// A span that is ended elsewhere.
    Lent,
}

impl CallScope {
    #[inline]
    pub(super) fn none() -> Self {
        Self { span: None, claim: Claim::None, tells_type: true }
    }

    /// Creates a scope around a span that was just opened.
    pub(crate) fn around(span: Option<Held>) -> Self {
        span.map_or_else(Self::none, Self::own)
    }

    pub(super) fn own(span: Held) -> Self {
        Self { span: Some(span), claim: Claim::Own, tells_type: true }
    }

    /// Puts a span that was just opened into an empty scope.
    #[inline]
    pub(super) fn hold(&mut self, span: Held) {
        self.span = Some(span);
        self.claim = Claim::Own;
    }

    pub(super) fn reused(record: Shared) -> Self {
        Self { span: Some(Held::Shared(record)), claim: Claim::Reused, tells_type: true }
    }

    /// Records no type of the returned value, as for manual spans.
    pub(crate) fn without_type(mut self) -> Self {
        self.tells_type = false;
        self
    }

    /// Creates a scope around a span that is ended elsewhere.
    pub(crate) fn lent(record: Option<Shared>) -> Self {
        record.map_or_else(Self::none, |record| Self {
            span: Some(Held::Shared(record)),
            claim: Claim::Lent,
            tells_type: false,
        })
    }

    /// Returns whether a span records the outcome of the work.
    #[inline]
    pub fn is_recording(&self) -> bool {
        self.claim != Claim::None
    }

    /// Returns whether attributes of the result are recorded: the call has its own span, which is
    /// sampled.
    #[inline]
    pub fn wants_result(&self) -> bool {
        self.claim == Claim::Own && self.span.as_ref().is_some_and(Held::is_sampled)
    }

    /// Runs the work inside the span. A panic ends the span and propagates.
    #[inline]
    pub fn run<V>(&mut self, work: impl FnOnce() -> V) -> V {
        if !matches!(self.claim, Claim::Own | Claim::Lent) {
            return work();
        }
        self.enter(work).unwrap_or_else(|panic| {
            self.panicked(&*panic);
            resume_unwind(panic)
        })
    }

    /// Runs a part of the work inside the span, and catches its panic.
    #[inline]
    pub(super) fn enter<V>(&mut self, work: impl FnOnce() -> V) -> thread::Result<V> {
        flow::inside_span(&mut self.span, work)
    }

    /// Polls a future inside the span. Enters a reused span, too, since the future may have moved
    /// to another thread.
    #[inline]
    pub(super) fn poll<F: Future>(
        &mut self,
        work: Pin<&mut F>,
        task: &mut TaskContext<'_>,
    ) -> Poll<F::Output> {
        if !self.is_recording() {
            return work.poll(task);
        }
        self.enter(|| work.poll(task)).unwrap_or_else(|panic| {
            self.panicked(&*panic);
            resume_unwind(panic)
        })
    }

    /// Drops the work inside the span while the span is still running.
    pub(super) fn drop_inside(&mut self, drop: impl FnOnce()) {
        if self.is_recording() {
            self.enter(drop).unwrap_or_else(|panic| resume_unwind(panic));
        }
    }

    /// Runs a future inside the span, entering it at each poll.
    #[inline]
    pub fn run_async<F: Future>(&mut self, work: F) -> impl Future<Output = F::Output> {
        Inside { scope: self, work: Some(work) }
    }

    /// Adds attributes of the result. If `hook` panics, only its attributes are lost.
    pub fn result_attributes(&mut self, hook: impl FnOnce(&mut Attributes)) {
        if let (Claim::Own, Some(span)) = (self.claim, &mut self.span) {
            // The user's hook may access the span, so the lock must not be held.
            let mut attributes = Attributes::with_limits(span.limits());
            super::open::fill(&mut attributes, hook);
            span.with_body(|body| {
                body.attributes.merge(attributes);
            });
        }
    }

    /// Ends the call with the outcome of the work.
    #[inline]
    pub fn end(mut self, outcome: Outcome) {
        self.end_with(outcome);
    }

    #[inline]
    pub(super) fn end_with(&mut self, outcome: Outcome) {
        let told = self.tells_type;
        match outcome {
            Outcome::Returned { type_name } => self.end_ok(type_name),
            Outcome::Unknown { .. } => self.finish(|_| {}),
            Outcome::Failed { error, type_name } => {
                if self.claim == Claim::Reused {
                    self.note(&error);
                    return;
                }
                self.fail_with(&error, told.then_some(type_name));
            }
        }
    }

    /// Ends the call of work that returned a value.
    #[inline]
    pub(super) fn end_ok(&mut self, type_name: &'static str) {
        let told = self.tells_type;
        self.finish(|body| {
            body.status = Status::Ok;
            body.result_type = told.then_some(type_name);
        });
    }

    /// Records the number of items so far.
    pub(super) fn count_items(&mut self, items: u64) {
        if let (Claim::Own, Some(span)) = (self.claim, &mut self.span) {
            span.with_body(|body| {
                body.attributes.set_reserved(keys::STREAM_ITEMS, items);
            });
        }
    }

    /// Ends the call of a stream: with the recorded error of its last item, as ok, or, where no
    /// type was returned, as cancelled.
    pub(super) fn end_items(
        &mut self,
        error: Option<&ErrorReport>,
        result_type: Option<&'static str>,
    ) {
        let Some(span) = &mut self.span else { return };
        let limits = span.limits();
        self.finish(|body| {
            body.result_type = result_type;
            match error {
                Some(error) => error.fail(body, limits, None),
                None if result_type.is_some() => body.status = Status::Ok,
                None => body.status = Status::Cancelled,
            }
        });
        self.claim = Claim::None;
    }

    /// Adds an error as an event only: the call that owns a reused span sets its status.
    pub(super) fn note(&mut self, error: &ErrorReport) {
        let Some(span) = &mut self.span else { return };
        let limits = span.limits();
        if let Some(trace) = span.trace() {
            span.with_body(|body| error.note(body, limits, &trace));
        }
    }

    pub(super) fn panicked(&mut self, panic: &(dyn Any + Send)) {
        self.fail_with(&ErrorReport::of_panic(panic), None);
    }

    fn fail_with(&mut self, error: &ErrorReport, result_type: Option<&'static str>) {
        let Some(span) = &mut self.span else { return };
        let (limits, trace) = (span.limits(), span.trace());
        if self.claim == Claim::Lent {
            return span.with_body(|body| error.fail(body, limits, trace.as_deref()));
        }
        self.finish(|body| {
            error.fail(body, limits, trace.as_deref());
            body.result_type = result_type.filter(|_| !error.is_pause);
        });
    }

    fn finish(&mut self, how: impl FnOnce(&mut SpanBody)) {
        if self.claim == Claim::Own {
            self.claim = Claim::None;
            if let Some(span) = self.span.take() {
                finish::finish(span, how);
            }
        }
    }
}

/// Scope of a synchronous call, which stays in its thread. Used by the macros and the `in_span`
/// forms.
#[derive(Debug)]
pub struct LocalScope {
    scope: CallScope,
    /// Its span refers to tables of the thread.
    not_send: PhantomData<*const ()>,
}

impl LocalScope {
    #[inline]
    pub(super) fn none() -> Self {
        Self { scope: CallScope::none(), not_send: PhantomData }
    }

    /// Ends the call with the outcome of the work.
    #[inline]
    pub fn end(mut self, outcome: Outcome) {
        self.scope.end_with(outcome);
    }
}

impl Deref for LocalScope {
    type Target = CallScope;

    #[inline]
    fn deref(&self) -> &CallScope {
        &self.scope
    }
}

impl DerefMut for LocalScope {
    #[inline]
    fn deref_mut(&mut self) -> &mut CallScope {
        &mut self.scope
    }
}

impl Drop for CallScope {
    #[inline]
    fn drop(&mut self) {
        if self.claim == Claim::Own {
            self.finish(|body| body.status = Status::Cancelled);
        }
    }
}

pin_project! {
    struct Inside<'a, F> {
        scope: &'a mut CallScope,
        #[pin]
        work: Option<F>,
    }

    impl<F> PinnedDrop for Inside<'_, F> {
        fn drop(this: Pin<&mut Self>) {
            // Destructors of a cancelled future run inside its span.
            let mut this = this.project();
            this.scope.drop_inside(|| this.work.set(None));
        }
    }
}

impl<F: Future> Future for Inside<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Some(work) = this.work.as_mut().as_pin_mut() else {
            unreachable!("the work is taken out only by drop")
        };
        this.scope.poll(work, task)
    }
}
