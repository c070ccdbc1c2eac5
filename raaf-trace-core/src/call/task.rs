//! Tokio tasks that continue the trace of the code that spawns them.

use std::future::Future;

use tokio::task::{self, AbortHandle, JoinHandle, JoinSet};

use crate::context::{InContext as _, in_current_context};

/// Calls [`tokio::spawn`] with the current context.
///
/// # Panics
///
/// Outside a tokio runtime, like `tokio::spawn`.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{current_trace_id, task::spawn_traced, trace};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// trace("nightly import")
///     .in_span(async {
///         let inside = spawn_traced(async { current_trace_id() }).await;
///         assert_eq!(inside.ok(), Some(current_trace_id()));
///     })
///     .await;
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn spawn_traced<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(future.in_current_context())
}

/// Calls [`tokio::task::spawn_blocking`] with the current context.
///
/// # Panics
///
/// Outside a tokio runtime, like `spawn_blocking`.
#[track_caller]
pub fn spawn_blocking_traced<F, R>(work: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    task::spawn_blocking(in_current_context(work))
}

/// Extension of [`JoinSet`] for spawning with the current context.
pub trait JoinSetExt<T> {
    /// Calls [`JoinSet::spawn`] with the current context.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, like `JoinSet::spawn`.
    #[track_caller]
    fn spawn_traced<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static;
}

impl<T: Send + 'static> JoinSetExt<T> for JoinSet<T> {
    #[track_caller]
    fn spawn_traced<F>(&mut self, future: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.spawn(future.in_current_context())
    }
}
