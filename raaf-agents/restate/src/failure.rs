//! Failures of handlers.

use std::{error::Error, fmt};

use raaf_agents::{PipelineError, RunError, RunErrorKind, StepError};
use restate_sdk::errors::{HandlerError, TerminalError};

/// Failure of a durable run: one that the engine retries, or one that ends the invocation.
///
/// It does not implement [`Error`], because the SDK retries every error; it converts into a [`HandlerError`]
/// of the right kind instead.
///
/// A [`RunError`] or a [`PipelineError`] converts into a `Failure`. The engine retries errors that another
/// attempt can fix, such as an overloaded model server, a tool that fails the run, an error of a session, or
/// a missed deadline. Errors that would occur again end the invocation, such as a refusal, a guardrail's
/// objection or a limit.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, Runner, ScriptedModel};
/// use raaf_restate::Failure;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let agent = Agent::builder("Writer", ScriptedModel::new("scripted", ["Hello."])).build();
/// let error = Runner::new().with_max_turns(0).run(&agent, "Hi!").await.unwrap_err();
/// let failure = Failure::from(error);
/// assert!(!failure.is_retryable());
/// assert_eq!(failure.to_string(), "agent `Writer`: no answer within 0 turns");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Failure(Kind);

#[derive(Debug)]
enum Kind {
    Retryable(Box<dyn Error + Send + Sync>),
    Terminal(TerminalError),
}

impl Failure {
    /// Creates a failure that the engine retries, as often as the handler's policy allows.
    pub fn retryable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Kind::Retryable(error.into()))
    }

    /// Creates a failure that ends the invocation. The caller receives the message.
    pub fn terminal(message: impl Into<String>) -> Self {
        Self(Kind::Terminal(TerminalError::new(message)))
    }

    /// Returns whether the engine retries the invocation.
    pub fn is_retryable(&self) -> bool {
        matches!(self.0, Kind::Retryable(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Retryable(error) => error.fmt(f),
            Kind::Terminal(error) => f.write_str(error.message()),
        }
    }
}

impl From<TerminalError> for Failure {
    fn from(error: TerminalError) -> Self {
        Self(Kind::Terminal(error))
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        if is_retryable(&error.kind) {
            Self::retryable(error)
        } else {
            Self::terminal(error.to_string())
        }
    }
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        if step_is_retryable(&error.source) {
            Self::retryable(error)
        } else {
            Self::terminal(error.to_string())
        }
    }
}

impl From<Failure> for HandlerError {
    fn from(failure: Failure) -> Self {
        match failure.0 {
            Kind::Retryable(error) => error.into(),
            Kind::Terminal(error) => error.into(),
        }
    }
}

/// Returns whether another attempt of the failed step can fix the run.
fn is_retryable(kind: &RunErrorKind) -> bool {
    match kind {
        RunErrorKind::Model(error) => error.is_retryable(),
        RunErrorKind::Tool(_)
        | RunErrorKind::GuardrailFailed { .. }
        | RunErrorKind::Deadline { .. }
        | RunErrorKind::Cancelled
        | RunErrorKind::Session(_)
        | RunErrorKind::Journal { .. }
        | RunErrorKind::Runtime(_)
        // The program is about to end, so that another worker goes on.
        | RunErrorKind::Paused(_) => true,
        _ => false,
    }
}

/// Returns whether another attempt of the failed step can fix the pipeline.
fn step_is_retryable(error: &StepError) -> bool {
    match error {
        StepError::Run(error) => is_retryable(&error.kind),
        StepError::Pipeline(error) => step_is_retryable(&error.source),
        StepError::State(_) | StepError::Resume(_) => false,
        _ => true,
    }
}
