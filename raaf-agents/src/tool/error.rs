//! Errors of tool calls.

use std::{error::Error, time::Duration};

use raaf_trace_core::diagnostics::Escaped;
use thiserror::Error;

use crate::errors::TimeLimited;

/// Failure of a tool call. The model receives the text, unless the error [fails the
/// run](OnToolError::FailRun).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ToolError {
    /// The arguments are not valid JSON or do not match the tool's schema.
    #[error("invalid arguments for `{tool}`: {message}")]
    Arguments {
        /// The name of the tool.
        tool: String,
        /// The mismatch.
        message: String,
    },
    /// The tool returned an error.
    #[error("`{tool}` failed")]
    Failed {
        /// The name of the tool.
        tool: String,
        /// The error it returned.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The tool's result does not serialize to JSON: a bug in the tool.
    #[error("the result of `{tool}` cannot be serialized as JSON")]
    Result {
        /// The name of the tool.
        tool: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// The model called a tool that the agent does not offer.
    #[error("unknown tool `{}`; available tools: {}", Escaped(.tool), list(available))]
    Unknown {
        /// The name that the model called.
        tool: String,
        /// The names of the tools on offer.
        available: Vec<String>,
    },
    /// The call exceeded its [time limit](crate::Tool::timeout).
    #[error("`{tool}` timed out after {} s", after.as_secs_f64())]
    Timeout {
        /// The name of the tool.
        tool: String,
        /// The time allowed.
        after: Duration,
    },
    /// The model called a second hand-off in one turn. The first one takes effect.
    #[error("`{tool}` was ignored: only one hand-off is possible in a turn")]
    SecondHandoff {
        /// The name of the second hand-off's tool.
        tool: String,
    },
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
    /// Returns the name of the tool that was called.
    pub fn tool(&self) -> &str {
        match self {
            Self::Arguments { tool, .. }
            | Self::Failed { tool, .. }
            | Self::Result { tool, .. }
            | Self::Unknown { tool, .. }
            | Self::Timeout { tool, .. }
            | Self::SecondHandoff { tool } => tool,
        }
    }
}

impl TimeLimited for ToolError {
    fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
