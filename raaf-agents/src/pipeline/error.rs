//! Why a pipeline stopped.

use std::error::Error;

use thiserror::Error;

use super::{State, StateError};
use crate::runner::RunError;

/// A pipeline that stopped at a step.
#[derive(Debug, Error)]
#[error("pipeline `{pipeline}` stopped at step `{step}`")]
#[non_exhaustive]
pub struct PipelineError {
    /// The pipeline.
    pub pipeline: String,
    /// The step that failed.
    pub step: String,
    /// The steps that were done, in order. Those beside the failed one are not among them.
    pub completed: Vec<String>,
    /// The state before the step, or the parallel group, that failed.
    pub state: Box<State>,
    /// Why it failed.
    pub source: StepError,
}

/// Why a step failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StepError {
    /// An agent's run gave no answer.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A nested pipeline stopped.
    #[error(transparent)]
    Pipeline(Box<PipelineError>),
    /// The state lacks what the step needs.
    #[error(transparent)]
    State(#[from] StateError),
    /// A function failed, or a step of the user's.
    #[error(transparent)]
    Function(Box<dyn Error + Send + Sync>),
}
