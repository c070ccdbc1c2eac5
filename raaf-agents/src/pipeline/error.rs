//! Errors of pipelines.

use std::{borrow::Cow, error::Error, time::Duration};

use raaf_trace_core::{
    ErrorType,
    call::{ErrorReport, Failure, KnownErrorType},
};
use thiserror::Error;

use super::{State, StateError};
use crate::{
    errors::{TIMEOUT, TimeLimited},
    runner::RunError,
    tool::ToolError,
};

/// A pipeline run that failed at a step.
///
/// Neither its text nor its `Debug` form contains the values of the state.
#[derive(Debug, Error)]
#[error("pipeline `{pipeline}` stopped at step `{step}`")]
#[non_exhaustive]
pub struct PipelineError {
    /// The name of the pipeline.
    pub pipeline: String,
    /// The name of the step that failed.
    pub step: String,
    /// The names of the steps that were completed or skipped, in order. Branches beside the failed
    /// one are not included.
    pub completed: Vec<String>,
    /// The state before the step that failed. If all branches of a parallel group were
    /// [awaited](crate::OnBranchError::Collect), it includes the changes of those that succeeded.
    pub state: Box<State>,
    /// The error of the step.
    pub source: StepError,
}

/// The type of the step's error.
impl ErrorType for PipelineError {
    fn error_type(&self) -> Cow<'static, str> {
        ErrorReport::of(&self.source).type_name.into()
    }
}

/// The type of the underlying error; otherwise `Timeout` or `StepError::Branches`.
impl ErrorType for StepError {
    fn error_type(&self) -> Cow<'static, str> {
        let report = match self {
            Self::Run(error) => ErrorReport::of(error),
            Self::Tool(error) => ErrorReport::of(error),
            Self::Pipeline(error) => ErrorReport::of(&**error),
            Self::State(error) => ErrorReport::of(error),
            Self::Function(error) => match ErrorReport::from_error(&**error) {
                // A message in a box, of which nothing can be told.
                report if report.type_name == "dyn Error" => return "StepError::Function".into(),
                report => report,
            },
            Self::Timeout { .. } => return TIMEOUT.into(),
            Self::Branches { .. } => return "StepError::Branches".into(),
        };
        report.type_name.into()
    }
}

raaf_trace_core::submit! { KnownErrorType::new::<PipelineError>() }
raaf_trace_core::submit! { KnownErrorType::new::<StepError>() }

/// Error of a step.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StepError {
    /// An agent's run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A tool call failed.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// A nested pipeline failed.
    #[error(transparent)]
    Pipeline(Box<PipelineError>),
    /// A value that the step requires is missing or has another type.
    #[error(transparent)]
    State(#[from] StateError),
    /// The step exceeded its [time limit](crate::FlowExt::timeout).
    #[error("timed out after {limit:?}")]
    Timeout {
        /// The time limit.
        limit: Duration,
    },
    /// Branches of a parallel group failed, and all branches were
    /// [awaited](crate::OnBranchError::Collect).
    #[error("{} of {branches} branches failed: {}", failures.len(), names(failures))]
    Branches {
        /// The number of branches.
        branches: usize,
        /// The branches that failed, in the order of declaration.
        failures: Vec<BranchFailure>,
    },
    /// A function or a custom [`Step`](trait@crate::Step) failed.
    #[error(transparent)]
    Function(Box<dyn Error + Send + Sync>),
}

impl TimeLimited for StepError {
    fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }
}

/// Branch of a parallel group that failed.
#[derive(Debug, Error)]
#[error("step `{step}` failed")]
#[non_exhaustive]
pub struct BranchFailure {
    /// The name of the step that failed.
    pub step: String,
    /// The names of the branch's steps that were completed or skipped, in order.
    pub completed: Vec<String>,
    /// The error of the step.
    pub source: StepError,
}

fn names(failures: &[BranchFailure]) -> String {
    failures.iter().map(|failure| format!("`{}`", failure.step)).collect::<Vec<_>>().join(", ")
}

/// Failure of a flow, before it becomes a [`PipelineError`].
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

/// Spans show the step's error alone.
impl Failure<()> for Box<Stopped> {
    fn report(&self) -> ErrorReport {
        TimeLimited::report(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_cause_and_no_values_of_the_state() {
        let error = PipelineError {
            pipeline: "Letters".to_owned(),
            step: "Writer".to_owned(),
            completed: Vec::new(),
            state: Box::new(State::new().with("input", "my secret")),
            source: StepError::Timeout { limit: Duration::from_secs(2) },
        };
        let debug = format!("{error:?}");
        assert!(debug.contains("Timeout") && debug.contains("input"), "{debug}");
        assert!(!debug.contains("my secret"), "{debug}");
    }
}
