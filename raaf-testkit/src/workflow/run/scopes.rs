//! Spans of another tracing library.

use futures::future::BoxFuture;

/// Spans of another tracing library that a bridge records, around steps of a workflow; see
/// [`Workflow::run_with`](super::Workflow::run_with).
///
/// The parent of each is to be our innermost span or, in an empty context, the library's own current
/// span, if there is one.
pub trait Scopes: Send + Sync + 'static {
    /// Returns kind, component name and method of each of its spans, as recorded. Their status is
    /// unset.
    fn recorded_as(&self) -> [&'static str; 3];

    /// Runs steps inside a span, which ends with them.
    fn run(&self, steps: &mut dyn FnMut());

    /// Wraps a future: a span that starts now is current at each poll, and ends with the future.
    fn wrap<'a>(&self, steps: BoxFuture<'a, ()>) -> BoxFuture<'a, ()>;
}
