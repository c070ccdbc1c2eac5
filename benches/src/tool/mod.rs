//! The tools under test, one module each.

mod bare;
mod fastrace;
mod opentelemetry;
mod raaf;
mod setup;
mod tracing_layer;
mod tracing_opentelemetry;

use std::fmt::Debug;

use crate::facts::{Facts, Says};

pub use bare::Bare;
pub use fastrace::{FastraceLocal, FastraceSpans};
pub use opentelemetry::{OpenTelemetryBatch, OpenTelemetrySimple};
pub use raaf::{Node, Raaf};
pub use setup::{Off, Overflow, Room, Setup, Sink};
pub use tracing_layer::TracingLayer;
pub use tracing_opentelemetry::TracingOpenTelemetry;

/// A way to trace.
pub trait Tool: Debug + Send + Sync + Sized + 'static {
    /// A component of the workload, as this tool needs it.
    type Part: Debug + Send + Sync + 'static;
    /// An open span, as its children need it.
    type Span;

    /// Sets the tool up for this process; `None` if it cannot be set up so.
    fn start(setup: &Setup) -> Option<Self>;

    /// Prepares a component, which belongs to `parent`.
    fn part(&self, facts: Facts, parent: Option<&Self::Part>) -> Self::Part;

    /// Runs work inside a root span.
    fn root<R>(&self, part: &Self::Part, says: Says, work: impl FnOnce(&Self::Span) -> R) -> R;

    /// Runs work inside a span under the parent's, which is the one open now.
    fn child<R>(
        &self,
        parent: &Self::Span,
        part: &Self::Part,
        says: Says,
        work: impl FnOnce(&Self::Span) -> R,
    ) -> R;

    /// Returns once every span that has ended is delivered.
    fn flush(&self);

    /// How many spans its sink got so far, if that is not the collector.
    fn delivered_elsewhere(&self) -> Option<u64> {
        None
    }

    /// How many spans it says it did not deliver; 0 if it does not say.
    fn given_up(&self) -> u64 {
        0
    }
}

/// A tool that can trace futures.
pub trait AsyncTool: Tool {
    /// Runs a future inside a root span with four attributes.
    fn root_async<F>(
        &self,
        part: &'static Self::Part,
        work: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static;

    /// Runs a future inside a span with four attributes, under the span that is open where this is
    /// called. The future can be spawned.
    fn child_async<F>(
        &self,
        part: &'static Self::Part,
        work: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static;
}
