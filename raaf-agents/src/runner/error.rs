//! Why a run gave no answer.

use std::{error::Error, fmt, io, time::Duration};

use thiserror::Error;

use super::RunProgress;
use crate::{
    causes, guardrail::GuardrailStage, model::ModelError, session::SessionError, tool::ToolError,
};

/// Why a run gave no answer, and how far it got.
///
/// Its `Debug` form, which a `main` prints that returns it, is the error and its causes, without the
/// conversation.
#[derive(Error)]
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
    /// A guardrail objected.
    #[error("guardrail `{guardrail}` stopped agent `{agent}`: {objection}")]
    Guardrail {
        /// The agent.
        agent: String,
        /// The guardrail.
        guardrail: String,
        /// Whether it objected to what went in or to what came out.
        stage: GuardrailStage,
        /// Why.
        objection: String,
        /// How far it got.
        progress: Box<RunProgress>,
    },
    /// A guardrail could not say whether it objects.
    #[error("guardrail `{guardrail}` of agent `{agent}` failed")]
    GuardrailFailed {
        /// The agent.
        agent: String,
        /// The guardrail.
        guardrail: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
        /// How far it got.
        progress: Box<RunProgress>,
    },
    /// The answer is not of the type asked for, at the second try either.
    #[error("the answer of agent `{agent}` is not what was asked for: {fault}")]
    Output {
        /// The agent.
        agent: String,
        /// What is wrong with it.
        fault: String,
        /// How far it got; the conversation ends with the answer.
        progress: Box<RunProgress>,
    },
    /// Its token was cancelled.
    #[error("the run of agent `{agent}` was cancelled")]
    Cancelled {
        /// The agent.
        agent: String,
        /// How far it got.
        progress: Box<RunProgress>,
    },
    /// It took longer than it may.
    #[error("agent `{agent}` had no answer within {} s", deadline.as_secs_f64())]
    Deadline {
        /// The agent.
        agent: String,
        /// How long the run was allowed to take.
        deadline: Duration,
        /// How far it got.
        progress: Box<RunProgress>,
    },
    /// The [stop checker](crate::RunConfig::stop_when) said so.
    #[error("agent `{agent}` was told to stop (turn {})", progress.turns)]
    Stopped {
        /// The agent.
        agent: String,
        /// How far it got.
        progress: Box<RunProgress>,
    },
    /// What was said before is not to be had, or what was said now could not be kept.
    #[error("the run of agent `{agent}` could not use its session")]
    Session {
        /// The agent.
        agent: String,
        /// Why.
        source: SessionError,
        /// How far it got: to the end, if the session failed then.
        progress: Box<RunProgress>,
    },
    /// There is no runtime for the [blocking form](crate::Runner::run_blocking).
    #[error("no runtime could be started for agent `{agent}`")]
    Runtime {
        /// The agent.
        agent: String,
        /// Why.
        source: io::Error,
        /// Not far.
        progress: Box<RunProgress>,
    },
}

impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::fmt(self, f)
    }
}

impl RunError {
    /// The agent that was at work.
    pub fn agent(&self) -> &str {
        match self {
            Self::Model { agent, .. }
            | Self::Tool { agent, .. }
            | Self::MaxTurns { agent, .. }
            | Self::Guardrail { agent, .. }
            | Self::GuardrailFailed { agent, .. }
            | Self::Output { agent, .. }
            | Self::Cancelled { agent, .. }
            | Self::Deadline { agent, .. }
            | Self::Stopped { agent, .. }
            | Self::Session { agent, .. }
            | Self::Runtime { agent, .. } => agent,
        }
    }

    /// How far the run got.
    pub fn progress(&self) -> &RunProgress {
        match self {
            Self::Model { progress, .. }
            | Self::Tool { progress, .. }
            | Self::MaxTurns { progress, .. }
            | Self::Guardrail { progress, .. }
            | Self::GuardrailFailed { progress, .. }
            | Self::Output { progress, .. }
            | Self::Cancelled { progress, .. }
            | Self::Deadline { progress, .. }
            | Self::Stopped { progress, .. }
            | Self::Session { progress, .. }
            | Self::Runtime { progress, .. } => progress,
        }
    }

    /// Why the run stopped, as one word.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Model { .. } => "model",
            Self::Tool { .. } => "tool",
            Self::MaxTurns { .. } => "max_turns",
            Self::Guardrail { .. } => "guardrail",
            Self::GuardrailFailed { .. } => "guardrail_failed",
            Self::Output { .. } => "output",
            Self::Cancelled { .. } => "cancelled",
            Self::Deadline { .. } => "deadline",
            Self::Stopped { .. } => "stopped",
            Self::Session { .. } => "session",
            Self::Runtime { .. } => "runtime",
        }
    }

    pub(super) fn with_progress(mut self, now: RunProgress) -> Self {
        match &mut self {
            Self::Model { progress, .. }
            | Self::Tool { progress, .. }
            | Self::MaxTurns { progress, .. }
            | Self::Guardrail { progress, .. }
            | Self::GuardrailFailed { progress, .. }
            | Self::Output { progress, .. }
            | Self::Cancelled { progress, .. }
            | Self::Deadline { progress, .. }
            | Self::Stopped { progress, .. }
            | Self::Session { progress, .. }
            | Self::Runtime { progress, .. } => **progress = now,
        }
        self
    }
}
