//! Why a tool gave no result.

use std::{error::Error, time::Duration};

use thiserror::Error;

use crate::time_limit::TimeLimited;

/// Why a tool gave no result. The model is told the text, so it says what to do better.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ToolError {
    /// The arguments are no JSON, or not what the tool takes.
    #[error("the arguments for `{tool}` do not fit: {message}")]
    Arguments {
        /// The tool's name.
        tool: String,
        /// What does not fit.
        message: String,
    },
    /// The tool ran and failed.
    #[error("`{tool}` failed")]
    Failed {
        /// The tool's name.
        tool: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// What the tool returned cannot be written as JSON: a mistake in the tool.
    #[error("the result of `{tool}` cannot be written as JSON")]
    Result {
        /// The tool's name.
        tool: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The model named a tool that the agent does not have.
    #[error("there is no tool `{tool}`; the tools are: {}", list(available))]
    Unknown {
        /// The name that the model used.
        tool: String,
        /// The tools that there are.
        available: Vec<String>,
    },
    /// It took longer than it may.
    #[error("`{tool}` did not finish within {} s", after.as_secs_f64())]
    Timeout {
        /// The tool's name.
        tool: String,
        /// The time allowed.
        after: Duration,
    },
    /// The model wants to hand over to two agents at once; the first one takes over.
    #[error("`{tool}` came second: a conversation is handed over to one agent at a time")]
    SecondHandoff {
        /// The name of the tool that hands over.
        tool: String,
    },
}

impl ToolError {
    /// The tool that was called, by the name the model used.
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
