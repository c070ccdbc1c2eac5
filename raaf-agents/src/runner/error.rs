//! Why a run gave no answer.

use thiserror::Error;

use super::RunProgress;
use crate::{model::ModelError, tool::ToolError};

/// Why a run gave no answer, and how far it got.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The model failed.
    #[error("agent `{agent}` got no answer from its model (turn {})", progress.turns)]
    Model {
        /// The agent.
        agent: String,
        /// Why.
        source: ModelError,
        /// How far it got.
        progress: Box<RunProgress>,
    },
    /// A tool failed, and that is to [fail the run](crate::OnToolError::FailRun).
    #[error("agent `{agent}` stopped at a tool (turn {})", progress.turns)]
    Tool {
        /// The agent.
        agent: String,
        /// Why.
        source: ToolError,
        /// How far it got; the conversation ends with the message that asked for the tool.
        progress: Box<RunProgress>,
    },
    /// The model still wanted tools after the last turn allowed. Allow more, or see in the
    /// conversation what it keeps doing.
    #[error("agent `{agent}` had no answer after {max_turns} turns")]
    MaxTurns {
        /// The agent.
        agent: String,
        /// The turns allowed.
        max_turns: u32,
        /// How far it got.
        progress: Box<RunProgress>,
    },
}

impl RunError {
    /// The agent that was run.
    pub fn agent(&self) -> &str {
        match self {
            Self::Model { agent, .. } | Self::Tool { agent, .. } | Self::MaxTurns { agent, .. } => {
                agent
            }
        }
    }

    /// How far the run got.
    pub fn progress(&self) -> &RunProgress {
        match self {
            Self::Model { progress, .. }
            | Self::Tool { progress, .. }
            | Self::MaxTurns { progress, .. } => progress,
        }
    }
}
