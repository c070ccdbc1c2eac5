//! Captures in one line.

use std::future::Future;

use super::Capture;
use crate::tree::Spans;

/// Runs `work` in a [`Capture`] of its own; what it returned, and its spans, once all have ended.
///
/// # Panics
///
/// Panics if spans are still open 5 seconds after `work` returned.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{assert_span_tree, captured};
/// use raaf_trace_core::{Component, Traceable as _};
///
/// let (sum, spans) = captured(|| Component::tool("add").in_span("run", || 1 + 2));
/// assert_eq!(sum, 3);
/// assert_span_tree!(spans, { tool "add" });
/// ```
#[track_caller]
pub fn captured<R>(work: impl FnOnce() -> R) -> (R, Spans) {
    let capture = Capture::new();
    let result = capture.run(work);
    (result, capture.spans())
}

/// Runs a future in a new capture and returns its output and spans; see [`captured`]. Needs no
/// particular runtime.
///
/// # Panics
///
/// Panics if spans are still open 5 seconds after the future was done.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{assert_span_tree, captured_async};
/// use raaf_trace_core::{Component, Traceable as _};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let search = Component::tool("search");
/// let (found, spans) = captured_async(search.in_span("run", async { "tea" })).await;
/// assert_eq!(found, "tea");
/// assert_span_tree!(spans, { tool "search" });
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn captured_async<F: Future>(work: F) -> (F::Output, Spans) {
    let capture = Capture::new();
    let result = capture.run_async(work).await;
    (result, capture.spans_async().await)
}
