//! Why a pipeline stopped.

use std::{error::Error, fmt, time::Duration};

use thiserror::Error;

use super::{State, StateError};
use crate::{causes, runner::RunError, time_limit::TimeLimited, tool::ToolError};

/// A pipeline that stopped at a step.
///
/// Its `Debug` form, which a `main` prints that returns it, is the error and its causes, without the
/// state.
#[derive(Error)]
#[error("pipeline `{pipeline}` stopped at step `{step}`")]
#[non_exhaustive]
pub struct PipelineError {
    /// The pipeline.
    pub pipeline: String,
    /// The step that failed.
    pub step: String,
    /// The steps that were done or skipped, in order. Those beside the failed one are not among
    /// them.
    pub completed: Vec<String>,
    /// The state before the step that failed. When the branches of a parallel group were all
    /// [waited for](crate::OnBranchError::Collect), what the good ones did is in it.
    pub state: Box<State>,
    /// Why it failed.
    pub source: StepError,
}

impl fmt::Debug for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::fmt(self, f)
    }
}

/// Why a step failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StepError {
    /// An agent's run gave no answer.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A tool gave no result.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// A nested pipeline stopped.
    #[error(transparent)]
    Pipeline(Box<PipelineError>),
    /// The state lacks what the step needs.
    #[error(transparent)]
    State(#[from] StateError),
    /// The step took longer than it [may](crate::FlowExt::timeout).
    #[error("it took longer than {limit:?}")]
    Timeout {
        /// How long it may take.
        limit: Duration,
    },
    /// Branches of a parallel group failed, and all were
    /// [waited for](crate::OnBranchError::Collect).
    #[error("{} of {branches} branches failed: {}", failures.len(), names(failures))]
    Branches {
        /// How many branches there are.
        branches: usize,
        /// Those that failed, in the order in which they were declared.
        failures: Vec<BranchFailure>,
    },
    /// A function failed, or a step of the user's.
    #[error(transparent)]
    Function(Box<dyn Error + Send + Sync>),
}

impl TimeLimited for StepError {
    fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }
}

/// A branch of a parallel group that failed.
#[derive(Debug, Error)]
#[error("step `{step}` failed")]
#[non_exhaustive]
pub struct BranchFailure {
    /// The step that failed.
    pub step: String,
    /// The steps of the branch that were done or skipped, in order.
    pub completed: Vec<String>,
    /// Why it failed.
    pub source: StepError,
}

fn names(failures: &[BranchFailure]) -> String {
    failures.iter().map(|failure| format!("`{}`", failure.step)).collect::<Vec<_>>().join(", ")
}

/// A flow that stopped: what becomes a [`PipelineError`].
#[derive(Debug)]
pub(super) struct Stopped {
    pub(super) step: String,
    pub(super) completed: Vec<String>,
    pub(super) state: State,
    pub(super) source: StepError,
}

impl Stopped {
    pub(super) fn at(step: &str, state: State, source: StepError) -> Box<Self> {
        Box::new(Self { step: step.to_owned(), completed: Vec::new(), state, source })
    }
}
