//! No tracing at all: what the workloads cost by themselves.

use crate::{
    facts::{Facts, Says},
    tool::{AsyncTool, Setup, Task, Tool},
};

/// Runs the work and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Bare;

impl Tool for Bare {
    const NAME: &'static str = "bare";

    type Part = Facts;
    type Span = ();

    fn start(_: &Setup) -> Option<Self> {
        Some(Self)
    }

    fn part(&self, facts: Facts, _: Option<&Facts>) -> Facts {
        facts
    }

    fn span<R>(&self, _: Option<&()>, _: &Facts, _: Says, work: impl FnOnce(&()) -> R) -> R {
        work(&())
    }

    fn flush(&self) {}
}

impl AsyncTool for Bare {
    fn task<F: Task>(&self, _: bool, _: &'static Facts, work: F) -> impl Task<Output = F::Output> {
        work
    }
}
