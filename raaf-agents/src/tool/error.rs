//! Errors of tool calls.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use raaf_trace_core::{
    ErrorType,
    call::{ErrorReport, KnownErrorType},
    diagnostics::Escaped,
};

use crate::{
    errors::{BoxError, PAUSED, TIMEOUT, behind},
    state::{RunState, pause_text},
};

/// Failure of a tool call. The model receives the text, unless the error [fails the
/// run](OnToolError::FailRun).
///
/// The text contains that of the error that the tool returned, which is in the field `source`.
/// [`Error::source`] returns the source of that error.
#[derive(Debug)]
#[non_exhaustive]
pub enum ToolError {
    /// The arguments are not valid JSON or do not match the tool's schema.
    Arguments {
        /// The name of the tool.
        tool: String,
        /// The mismatch.
        message: String,
    },
    /// The tool returned an error.
    Failed {
        /// The name of the tool.
        tool: String,
        /// The error it returned.
        source: BoxError,
    },
    /// The tool's result does not serialize to JSON: a bug in the tool.
    Result {
        /// The name of the tool.
        tool: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// The model called a tool that the agent does not offer.
    Unknown {
        /// The name that the model called.
        tool: String,
        /// The names of the tools on offer.
        available: Vec<String>,
    },
    /// A [hook](crate::RunHooks) refused the call.
    Refused {
        /// The name of the tool.
        tool: String,
        /// The reason.
        reason: String,
    },
    /// A person rejected the call; see [`Approval`](crate::Approval). The model always receives the
    /// reason.
    Rejected {
        /// The name of the tool.
        tool: String,
        /// The reason.
        reason: String,
    },
    /// The agent that the tool runs has paused, which is not a failure. The run that made the call pauses,
    /// too, if the call was made with its [context](crate::Tool::call_in); otherwise the call around it
    /// fails.
    Paused {
        /// The name of the tool.
        tool: String,
        /// The state of the agent's run.
        state: Box<RunState>,
    },
    /// The response was cut off before the call was complete, so that the tool was not run.
    CutOff {
        /// The name of the tool.
        tool: String,
    },
    /// The tool panicked.
    Panicked {
        /// The name of the tool.
        tool: String,
        /// The panic's message.
        message: String,
    },
    /// The call exceeded its [time limit](crate::Tool::timeout).
    Timeout {
        /// The name of the tool.
        tool: String,
        /// The time allowed.
        after: Duration,
    },
    /// The model called a second hand-off in one turn. The first one takes effect.
    SecondHandoff {
        /// The name of the second hand-off's tool.
        tool: String,
    },
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments { tool, message } => {
                write!(f, "invalid arguments for `{tool}`: {message}")
            }
            Self::Failed { tool, source } => write!(f, "`{tool}` failed: {source}"),
            Self::Result { tool, source } => {
                write!(f, "the result of `{tool}` cannot be serialized as JSON: {source}")
            }
            Self::Unknown { tool, available } => {
                let tool = Escaped(tool);
                write!(f, "unknown tool `{tool}`; available tools: {}", list(available))
            }
            Self::Refused { tool, reason } => {
                write!(f, "`{}` was refused: {}", Escaped(tool), Escaped(reason))
            }
            Self::Rejected { tool, reason } => {
                write!(f, "`{tool}` was rejected: {}", Escaped(reason))
            }
            Self::Paused { tool, state } => {
                write!(f, "`{tool}`: {}", pause_text(state.pending().len()))
            }
            Self::CutOff { tool } => write!(
                f,
                "`{}` was not run: your response was cut off before the call was complete. Call the \
                 tool again with shorter arguments",
                Escaped(tool)
            ),
            Self::Panicked { tool, message } => {
                write!(f, "`{tool}` panicked: {}", Escaped(message))
            }
            Self::Timeout { tool, after } => {
                write!(f, "`{tool}` timed out after {} s", after.as_secs_f64())
            }
            Self::SecondHandoff { tool } => {
                write!(f, "`{tool}` was ignored: only one hand-off is possible in a turn")
            }
        }
    }
}

/// The source is that of the error that the tool returned, whose text is in this text.
impl Error for ToolError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed { source, .. } => behind(&**source),
            Self::Result { source, .. } => source.source(),
            _ => None,
        }
    }
}

/// Reaction to a tool call that fails or is invalid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnToolError {
    /// Returns the error's text and causes to the model, which can try something else.
    #[default]
    TellModel,
    /// Fails the run with [`RunErrorKind::Tool`](crate::RunErrorKind::Tool), and cancels the other
    /// tool calls of the turn.
    FailRun,
}

impl ToolError {
    /// Returns the state of the run that has paused.
    pub(crate) fn into_pause(self) -> Result<Box<RunState>, Self> {
        match self {
            Self::Paused { state, .. } => Ok(state),
            other => Err(other),
        }
    }

    /// Returns the name of the tool that was called.
    pub fn tool(&self) -> &str {
        match self {
            Self::Arguments { tool, .. }
            | Self::Failed { tool, .. }
            | Self::Result { tool, .. }
            | Self::Unknown { tool, .. }
            | Self::Refused { tool, .. }
            | Self::Rejected { tool, .. }
            | Self::Paused { tool, .. }
            | Self::CutOff { tool }
            | Self::Panicked { tool, .. }
            | Self::Timeout { tool, .. }
            | Self::SecondHandoff { tool } => tool,
        }
    }
}

/// The type of the error that the tool returned, `ToolError::Failed` if that is a message only;
/// `timeout` for a time limit; otherwise the variant, such as `ToolError::Arguments`.
impl ErrorType for ToolError {
    fn error_type(&self) -> Cow<'static, str> {
        let variant = match self {
            Self::Failed { source, .. } => {
                return ErrorReport::type_of(&**source)
                    .map_or("ToolError::Failed".into(), Cow::Owned);
            }
            Self::Arguments { .. } => "ToolError::Arguments",
            Self::Result { .. } => "ToolError::Result",
            Self::Unknown { .. } => "ToolError::Unknown",
            Self::Timeout { .. } => TIMEOUT,
            Self::Refused { .. } => "ToolError::Refused",
            Self::Rejected { .. } => "ToolError::Rejected",
            Self::Paused { .. } => PAUSED,
            Self::CutOff { .. } => "ToolError::CutOff",
            Self::Panicked { .. } => "ToolError::Panicked",
            Self::SecondHandoff { .. } => "ToolError::SecondHandoff",
        };
        variant.into()
    }

    fn is_pause(&self) -> bool {
        matches!(self, Self::Paused { .. })
    }
}

raaf_trace_core::submit! { KnownErrorType::new::<ToolError>() }

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
