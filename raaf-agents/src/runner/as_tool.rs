//! Agents called as tools.

use std::fmt;

use async_trait::async_trait;
use raaf_trace_core::{Attributes, Component, Traceable, keys};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::Runner;
use crate::{
    agent::Agent,
    model::{Message, ToolSpec},
    run::RunContext,
    tool::{Tool, ToolError, schema_of},
};

/// Tool that runs an agent; see [`Agent::as_tool`].
#[derive(Clone)]
pub struct AgentTool {
    component: Component,
    spec: ToolSpec,
    agent: Agent,
    runner: Runner,
}

#[derive(Deserialize, JsonSchema)]
struct Arguments {
    /// The question or task for the agent.
    input: String,
}

impl Agent {
    /// Returns a tool by which another agent asks this one a question and continues with the
    /// answer.
    ///
    /// The inner run's spans are under the tool's span. It shares the outer run's context, its usage
    /// counts in the outer run, and its events appear in the outer run's stream as
    /// [`RunEvent::InTool`](crate::RunEvent::InTool). It starts with an empty conversation at each
    /// call.
    ///
    /// ```
    /// use raaf_agents::{Agent, Reply, ScriptedModel};
    /// use serde_json::json;
    ///
    /// let poet = Agent::builder("Poet", ScriptedModel::new("scripted", ["Roses are red."])).build();
    /// let model = ScriptedModel::new("scripted", [
    ///     Reply::call("write_poem", json!({ "input": "about roses" })),
    ///     Reply::text("Here it is: Roses are red."),
    /// ]);
    /// let editor = Agent::builder("Editor", model)
    ///     .tool(poet.as_tool("write_poem", "Writes a poem."))
    ///     .build();
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let result = editor.run("A poem, please.").await?;
    /// assert_eq!(result.usage_by_agent.len(), 2);
    /// # Ok::<(), raaf_agents::RunError>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn as_tool(&self, name: impl Into<String>, description: impl Into<String>) -> AgentTool {
        let (name, description) = (name.into(), description.into());
        let component = Component::tool(&name);
        let spec = ToolSpec { name, description, parameters: schema_of::<Arguments>() };
        AgentTool { component, spec, agent: self.clone(), runner: Runner::new() }
    }
}

impl AgentTool {
    /// Sets the runner of the inner runs. The outer run's runner and configuration do not apply to
    /// them.
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
        let inner = self.runner.context(None, Some(context.clone()));
        match self.runner.start(&self.agent, input, inner).await {
            // A typed answer is JSON text already, which models read as well as a JSON value.
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
