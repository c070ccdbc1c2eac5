//! Run lifecycle hooks.

use async_trait::async_trait;

use super::Agent;
use crate::{
    model::{Message, ModelRequest, ModelResponse, ToolCall},
    run::RunContext,
};

/// Run lifecycle hooks. The run waits for each hook to return. All methods do nothing by default.
///
/// Hooks of a [run's configuration](crate::RunConfig::hooks) are called for every agent of the run,
/// those of an [agent](crate::AgentBuilder::hooks) only for that agent. The tool calls of one turn
/// run concurrently, and so do their hooks.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use raaf_agents::{Agent, RunContext, RunHooks, ToolCall};
///
/// #[derive(Default)]
/// struct Counting {
///     calls: AtomicU32,
/// }
///
/// #[async_trait::async_trait]
/// impl RunHooks for Counting {
///     async fn tool_called(&self, _: &RunContext, _: &Agent, _: &ToolCall) {
///         self.calls.fetch_add(1, Ordering::Relaxed);
///     }
/// }
/// ```
#[async_trait]
pub trait RunHooks: Send + Sync {
    /// Called when an agent starts.
    async fn agent_started(&self, context: &RunContext, agent: &Agent) {
        let _ = (context, agent);
    }

    /// Called when an agent has the run's answer.
    async fn agent_answered(&self, context: &RunContext, agent: &Agent, output: &str) {
        let _ = (context, agent, output);
    }

    /// Called before a model call.
    async fn model_asked(&self, context: &RunContext, agent: &Agent, request: &ModelRequest) {
        let _ = (context, agent, request);
    }

    /// Called after a model call that succeeded.
    async fn model_answered(&self, context: &RunContext, agent: &Agent, answer: &ModelResponse) {
        let _ = (context, agent, answer);
    }

    /// Called before a tool call.
    async fn tool_called(&self, context: &RunContext, agent: &Agent, call: &ToolCall) {
        let _ = (context, agent, call);
    }

    /// Called after a tool call, with the message that the model receives. A call that fails the run
    /// has no message.
    async fn tool_answered(
        &self,
        context: &RunContext,
        agent: &Agent,
        call: &ToolCall,
        answer: &Message,
    ) {
        let _ = (context, agent, call, answer);
    }

    /// Called when an agent hands over to another.
    async fn handed_off(&self, context: &RunContext, from: &Agent, to: &Agent) {
        let _ = (context, from, to);
    }
}
