//! Operators `>>` and `|`.

use std::ops::{BitOr, Shr};

use super::{Flow, Parallel};
use crate::{
    agent::Agent,
    pipeline::{AgentStep, EachOver, FunctionStep, Pipeline, ToolStep},
    tool::FunctionTool,
};

macro_rules! operators {
    ($($left:ty),*) => {$(
        /// Runs the left operand, then the right one.
        impl<R: Into<Flow>> Shr<R> for $left {
            type Output = Flow;

            fn shr(self, right: R) -> Flow {
                Flow::from(self).then(right)
            }
        }
    )*};
}

macro_rules! branches {
    ($($left:ty),*) => {$(
        /// Runs both operands concurrently.
        impl<R: Into<Flow>> BitOr<R> for $left {
            type Output = Parallel;

            fn bitor(self, right: R) -> Parallel {
                Parallel::of([Flow::from(self), right.into()])
            }
        }
    )*};
}

operators!(
    Agent,
    AgentStep,
    EachOver,
    Flow,
    FunctionStep,
    FunctionTool,
    Parallel,
    Pipeline,
    ToolStep
);
branches!(Agent, AgentStep, EachOver, Flow, FunctionStep, FunctionTool, Pipeline, ToolStep);

/// Adds a branch.
impl<R: Into<Flow>> BitOr<R> for Parallel {
    type Output = Self;

    fn bitor(self, right: R) -> Self {
        self.and(right)
    }
}
