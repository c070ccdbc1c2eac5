//! What happens in a run, as it happens.

use super::RunResult;
use crate::model::ToolCall;

/// What happens in a run, as it happens; see [`Runner::stream`](crate::Runner::stream).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RunEvent {
    /// An agent begins, the first one too.
    AgentChanged {
        /// The agent.
        agent: String,
    },
    /// The model says more. Where it does not stream, all of its words at once.
    TextDelta {
        /// The agent whose model it is.
        agent: String,
        /// The words.
        text: String,
    },
    /// The model wants a tool called.
    ToolCall {
        /// The agent.
        agent: String,
        /// The call.
        call: ToolCall,
    },
    /// A tool gave its result, or failed.
    ToolResult {
        /// The agent.
        agent: String,
        /// The id of the call.
        call_id: String,
        /// The tool's name.
        tool: String,
        /// What the model is told.
        content: String,
        /// Whether the call failed.
        is_error: bool,
    },
    /// Something happens in a run inside a tool, as in that of an
    /// [agent that is one](crate::Agent::as_tool). Of its end the tool's result tells.
    InTool {
        /// The id of the call; `None` where a hook or a guardrail called the tool, and no model.
        call_id: Option<String>,
        /// What happens there.
        event: Box<RunEvent>,
    },
    /// An agent hands over to another.
    Handoff {
        /// The agent that hands over.
        from: String,
        /// The agent that takes over.
        to: String,
    },
    /// The run is over. The last event.
    Done(Box<RunResult>),
}

impl RunEvent {
    /// What happens, in whatever tool: for those who do not care in which run it does.
    pub fn innermost(&self) -> &Self {
        let mut event = self;
        while let Self::InTool { event: inner, .. } = event {
            event = inner;
        }
        event
    }
}
