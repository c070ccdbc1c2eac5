//! No tracing at all: what the workloads cost by themselves.

use super::{AsyncTool, Setup, Tool};
use crate::facts::{Facts, Says};

/// Runs the work and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Bare;

impl Tool for Bare {
    type Part = Facts;
    type Span = ();

    fn start(_: &Setup) -> Option<Self> {
        Some(Self)
    }

    fn part(&self, facts: Facts, _: Option<&Facts>) -> Facts {
        facts
    }

    fn root<R>(&self, _: &Facts, _: Says, work: impl FnOnce(&()) -> R) -> R {
        work(&())
    }

    fn child<R>(&self, (): &(), _: &Facts, _: Says, work: impl FnOnce(&()) -> R) -> R {
        work(&())
    }

    fn flush(&self) {}
}

impl AsyncTool for Bare {
    fn root_async<F>(
        &self,
        _: &'static Facts,
        work: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        work
    }

    fn child_async<F>(
        &self,
        _: &'static Facts,
        work: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future<Output: Send> + Send + 'static,
    {
        work
    }
}
