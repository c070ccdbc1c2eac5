//! Being told what happens in a run.

use async_trait::async_trait;

use crate::{
    agent::Agent,
    model::{Message, ModelRequest, ModelResponse, ToolCall},
    runner::RunContext,
};

/// Is told what happens in a run, and may wait: the run goes on when it returns. Implement what you
/// need.
///
/// Of a [run's configuration](crate::RunConfig::hooks) it hears of every agent, of an
/// [agent](crate::AgentBuilder::hooks) only of that one. Tool calls of one turn run side by side,
/// and so do their hooks.
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
    /// An agent begins.
    async fn agent_started(&self, context: &RunContext, agent: &Agent) {
        let _ = (context, agent);
    }

    /// An agent has the run's answer.
    async fn agent_answered(&self, context: &RunContext, agent: &Agent, output: &str) {
        let _ = (context, agent, output);
    }

    /// The model is about to be asked.
    async fn model_asked(&self, context: &RunContext, agent: &Agent, request: &ModelRequest) {
        let _ = (context, agent, request);
    }

    /// The model has answered.
    async fn model_answered(&self, context: &RunContext, agent: &Agent, answer: &ModelResponse) {
        let _ = (context, agent, answer);
    }

    /// A tool is about to be called.
    async fn tool_called(&self, context: &RunContext, agent: &Agent, call: &ToolCall) {
        let _ = (context, agent, call);
    }

    /// A tool has answered: the message is what the model is told.
    async fn tool_answered(
        &self,
        context: &RunContext,
        agent: &Agent,
        call: &ToolCall,
        answer: &Message,
    ) {
        let _ = (context, agent, call, answer);
    }

    /// An agent hands over to another.
    async fn handed_off(&self, context: &RunContext, from: &Agent, to: &Agent) {
        let _ = (context, from, to);
    }
}
