//! Errors of runs.

use std::{borrow::Cow, error::Error, fmt, io, time::Duration};

use raaf_trace_core::{ErrorType, call::KnownErrorType, diagnostics::Escaped};

use crate::{
    errors::{PAUSED, TIMEOUT, behind},
    guardrail::GuardrailStage,
    model::ModelError,
    run::{JournalError, MILLIONTHS, Reached, RunProgress},
    session::SessionError,
    state::{ResumeError, RunState, pause_text},
    tool::ToolError,
};

/// A run that ended without an answer.
///
/// Its text names the agent, the turn, the kind and the cause, in one line. [`Error::source`] returns the
/// source of that cause, so that a report of all causes repeats nothing; match on [`kind`](Self::kind) for
/// the cause itself. Neither the text nor the `Debug` form contains the conversation, which is in
/// [`progress`](Self::progress).
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
        Error::source(&self.kind)
    }
}

/// The type of the model's or the tool's failure where this is the reason, such as `rate_limited`;
/// `timeout` for a deadline; else the [kind](RunErrorKind::as_str), such as `max_turns`.
impl ErrorType for RunError {
    fn error_type(&self) -> Cow<'static, str> {
        match &self.kind {
            RunErrorKind::Model(error) => error.error_type(),
            RunErrorKind::Tool(error) => error.error_type(),
            RunErrorKind::Deadline { .. } => TIMEOUT.into(),
            other => other.as_str().into(),
        }
    }

    fn is_pause(&self) -> bool {
        matches!(self.kind, RunErrorKind::Paused(_))
    }
}

impl RunError {
    /// Returns the state of a run that has paused, to resume it with, or the error.
    ///
    /// # Errors
    ///
    /// If the run has failed.
    pub fn into_state(self) -> Result<RunState, Self> {
        match self.kind {
            RunErrorKind::Paused(state) => Ok(*state),
            kind => Err(Self { kind, ..self }),
        }
    }
}

raaf_trace_core::submit! { KnownErrorType::new::<RunError>() }

/// Reason why a run failed; see [`RunError`].
#[derive(Debug)]
#[non_exhaustive]
pub enum RunErrorKind {
    /// The model call failed.
    Model(ModelError),
    /// A tool call failed, and failures [fail the run](crate::OnToolError::FailRun), or the tool panicked.
    /// In the conversation, the failure is the result of the call; other calls of the turn that were not
    /// completed have results that state this.
    Tool(ToolError),
    /// The model still called tools in the last turn allowed. Allow more turns, or look at the
    /// conversation for a loop.
    MaxTurns {
        /// The [turns allowed](crate::Runner::with_max_turns).
        max_turns: u32,
    },
    /// A guardrail objected to the input or to the answer.
    Guardrail {
        /// The name of the guardrail.
        guardrail: String,
        /// Checked text: the input or the answer.
        stage: GuardrailStage,
        /// The reason it gave.
        objection: String,
    },
    /// A guardrail returned an error instead of a verdict.
    GuardrailFailed {
        /// The name of the guardrail.
        guardrail: String,
        /// The error it returned.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The run has no message: neither its input nor its session has any.
    NoInput,
    /// The model refused to answer.
    Refused {
        /// The model's message.
        refusal: String,
    },
    /// The provider's content filter cut the answer off. If the filter refuses the request, that is a
    /// [model error](crate::ModelError::ContentFiltered).
    ContentFiltered,
    /// The answer was cut off at the token limit and cannot be used: it is empty, or does not match the
    /// [output type](crate::AgentBuilder::output_type).
    CutOff,
    /// The answer does not match the [output type](crate::AgentBuilder::output_type), even after a
    /// second try. The conversation ends with the answer.
    Output {
        /// The mismatch.
        mismatch: String,
    },
    /// The run was [cancelled](crate::RunConfig::cancellation).
    Cancelled,
    /// The run exceeded its [deadline](crate::RunConfig::deadline).
    Deadline {
        /// The time allowed.
        deadline: Duration,
    },
    /// A limit on what the run spends was reached; see [`Limits`](crate::Limits).
    Limit {
        /// Name of the limited quantity: `requests`, `input tokens`, `output tokens`, `tokens`,
        /// `tool calls` or `millionths of a US dollar`.
        what: &'static str,
        /// The limit.
        max: u64,
        /// The amount that the run has used, or would use with the calls that were not run.
        used: u64,
    },
    /// A [condition](crate::RunConfig::stop_when), a [token](crate::RunConfig::stop_after_turn) or a
    /// [hook](crate::RunHooks) stopped the run.
    Stopped {
        /// The reason.
        reason: String,
    },
    /// The run waits for the approval of calls, or was [paused](crate::RunConfig::pause_when). This is not
    /// a failure: take the [state](RunError::into_state), and [resume](crate::Runner::resume) the run.
    Paused(Box<RunState>),
    /// The state of a run does not fit the agent that was to resume it.
    Resume(ResumeError),
    /// The session could not be loaded before the run, or could not be saved after a turn with tool calls
    /// or after the answer. The conversation is complete up to that point.
    Session(SessionError),
    /// The [journal](crate::RunConfig::journal) failed.
    Journal {
        /// The name of the step.
        step: String,
        /// The error it returned.
        source: Box<dyn Error + Send + Sync>,
    },
    /// [`Runner::run_blocking`](crate::Runner::run_blocking) could not start an async runtime.
    Runtime(io::Error),
}

/// Contains the text of the cause.
impl fmt::Display for RunErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(cause) => write!(f, "the model call failed: {cause}"),
            Self::Tool(cause) => write!(f, "a tool call failed: {cause}"),
            Self::MaxTurns { max_turns } => write!(f, "no answer within {max_turns} turns"),
            Self::Guardrail { guardrail, objection, .. } => {
                write!(f, "guardrail `{guardrail}` objected: {}", Escaped(objection))
            }
            Self::GuardrailFailed { guardrail, source } => {
                write!(f, "guardrail `{guardrail}` failed: {source}")
            }
            Self::NoInput => f.write_str(
                "the run has no message; pass one as its input, or a session that has one",
            ),
            Self::Refused { refusal } => {
                write!(f, "the model refused to answer: {}", Escaped(refusal))
            }
            Self::ContentFiltered => f.write_str("the provider's content filter cut the answer off"),
            Self::CutOff => f.write_str(
                "the answer was cut off at the token limit; raise `max_tokens`, or lower the effort \
                 spent on reasoning",
            ),
            Self::Output { mismatch } => {
                write!(f, "the answer does not match the output type: {}", Escaped(mismatch))
            }
            Self::Cancelled => f.write_str("cancelled"),
            Self::Deadline { deadline } => {
                write!(f, "no answer within {} s", deadline.as_secs_f64())
            }
            Self::Limit { what: MILLIONTHS, max, used } => {
                let usd = |millionths: &u64| *millionths as f64 / 1e6;
                write!(f, "the limit of ${} is reached (${} used)", usd(max), usd(used))
            }
            Self::Limit { what, max, used } => {
                write!(f, "the limit of {max} {what} is reached ({used} used)")
            }
            Self::Stopped { reason } => write!(f, "stopped: {}", Escaped(reason)),
            Self::Paused(state) => f.write_str(&pause_text(state.pending().len())),
            Self::Resume(cause) => write!(f, "the run cannot be resumed: {cause}"),
            Self::Session(cause) => {
                write!(f, "the session could not be loaded or saved: {cause}")
            }
            Self::Journal { step, source } => {
                write!(f, "the journal failed at step `{}`: {source}", Escaped(step))
            }
            Self::Runtime(cause) => write!(f, "no async runtime could be started: {cause}"),
        }
    }
}

