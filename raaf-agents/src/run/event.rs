//! Events of a run.

use super::RunResult;
use crate::conversation::{Citation, HostedCall, ToolCall};

/// Event of a run that is [streamed](crate::Runner::stream).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RunEvent {
    /// An agent starts; also sent for the first one.
    AgentChanged {
        /// The name of the agent.
        agent: String,
    },
    /// The model generated text. A model that does not stream sends all of it at once.
    TextDelta {
        /// The name of the agent.
        agent: String,
        /// The text to append.
        text: String,
    },
    /// The model reasoned. A model that does not stream sends all of it at once.
    ReasoningDelta {
        /// The name of the agent.
        agent: String,
        /// The text to append.
        text: String,
    },
    /// The model refuses to answer.
    RefusalDelta {
        /// The name of the agent.
        agent: String,
        /// The text to append.
        text: String,
    },
    /// A call of a hosted tool at the provider began, went on, or ended. For an answer that is not streamed,
    /// only the end is sent.
    HostedCall {
        /// The name of the agent.
        agent: String,
        /// The call so far. The last one has the result.
        call: Box<HostedCall>,
    },
    /// The model cites a source.
    Citation {
        /// The name of the agent.
        agent: String,
        /// The source.
        citation: Citation,
    },
    /// The model calls a tool.
    ToolCall {
        /// The name of the agent.
        agent: String,
        /// The call.
        call: ToolCall,
    },
    /// A tool call returned or failed.
    ToolResult {
        /// The name of the agent.
        agent: String,
        /// The id of the call.
        call_id: String,
        /// The name of the tool.
        tool: String,
        /// The text that the model receives.
        content: String,
        /// True if the call failed.
        is_error: bool,
    },
    /// Event of a run inside a tool, such as an [agent called as a tool](crate::Agent::as_tool).
    /// Such a run has no event [`Done`](Self::Done): it ends with the tool's result.
    InTool {
        /// The id of the tool call; `None` if a hook or a guardrail called the tool.
        call_id: Option<String>,
        /// The event.
        event: Box<RunEvent>,
    },
    /// An agent hands over to another.
    Handoff {
        /// The name of the agent that hands over.
        from: String,
        /// The name of the agent that takes over.
        to: String,
    },
    /// The run has an answer. This is the last event.
    Done(Box<RunResult>),
}

impl RunEvent {
    /// Unwraps [`InTool`](Self::InTool) at any depth.
    pub fn innermost(&self) -> &Self {
        let mut event = self;
        while let Self::InTool { event: inner, .. } = event {
            event = inner;
        }
        event
    }
}
