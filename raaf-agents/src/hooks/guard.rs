//! Guardrails of tool calls.

use async_trait::async_trait;
use serde_json::Value as Json;

use crate::{
    agent::{Agent, ResultAction, RunHooks, ToolAction},
    conversation::{Message, ToolCall, ToolResult},
    guardrail::{Checked, Guardrail, GuardrailStage},
    run::RunContext,
};

/// Guardrail of tool calls: checks the arguments before a tool runs, or the result after it.
///
/// If it objects, the model receives the objection as the call's error, and the run goes on. The check
/// has a span of kind `guardrail`, and the objection is an event `hook` of the agent's span. A check
/// that fails is an objection, too.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, Guardrail, ScriptedModel, ToolGuardrail, Verdict};
///
/// let no_deletion = Guardrail::new("no_deletion", |arguments: String| async move {
///     Verdict::trip_if(arguments.contains("DROP TABLE"), "tables stay")
/// });
/// let agent = Agent::builder("Analyst", ScriptedModel::new("scripted", ["Done."]))
///     .hooks(ToolGuardrail::arguments(no_deletion).of_tool("query"))
///     .build();
/// ```
#[derive(Clone, Debug)]
pub struct ToolGuardrail {
    guardrail: Guardrail,
    stage: GuardrailStage,
    tool: Option<String>,
}

impl ToolGuardrail {
    /// Checks the arguments, as JSON text, before a tool runs.
    pub fn arguments(guardrail: Guardrail) -> Self {
        Self { guardrail, stage: GuardrailStage::Input, tool: None }
    }

    /// Checks the text of the result, after a tool ran without an error.
    pub fn result(guardrail: Guardrail) -> Self {
        Self { guardrail, stage: GuardrailStage::Output, tool: None }
    }

    /// Checks calls of the tool with this name only.
    #[must_use]
    pub fn of_tool(mut self, name: impl Into<String>) -> Self {
        self.tool = Some(name.into());
        self
    }

    /// Returns the objection to a text of a call, which the message has.
    async fn objection(
        &self,
        context: &RunContext,
        stage: GuardrailStage,
        call: &ToolCall,
        text: &str,
        message: impl FnOnce() -> Message,
    ) -> Option<String> {
        let is_other = self.tool.as_ref().is_some_and(|tool| *tool != call.name);
        if self.stage != stage || is_other {
            return None;
        }
        let checked = Checked { stage, text, messages: &[message()] };
        match self.guardrail.check(context, checked).await {
            Ok(verdict) => verdict.into_objection(),
            Err(error) => Some(format!("guardrail `{}` failed: {error}", self.guardrail.name())),
        }
    }
}

#[async_trait]
impl RunHooks for ToolGuardrail {
    async fn before_tool(&self, context: &RunContext, _: &Agent, call: &ToolCall) -> ToolAction {
        // Models may escape any letter, and name a key twice: check what the tool receives.
        let arguments = call.parse_arguments().map(|arguments| Json::Object(arguments).to_string());
        let arguments = arguments.unwrap_or_else(|_| call.arguments.clone());
        let message = || Message::calls([call.clone()]);
        let stage = GuardrailStage::Input;
        let objection = self.objection(context, stage, call, &arguments, message).await;
        objection.map_or(ToolAction::Proceed, ToolAction::Refuse)
    }

    async fn after_tool(
        &self,
        context: &RunContext,
        _: &Agent,
        call: &ToolCall,
        result: &ToolResult,
    ) -> ResultAction {
        if result.is_error {
            return ResultAction::Keep;
        }
        let message = || result.clone().into();
        let stage = GuardrailStage::Output;
        let objection = self.objection(context, stage, call, &result.text(), message).await;
        objection.map_or(ResultAction::Keep, ResultAction::Refuse)
    }
}