/// The source is that of the cause, whose text is in this text.
impl Error for RunErrorKind {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Model(cause) => cause.source(),
            Self::Tool(cause) => cause.source(),
            Self::GuardrailFailed { source, .. } | Self::Journal { source, .. } => {
                behind(&**source)
            }
            Self::Session(cause) => cause.source(),
            Self::Runtime(cause) => cause.source(),
            _ => None,
        }
    }
}

impl From<ResumeError> for RunErrorKind {
    fn from(error: ResumeError) -> Self {
        Self::Resume(error)
    }
}

impl From<JournalError> for RunErrorKind {
    fn from(JournalError { step, source }: JournalError) -> Self {
        Self::Journal { step, source }
    }
}

impl From<Reached> for RunErrorKind {
    fn from(Reached { what, max, used }: Reached) -> Self {
        Self::Limit { what, max, used }
    }
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
            Self::Refused { .. } => "refused",
            Self::ContentFiltered => "content_filtered",
            Self::CutOff => "cut_off",
            Self::Output { .. } => "output",
            Self::Cancelled => "cancelled",
            Self::Deadline { .. } => "deadline",
            Self::Limit { .. } => "limit",
            Self::Stopped { .. } => "stopped",
            Self::Paused(_) => PAUSED,
            Self::Resume(_) => "resume",
            Self::Session(_) => "session",
            Self::Journal { .. } => "journal",
            Self::Runtime(_) => "runtime",
            Self::NoInput => "no_input",
        }
    }

    /// Returns the text for the model, without causes within the program.
    pub(super) fn summary(&self) -> String {
        match self {
            Self::Model(_) => "the model call failed".to_owned(),
            Self::Tool(_) => "a tool call failed".to_owned(),
            Self::GuardrailFailed { guardrail, .. } => format!("guardrail `{guardrail}` failed"),
            Self::Session(_) => "the session could not be saved".to_owned(),
            Self::Journal { .. } => "the journal failed".to_owned(),
            other => other.to_string(),
        }
    }

    /// Returns the name of the guardrail that objected or failed.
    pub(super) fn guardrail(&self) -> Option<&str> {
        match self {
            Self::Guardrail { guardrail, .. } | Self::GuardrailFailed { guardrail, .. } => {
                Some(guardrail)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conversation::Message,
        errors::with_causes,
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
        let text =
            "agent `Writer` (turn 2): the model call failed: malformed model response: no choices";
        assert_eq!((error.to_string(), with_causes(&error)), (text.to_owned(), text.to_owned()));
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
