//! The forms in which a prepared call runs its work.

use std::future::Future;

use super::{
    Call, CallScope,
    hooks::{LazyAttributes, ResultHook},
};
use crate::call::{
    outcome::{self, Failure, Outcome},
    traceable::Traceable,
};

impl<T: Traceable + ?Sized, L: LazyAttributes, R> Call<'_, T, L, R> {
    /// Runs work that returns a plain value, and returns it.
    ///
    /// For work that returns a `Result` this would mark a failure as a success: use
    /// [`try_run`](Self::try_run). Debug builds warn about it.
    #[inline]
    pub fn run<V>(self, work: impl FnOnce() -> V) -> V
    where
        R: ResultHook<V>,
    {
        if !self.enabled {
            return work();
        }
        let (mut scope, hook) = self.open();
        let value = scope.run(work);
        end_plain(scope, hook, &value);
        value
    }

    /// Runs work that can fail. An `Err` is returned unchanged, and the span says so.
    ///
    /// # Errors
    ///
    /// Those of `work`.
    #[inline]
    pub fn try_run<V, E, Via>(self, work: impl FnOnce() -> Result<V, E>) -> Result<V, E>
    where
        R: ResultHook<V>,
        E: Failure<Via>,
    {
        if !self.enabled {
            return work();
        }
        let (mut scope, hook) = self.open();
        let result = scope.run(work);
        end_result(scope, hook, &result);
        result
    }

    /// As [`run`](Self::run), for a future. Whether there is a span is decided at the first poll;
    /// dropped before it is done, the span ends as cancelled.
    #[inline]
    pub async fn run_async<F: Future>(self, work: F) -> F::Output
    where
        R: ResultHook<F::Output>,
    {
        let (mut scope, hook) = self.open();
        let value = scope.run_async(work).await;
        end_plain(scope, hook, &value);
        value
    }

    /// As [`try_run`](Self::try_run), for a future.
    ///
    /// # Errors
    ///
    /// Those of `work`.
    #[inline]
    pub async fn try_run_async<V, E, Via>(
        self,
        work: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E>
    where
        R: ResultHook<V>,
        E: Failure<Via>,
    {
        let (mut scope, hook) = self.open();
        let result = scope.run_async(work).await;
        end_result(scope, hook, &result);
        result
    }
}

#[inline]
fn end_plain<V>(mut scope: CallScope, hook: impl ResultHook<V>, value: &V) {
    if !scope.is_recording() {
        return;
    }
    outcome::warn_of_result::<V>();
    look_at_result(&mut scope, hook, value);
    scope.end(Outcome::returned::<V>());
}

#[inline]
fn end_result<V, E, Via>(mut scope: CallScope, hook: impl ResultHook<V>, result: &Result<V, E>)
where
    E: Failure<Via>,
{
    if !scope.is_recording() {
        return;
    }
    if let Ok(value) = result {
        look_at_result(&mut scope, hook, value);
    }
    scope.end(Outcome::of_result(result));
}

#[inline]
fn look_at_result<V, H: ResultHook<V>>(scope: &mut CallScope, hook: H, value: &V) {
    if H::WANTED && scope.wants_result() {
        scope.result_attributes(|attributes| hook.look_at(value, attributes));
    }
}
