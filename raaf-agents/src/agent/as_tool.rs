//! An agent as another agent's tool.

use std::fmt;

use async_trait::async_trait;
use raaf_trace_core::{Attributes, Component, Traceable, keys};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::Agent;
use crate::{
    model::{Message, ToolSpec},
    runner::{RunContext, Runner},
    tool::{Tool, ToolError, schema_of},
};

/// An agent as another agent's tool; see [`Agent::as_tool`].
#[derive(Clone)]
pub struct AgentTool {
    component: Component,
    spec: ToolSpec,
    agent: Agent,
    runner: Runner,
}

#[derive(Deserialize, JsonSchema)]
struct Arguments {
    /// What the agent is asked.
    input: String,
}

impl AgentTool {
    pub(super) fn new(agent: &Agent, name: String, description: String) -> Self {
        let component = Component::tool(&name);
        let spec = ToolSpec { name, description, parameters: schema_of::<Arguments>() };
        Self { component, spec, agent: agent.clone(), runner: Runner::new() }
    }

    /// The same, run by that runner.
    #[must_use]
    pub fn with_runner(mut self, runner: Runner) -> Self {
        self.runner = runner;
        self
    }
}

impl Traceable for AgentTool {
    fn component(&self) -> &Component {
        &self.component
    }

    fn span_attributes(&self, attributes: &mut Attributes) {
        attributes.set(keys::TOOL_NAME, &self.spec.name);
    }
}

#[async_trait]
impl Tool for AgentTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn invoke(&self, arguments: Json) -> Result<Json, ToolError> {
        self.invoke_in(&RunContext::new(), arguments).await
    }

    async fn invoke_in(&self, context: &RunContext, arguments: Json) -> Result<Json, ToolError> {
        let tool = || self.spec.name.clone();
        let arguments: Arguments = serde_json::from_value(arguments)
            .map_err(|error| ToolError::Arguments { tool: tool(), message: error.to_string() })?;
        let input = vec![Message::user(arguments.input)];
        match self.runner.run_within(&self.agent, input, context).await {
            // An answer of a type is JSON already, and text is no less true as text.
            Ok(result) => Ok(Json::String(result.output)),
            Err(error) => Err(ToolError::Failed { tool: tool(), source: error.into() }),
        }
    }
}

impl fmt::Debug for AgentTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentTool")
            .field("name", &self.spec.name)
            .field("agent", &self.agent.name())
            .finish_non_exhaustive()
    }
}
