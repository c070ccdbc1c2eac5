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
    /// Counts spans, with room for more than any workload makes between two flushes.
    pub fn ample() -> Self {
        Self { collector: Collector::default(), room: Some(16_384), own_file: false, off: None }
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

/// A component of a workload, as a tool needs it.
pub trait Part: Debug + Send + Sync + 'static {
    /// Prepares a component, which belongs to `parent`.
    fn new(facts: Facts, parent: Option<&Self>) -> Self;
}

impl Part for Facts {
    fn new(facts: Facts, _: Option<&Self>) -> Self {
        facts
    }
}

/// A way to trace.
pub trait Tool: Debug + Send + Sync + Sized + 'static {
    /// The tool's name in tables.
    const NAME: &'static str;

    /// A component; [`Facts`] for tools that know no components.
    type Part: Part;
    /// An open span, as its children need it.
    type Span;

    /// Sets the tool up for this process; `None` if it cannot be set up so.
    fn start(setup: &Setup) -> Option<Self>;

    /// Runs work inside a span under the parent's, which is the one open now; inside a root span if
    /// there is no parent.
    fn span(
        &self,
        parent: Option<&Self::Span>,
        part: &Self::Part,
        says: Says,
        work: impl FnOnce(&Self::Span),
    );

    /// Returns once every span that has ended is delivered.
    fn flush(&self) {}

    /// Returns how many spans were delivered, of a tool that writes to a file of its own.
    fn delivered_to_file(&self) -> Option<u64> {
        None
    }
}

/// Work of a workload that can be spawned.
pub trait Task: Future<Output = ()> + Send + 'static {}

impl<F: Future<Output = ()> + Send + 'static> Task for F {}

/// A tool that can trace futures.
pub trait AsyncTool: Tool {
    /// Runs a future inside a span with four attributes: a root span, or one under the span that is
    /// open where this is called.
    fn task(&self, is_root: bool, part: &'static Self::Part, work: impl Task) -> impl Task;
}

/// Runs the work and nothing else: what the workloads cost by themselves.
#[derive(Clone, Copy, Debug)]
pub struct Bare;

impl Tool for Bare {
    const NAME: &'static str = "bare";

    type Part = Facts;
    type Span = ();

    fn start(_: &Setup) -> Option<Self> {
        Some(Self)
    }

    fn span(&self, _: Option<&()>, _: &Facts, _: Says, work: impl FnOnce(&())) {
        work(&());
    }
}

impl AsyncTool for Bare {
    fn task(&self, _: bool, _: &'static Facts, work: impl Task) -> impl Task {
        work
    }
}
