//! Errors of pipelines.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use raaf_trace_core::{
    ErrorType,
    call::{ErrorReport, Failure, KnownErrorType},
    diagnostics::Escaped,
};
use thiserror::Error;

use super::{PipelineState, State, StateError, paused::Place};
use crate::{
    errors::{PAUSED, TIMEOUT, behind, with_causes},
    runner::{RunError, RunErrorKind},
    state::{ResumeError, pause_text},
    tool::ToolError,
};

/// A pipeline run that failed at a step.
///
/// Its text contains that of the step's error, and [`Error::source`] returns the source of that error.
/// Neither the text nor the `Debug` form contains the values of the state.
#[derive(Debug)]
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

impl fmt::Display for PipelineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pipeline, step, source, .. } = self;
        write!(f, "pipeline `{pipeline}` stopped at step `{step}`: {source}")
    }
}

impl Error for PipelineError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.behind()
    }
}

/// The type of the step's error.
impl ErrorType for PipelineError {
    fn error_type(&self) -> Cow<'static, str> {
        self.source.error_type()
    }

    fn is_pause(&self) -> bool {
        self.source.is_pause()
    }
}

impl PipelineError {
    /// Returns the state of a pipeline that has paused, to resume it with, or the error.
    ///
    /// # Errors
    ///
    /// If the pipeline has failed.
    pub fn into_state(self) -> Result<PipelineState, Box<Self>> {
        match self.source {
            StepError::Paused(state) => Ok(*state),
            source => Err(Box::new(Self { source, ..self })),
        }
    }
}

/// The type of the underlying error, `StepError::Function` if that is a message only; otherwise
/// `timeout` or `StepError::Branches`.
impl ErrorType for StepError {
    fn error_type(&self) -> Cow<'static, str> {
        match self {
            Self::Run(error) => error.error_type(),
            Self::Tool(error) => error.error_type(),
            Self::Pipeline(error) => error.error_type(),
            Self::State(error) => ErrorReport::of(error).type_name.into(),
            Self::Function(error) => {
                ErrorReport::type_of(&**error).map_or("StepError::Function".into(), Cow::Owned)
            }
            Self::Timeout { .. } => TIMEOUT.into(),
            Self::Branches { .. } => "StepError::Branches".into(),
            Self::Paused(_) => PAUSED.into(),
            Self::Resume(_) => "StepError::Resume".into(),
            Self::Journal { .. } => "StepError::Journal".into(),
        }
    }

    fn is_pause(&self) -> bool {
        match self {
            Self::Run(error) => error.is_pause(),
            Self::Tool(error) => error.is_pause(),
            Self::Pipeline(error) => error.is_pause(),
            Self::Paused(_) => true,
            _ => false,
        }
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
    #[error("{} of {branches} branches failed: {}", failures.len(), list(failures))]
    Branches {
        /// The number of branches.
        branches: usize,
        /// The branches that failed, in the order of declaration.
        failures: Vec<BranchFailure>,
    },
    /// A run in the pipeline waits for the approval of calls. This is not a failure: take the
    /// [state](PipelineError::into_state), and [resume](crate::Pipeline::resume) the pipeline.
    #[error("{}", pause_text(.0.pending().len()))]
    Paused(Box<PipelineState>),
    /// The state of a pipeline does not fit the one that was to resume it.
    #[error("the pipeline cannot be resumed: {0}")]
    Resume(ResumeError),
    /// The [journal](crate::Pipeline::journaled) failed.
    #[error("the journal failed at step `{}`: {source}", Escaped(step))]
    Journal {
        /// The name of the step in the journal.
        step: String,
        /// The error it returned.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A function or a custom [`Step`](trait@crate::Step) failed.
    #[error(transparent)]
    Function(Box<dyn Error + Send + Sync>),
}

impl StepError {
    /// Returns whether the state of a pause does not fit the step.
    pub(super) fn is_mismatch(&self) -> bool {
        match self {
            Self::Resume(_) => true,
            Self::Run(error) => matches!(error.kind, RunErrorKind::Resume(_)),
            Self::Pipeline(error) => error.source.is_mismatch(),
            _ => false,
        }
    }

    /// Returns whether the journal has failed, which is not a failure of the step.
    pub(super) fn is_of_journal(&self) -> bool {
        self.any(true, |kind| matches!(kind, RunErrorKind::Journal { .. }))
    }

    /// Returns whether the step was interrupted, so that a journal must not have it as failed: the journal has
    /// failed, or a run was cancelled.
    pub(super) fn is_interruption(&self) -> bool {
        self.is_of_journal() || self.any(false, |kind| matches!(kind, RunErrorKind::Cancelled))
    }

    fn any(&self, of_journal: bool, of_run: fn(&RunErrorKind) -> bool) -> bool {
        match self {
            Self::Journal { .. } => of_journal,
            Self::Run(error) => of_run(&error.kind),
            Self::Tool(ToolError::Failed { source, .. }) => {
                source.downcast_ref().is_some_and(|error: &RunError| of_run(&error.kind))
            }
            Self::Pipeline(error) => error.source.any(of_journal, of_run),
            Self::Branches { failures, .. } => {
                failures.iter().any(|failure| failure.source.any(of_journal, of_run))
            }
            _ => false,
        }
    }

    /// Returns the source of an error whose text contains the text of this.
    pub(super) fn behind(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Function(error) | Self::Journal { source: error, .. } => behind(&**error),
            other => other.source(),
        }
    }
}

/// Branch of a parallel group that failed. Its text contains that of the step's error.
#[derive(Debug)]
#[non_exhaustive]
pub struct BranchFailure {
    /// The name of the step that failed.
    pub step: String,
    /// The names of the branch's steps that were completed or skipped, in order.
    pub completed: Vec<String>,
    /// The error of the step.
    pub source: StepError,
}

impl fmt::Display for BranchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step `{}` failed: {}", self.step, self.source)
    }
}

impl Error for BranchFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.behind()
    }
}

fn list(failures: &[BranchFailure]) -> String {
    let failures = failures
        .iter()
        .map(|BranchFailure { step, source, .. }| format!("`{step}`: {}", with_causes(source)));
    failures.collect::<Vec<_>>().join("; ")
}

/// End of a flow before its last step, before it becomes a [`PipelineError`].
#[derive(Debug)]
pub(super) struct Stopped {
    pub(super) step: String,
    pub(super) completed: Vec<String>,
    pub(super) state: State,
    pub(super) cause: Cause,
}

#[derive(Debug)]
pub(super) enum Cause {
    Failed(StepError),
    Paused(Box<Place>),
}

impl Stopped {
    pub(super) fn at(step: &str, state: State, source: StepError) -> Box<Self> {
        Self::by(step, state, Cause::Failed(source))
    }

    /// Returns the pause of a step.
    pub(super) fn paused(step: &str, state: State, place: Place) -> Box<Self> {
        Self::by(step, state, Cause::Paused(Box::new(place)))
    }

    fn by(step: &str, state: State, cause: Cause) -> Box<Self> {
        Box::new(Self { step: step.to_owned(), completed: Vec::new(), state, cause })
    }
}

/// Spans show the step's error alone.
impl Failure<()> for Box<Stopped> {
    fn report(&self) -> ErrorReport {
        match &self.cause {
            Cause::Failed(source) => ErrorReport::of(source),
            Cause::Paused(_) => ErrorReport::of_pause(),
        }
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
