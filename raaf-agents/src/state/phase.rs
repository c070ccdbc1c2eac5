//! Place of a run between two steps.

use serde::{Deserialize, Serialize};

use super::RunState;
use crate::{conversation::ToolCall, model::FinishReason};

/// Place of a run between two steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub(crate) enum Phase {
    /// The agent begins its part of the run.
    Start { first: bool },
    /// The next turn begins.
    Turn,
    /// The model is asked in a turn that was counted.
    Asked,
    /// The model has called tools.
    Calls {
        calls: Vec<Called>,
        /// The response was cut off.
        cut: bool,
    },
    /// Another agent takes over by the hand-off with this tool.
    Handoff { tool: String },
    /// The answer does not match the agent's output type.
    Mismatch { output: String, mismatch: String, finish_reason: FinishReason },
    /// The answer has to pass the guardrails.
    Answer { output: String, finish_reason: FinishReason },
    /// The run has an answer.
    Ended { output: String, finish_reason: FinishReason },
}

/// Call of a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Called {
    pub(crate) call: ToolCall,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) handoff: bool,
    /// Hash of the parameters of a tool that waits, to detect changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parameters: Option<u32>,
    pub(crate) status: CallStatus,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallStatus {
    /// It needs no approval, or has it.
    Ready,
    /// It waits for an approval.
    Waiting,
    Approved,
    /// It was rejected, with a text for the model.
    Rejected(String),
    /// The agent that it called as a tool has paused.
    Paused(Box<RunState>),
    /// It has a result.
    Done,
    /// It has a result, and another agent takes over.
    HandedOver,
}

impl Called {
    /// Returns whether a decision has to come before the call can go on.
    pub(crate) fn is_blocked(&self) -> bool {
        match &self.status {
            CallStatus::Waiting => true,
            CallStatus::Paused(state) => state.is_blocked(),
            _ => false,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.status, CallStatus::Done | CallStatus::HandedOver)
    }
}

impl RunState {
    /// Returns the calls of the turn.
    pub(crate) fn calls(&self) -> &[Called] {
        match &self.phase {
            Phase::Calls { calls, .. } => calls,
            _ => &[],
        }
    }

    pub(crate) fn calls_mut(&mut self) -> &mut [Called] {
        match &mut self.phase {
            Phase::Calls { calls, .. } => calls,
            _ => &mut [],
        }
    }

    /// Returns whether nothing can be done before a decision.
    pub(crate) fn is_blocked(&self) -> bool {
        let calls = self.calls();
        let mut tools = calls.iter().filter(|called| !called.handoff && !called.is_done());
        calls.iter().any(Called::is_blocked) && tools.all(Called::is_blocked)
    }
}
