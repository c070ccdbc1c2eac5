//! Mismatches between a state and the agents that are to resume it.

use thiserror::Error;

/// Reason why the [state](crate::RunState) of a run does not fit an agent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResumeError {
    /// Neither the agent nor any that it can hand over to has the name of the agent that has paused.
    #[error("there is no agent `{agent}`; known agents: {}", known.join(", "))]
    UnknownAgent {
        /// The name in the state.
        agent: String,
        /// The names of the agents that there are.
        known: Vec<String>,
    },
    /// The agent has no tool for a call that has not run.
    #[error("agent `{agent}` has no tool `{tool}`, which a call is for")]
    UnknownTool {
        /// The name of the agent.
        agent: String,
        /// The name of the tool.
        tool: String,
    },
    /// The pipeline has no step of this name at the place of the pause, or is a different pipeline.
    #[error("pipeline `{pipeline}` has changed since it has paused, or is another one")]
    ChangedPipeline {
        /// The name of the pipeline.
        pipeline: String,
    },
    /// A step of the user's own has paused, and does not implement [`Step::resume`](crate::Step::resume).
    #[error("step `{step}` does not implement `Step::resume`")]
    Step {
        /// The name of the step.
        step: String,
    },
    /// The parameters of a tool have changed since a call waited for its approval.
    #[error(
        "the parameters of tool `{tool}` of agent `{agent}` have changed since the run has paused"
    )]
    ChangedTool {
        /// The name of the agent.
        agent: String,
        /// The name of the tool.
        tool: String,
    },
}
