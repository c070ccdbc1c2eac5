//! Errors of runs.

use std::{borrow::Cow, error::Error, fmt, io, time::Duration};

use raaf_trace_core::{
    ErrorType,
    call::{ErrorReport, KnownErrorType},
    diagnostics::Escaped,
};
use thiserror::Error;

use crate::{
    errors::TIMEOUT, guardrail::GuardrailStage, model::ModelError, run::RunProgress,
    session::SessionError, tool::ToolError,
};

/// A run that ended without an answer.
///
/// Its text names the agent, the turn and the kind; causes follow by [`Error::source`]. Neither the
/// text nor the `Debug` form contains the conversation, which is in [`progress`](Self::progress).
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, RunErrorKind, Runner, ScriptedModel};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let agent = Agent::builder("Writer", ScriptedModel::new("scripted", ["Hello."])).build();
/// let error = Runner::new().with_max_turns(0).run(&agent, "Hi!").await.unwrap_err();
/// assert!(matches!(error.kind, RunErrorKind::MaxTurns { max_turns: 0 }));
/// assert_eq!(error.to_string(), "agent `Writer`: no answer within 0 turns");
/// assert_eq!(error.progress.messages.len(), 1);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct RunError {
    /// Cause of the failure.
    pub kind: RunErrorKind,
    /// The agent that was running.
    pub agent: String,
    /// The conversation and the usage up to the failure.
    pub progress: Box<RunProgress>,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, agent, progress } = self;
        match progress.turns {
            0 => write!(f, "agent `{agent}`: {kind}"),
            turn => write!(f, "agent `{agent}` (turn {turn}): {kind}"),
        }
    }
}

impl Error for RunError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The text contains the kind's.
        self.kind.source()
    }
}

/// The failure of the model or of the tool where that is the reason, such as `ModelError::Server`;
/// `Timeout` for a deadline; else the [kind](RunErrorKind::as_str), such as `max_turns`.
impl ErrorType for RunError {
    fn error_type(&self) -> Cow<'static, str> {
        match &self.kind {
            RunErrorKind::Model(error) => ErrorReport::of(error).type_name.into(),
            RunErrorKind::Tool(error) => ErrorReport::of(error).type_name.into(),
            RunErrorKind::Deadline { .. } => TIMEOUT.into(),
            other => other.as_str().into(),
        }
    }
}

raaf_trace_core::submit! { KnownErrorType::new::<RunError>() }

/// Reason why a run failed; see [`RunError`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunErrorKind {
    /// The model call failed.
    #[error("the model call failed")]
    Model(#[source] ModelError),
    /// A tool call failed, and failures [fail the run](crate::OnToolError::FailRun). The
    /// conversation ends with the message that called the tool.
    #[error("a tool call failed")]
    Tool(#[source] ToolError),
    /// The model still called tools in the last turn allowed. Allow more turns, or look at the
    /// conversation for a loop.
    #[error("no answer within {max_turns} turns")]
    MaxTurns {
        /// The [turns allowed](crate::Runner::with_max_turns).
        max_turns: u32,
    },
    /// A guardrail objected to the input or to the answer.
    #[error("guardrail `{guardrail}` objected: {}", Escaped(.objection))]
    Guardrail {
        /// The name of the guardrail.
        guardrail: String,
        /// Checked text: the input or the answer.
        stage: GuardrailStage,
        /// The reason it gave.
        objection: String,
    },
    /// A guardrail returned an error instead of a verdict.
    #[error("guardrail `{guardrail}` failed")]
    GuardrailFailed {
        /// The name of the guardrail.
        guardrail: String,
        /// The error it returned.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The answer does not match the [output type](crate::AgentBuilder::output_type), even after a
    /// second try. The conversation ends with the answer.
    #[error("the answer does not match the output type: {}", Escaped(.mismatch))]
    Output {
        /// The mismatch.
        mismatch: String,
    },
    /// The run was [cancelled](crate::RunConfig::cancellation).
    #[error("cancelled")]
    Cancelled,
    /// The run exceeded its [deadline](crate::RunConfig::deadline).
    #[error("no answer within {} s", deadline.as_secs_f64())]
    Deadline {
        /// The time allowed.
        deadline: Duration,
    },
    /// The [stop condition](crate::RunConfig::stop_when) was met.
    #[error("stopped by the run's stop condition")]
    Stopped,
    /// The session could not be loaded before the run, or not be saved after it. In the second
    /// case the conversation is complete.
    #[error("the session could not be loaded or saved")]
    Session(#[source] SessionError),
    /// [`Runner::run_blocking`](crate::Runner::run_blocking) could not start an async runtime.
    #[error("no async runtime could be started")]
    Runtime(#[source] io::Error),
}

impl RunErrorKind {
    /// Returns the kind as a lower-case word, such as `max_turns`: the attribute
    /// `agent.stop_reason` of the agent's span.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Model(_) => "model",
            Self::Tool(_) => "tool",
            Self::MaxTurns { .. } => "max_turns",
            Self::Guardrail { .. } => "guardrail",
            Self::GuardrailFailed { .. } => "guardrail_failed",
            Self::Output { .. } => "output",
            Self::Cancelled => "cancelled",
            Self::Deadline { .. } => "deadline",
            Self::Stopped => "stopped",
            Self::Session(_) => "session",
            Self::Runtime(_) => "runtime",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        errors::with_causes,
        model::Message,
        pipeline::{PipelineError, State},
    };

    #[test]
    fn errors_show_their_causes_and_not_the_conversation() {
        let progress = RunProgress {
            messages: vec![Message::user("my secret")],
            turns: 2,
            ..RunProgress::default()
        };
        let source = ModelError::Malformed { message: "no choices".to_owned() };
        let error = RunError {
            kind: RunErrorKind::Model(source),
            agent: "Writer".to_owned(),
            progress: Box::new(progress),
        };
        assert_eq!(
            with_causes(&error),
            "agent `Writer` (turn 2): the model call failed: malformed model response: no choices"
        );
        let debug = format!("{error:?}");
        for shown in ["Malformed", "no choices", "\"Writer\"", "turns: 2", "messages: 1"] {
            assert!(debug.contains(shown), "{debug}");
        }
        let error = PipelineError {
            pipeline: "Letters".to_owned(),
            step: "Writer".to_owned(),
            completed: Vec::new(),
            state: Box::new(State::new().with("input", "my secret")),
            source: error.into(),
        };
        let debug = format!("{error:?}");
        assert!(debug.contains("no choices") && debug.contains("input"), "{debug}");
        assert!(!debug.contains("my secret"), "{debug}");
    }
}
