//! Futures that carry a context from poll to poll.

use std::{
    future::Future,
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use pin_project_lite::pin_project;

use crate::context::{Context, current::Current, flow};

pin_project! {
    /// A future that runs in a [`Context`] on whichever thread it is polled; see [`InContext`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct WithContext<F> {
        #[pin]
        future: Option<F>,
        current: Current,
    }

    impl<F> PinnedDrop for WithContext<F> {
        fn drop(this: Pin<&mut Self>) {
            // The future's destructors run in its context, too.
            let mut this = this.project();
            let _entered = flow::enter(this.current);
            this.future.set(None);
        }
    }
}

impl<F> WithContext<F> {
    pub(crate) fn new(future: F, current: Current) -> Self {
        Self { future: Some(future), current }
    }
}

impl<F: Future> Future for WithContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _entered = flow::enter(this.current);
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            unreachable!("the future is taken out only by drop")
        };
        future.poll(task)
    }
}

/// Propagates a context with a future, like [`in_current_context`](crate::in_current_context) with
/// a closure.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{InContext as _, trace};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// trace("nightly import")
///     .in_span(async {
///         // Without `in_current_context` the task would start a trace of its own.
///         let load = async { raaf_trace_core::current_trace_id() };
///         let inside = tokio::spawn(load.in_current_context()).await;
///         assert_eq!(inside.ok(), Some(raaf_trace_core::current_trace_id()));
///     })
///     .await;
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait InContext: Future + Sized {
    /// Runs this future in the context that is current now, wherever it is polled.
    fn in_current_context(self) -> WithContext<Self> {
        self.in_context(Context::current())
    }

    /// Runs this future in `context`, wherever it is polled.
    fn in_context(self, context: Context) -> WithContext<Self> {
        WithContext::new(self, context.into_current())
    }
}

impl<F: Future> InContext for F {}
