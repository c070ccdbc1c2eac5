//! Interface of a tool under test.

use std::fmt::Debug;

use crate::{
    collector::Collector,
    facts::{Facts, Says},
};

/// Configuration of a tool.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Receiver of finished spans.
    pub collector: Collector,
    /// Number of spans that may wait for delivery; the tool's default if `None`.
    pub room: Option<usize>,
    /// Write to a temporary file by the tool's own sink instead of the collector.
    pub own_file: bool,
    /// Why nothing is traced, if nothing is.
    pub off: Option<Off>,
}

impl Setup {
    /// More than any workload makes between two flushes.
    pub const AMPLE: usize = 16_384;

    /// Counts spans, with room for all that a workload makes between two flushes.
    pub fn ample() -> Self {
        let collector = Collector::counting();
        Self { collector, room: Some(Self::AMPLE), own_file: false, off: None }
    }

    /// Traces nothing, for this reason.
    pub fn off(off: Off) -> Self {
        Self { off: Some(off), ..Self::ample() }
    }

    /// Traces to `collector` with the tool's default limits.
    pub fn default_limits(collector: Collector) -> Self {
        Self { collector, room: None, ..Self::ample() }
    }
}

/// Why nothing is traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// Tracing was switched off while the program ran.
    Switch,
    /// The sampler declines each trace.
    Unsampled,
}

/// A way to trace.
pub trait Tool: Debug + Send + Sync + Sized + 'static {
    /// The tool's name in tables.
    const NAME: &'static str;

    /// A component of the workload, as this tool needs it.
    type Part: Debug + Send + Sync + 'static;
    /// An open span, as its children need it.
    type Span;

    /// Sets the tool up for this process; `None` if it cannot be set up so.
    fn start(setup: &Setup) -> Option<Self>;

    /// Prepares a component, which belongs to `parent`.
    fn part(&self, facts: Facts, parent: Option<&Self::Part>) -> Self::Part;

    /// Runs work inside a span under the parent's, which is the one open now; inside a root span if
    /// there is no parent.
    fn span<R>(
        &self,
        parent: Option<&Self::Span>,
        part: &Self::Part,
        says: Says,
        work: impl FnOnce(&Self::Span) -> R,
    ) -> R;

    /// Returns once every span that has ended is delivered.
    fn flush(&self);

    /// Returns how many spans were delivered, of a tool that writes to a file of its own.
    fn delivered_to_file(&self) -> Option<u64> {
        None
    }
}

/// Work of a workload that can be spawned.
pub trait Task: Future<Output: Send> + Send + 'static {}

impl<F: Future<Output: Send> + Send + 'static> Task for F {}

/// A tool that can trace futures.
pub trait AsyncTool: Tool {
    /// Runs a future inside a span with four attributes: a root span, or one under the span that is
    /// open where this is called.
    fn task<F: Task>(
        &self,
        is_root: bool,
        part: &'static Self::Part,
        work: F,
    ) -> impl Task<Output = F::Output>;
}
