//! Run lifecycle hooks.

use async_trait::async_trait;

use super::{
    Agent, HandoffAction, LastTurnAction, MismatchAction, ModelAction, ResponseAction,
    ResultAction, ToolAction,
};
use crate::{
    conversation::{Message, ToolCall, ToolResult},
    model::{ModelRequest, ModelResponse},
    run::RunContext,
};

/// Hooks that observe a run or change it. The run waits for each hook to return. All methods do nothing by
/// default.
///
/// Methods that are named after an event (`tool_called`) observe. Methods that are named after a moment
/// (`before_tool`) return an action. An action that changes something is an event `hook` of the agent's
/// span, with `hook.point`, `hook.action` and, as content, `hook.reason`. If several hooks act, each
/// receives the call as changed by the hooks before it. After a hook that refuses, answers or stops, no
/// further hook is called.
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
///
/// A hook that acts:
///
/// ```
/// use raaf_agents::{Agent, RunContext, RunHooks, ToolAction, ToolCall};
///
/// struct ReadOnly;
///
/// #[async_trait::async_trait]
/// impl RunHooks for ReadOnly {
///     async fn before_tool(&self, _: &RunContext, _: &Agent, call: &ToolCall) -> ToolAction {
///         if call.name.starts_with("delete_") {
///             return ToolAction::Refuse("Nothing may be deleted.".to_owned());
///         }
///         ToolAction::Proceed
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

    /// Called after a tool call, with the message that the model receives; not after a call that fails
    /// the run.
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

    /// Returns the action before a model call.
    async fn before_model(
        &self,
        context: &RunContext,
        agent: &Agent,
        request: &ModelRequest,
    ) -> ModelAction {
        let _ = (context, agent, request);
        ModelAction::Proceed
    }

    /// Returns the action after a model call.
    async fn after_model(
        &self,
        context: &RunContext,
        agent: &Agent,
        response: &ModelResponse,
    ) -> ResponseAction {
        let _ = (context, agent, response);
        ResponseAction::Accept
    }

    /// Returns the action before a tool call, even of a tool that does not exist.
    async fn before_tool(
        &self,
        context: &RunContext,
        agent: &Agent,
        call: &ToolCall,
    ) -> ToolAction {
        let _ = (context, agent, call);
        ToolAction::Proceed
    }

    /// Returns the action after a tool call that ran.
    async fn after_tool(
        &self,
        context: &RunContext,
        agent: &Agent,
        call: &ToolCall,
        result: &ToolResult,
    ) -> ResultAction {
        let _ = (context, agent, call, result);
        ResultAction::Keep
    }

    /// Returns the action before a hand-off to the agent of this name.
    async fn before_handoff(
        &self,
        context: &RunContext,
        agent: &Agent,
        target: &str,
    ) -> HandoffAction {
        let _ = (context, agent, target);
        HandoffAction::Proceed
    }

    /// Returns the action after an answer that does not match the agent's output type. `mismatch` is
    /// the reason.
    async fn on_mismatch(
        &self,
        context: &RunContext,
        agent: &Agent,
        answer: &str,
        mismatch: &str,
    ) -> MismatchAction {
        let _ = (context, agent, answer, mismatch);
        MismatchAction::Repair
    }

    /// Returns the action when the run has used up its turns and has no answer.
    async fn on_last_turn(&self, context: &RunContext, agent: &Agent) -> LastTurnAction {
        let _ = (context, agent);
        LastTurnAction::Fail
    }
}
