//! Agents: a model with instructions, settings, tools and hand-offs.

mod action;
mod builder;
mod drawn;
mod handoff;
mod hooks;
mod instructions;
mod output;

use std::{collections::HashSet, fmt, sync::Arc};

use raaf_trace_core::{Attributes, Component, Key, Traceable, Value, keys};

use crate::{
    guardrail::Guardrail,
    model::{HostedTool, Model, ModelSettings, TracedModel},
    tool::{Tool, ToolSource},
};
pub use action::{
    HandoffAction, LastTurnAction, MismatchAction, ModelAction, ResponseAction, ResultAction,
    ToolAction,
};
pub use builder::AgentBuilder;
pub use handoff::Handoff;
pub use hooks::RunHooks;
use instructions::Instructions;
use output::OutputType;

/// Model with a name, instructions, settings and tools.
///
/// An agent is a component: each of its runs is one span of kind `agent`, whose children are the
/// model calls and tool calls. Clones are the same component.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, FunctionTool, Reply, ScriptedModel};
/// use schemars::JsonSchema;
/// use serde::Deserialize;
/// use serde_json::json;
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Place {
///     city: String,
/// }
///
/// let model = ScriptedModel::new("scripted", [
///     Reply::call("weather", json!({ "city": "Oslo" })),
///     Reply::text("It rains in Oslo."),
/// ]);
/// let agent = Agent::builder("Forecaster", model)
///     .instructions("Tell the weather.")
///     .tool(FunctionTool::infallible("weather", "Looks up the weather.", |place: Place| async move {
///         format!("{}: rain", place.city)
///     }))
///     .build();
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let result = agent.run("Do I need an umbrella in Oslo?").await?;
/// assert_eq!(result.output, "It rains in Oslo.");
/// assert_eq!(result.turns, 2);
/// # Ok::<(), raaf_agents::RunError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Agent {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    component: Component,
    instructions: Option<Instructions>,
    model: TracedModel,
    /// The tools of its own, followed by those that the sources returned.
    tools: Vec<Arc<dyn Tool>>,
    hosted_tools: Vec<HostedTool>,
    own_tools: usize,
    sources: Vec<Arc<dyn ToolSource>>,
    settings: ModelSettings,
    handoffs: Vec<Handoff>,
    input_guardrails: Vec<Guardrail>,
    output_guardrails: Vec<Guardrail>,
    output: Option<OutputType>,
    hooks: Vec<Arc<dyn RunHooks>>,
    metadata: Vec<(Key, Value)>,
}

impl Agent {
    /// Returns a builder for an agent with this name and model.
    pub fn builder(name: impl AsRef<str>, model: impl Model + 'static) -> AgentBuilder {
        AgentBuilder::new(name.as_ref(), TracedModel::new(model))
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        self.inner.component.name()
    }

    /// Returns the instructions; `None` if there are none or they are a function of the run.
    pub fn instructions(&self) -> Option<&str> {
        match self.inner.instructions.as_ref()? {
            Instructions::Text(text) => Some(text),
            Instructions::Function(_) => None,
        }
    }

    /// Returns the model.
    pub fn model(&self) -> &TracedModel {
        &self.inner.model
    }

    /// Returns the tools, without those of [sources](crate::AgentBuilder::tool_source).
    pub fn tools(&self) -> &[Arc<dyn Tool>] {
        &self.inner.tools
    }

    /// Returns the tools that the provider runs.
    pub fn hosted_tools(&self) -> &[HostedTool] {
        &self.inner.hosted_tools
    }

    /// Returns the model settings.
    pub fn settings(&self) -> &ModelSettings {
        &self.inner.settings
    }

    /// Returns the tool with this name.
    pub fn tool(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.inner.tools.iter().find(|tool| tool.spec().name == name)
    }

    /// Returns the hand-offs.
    pub fn handoffs(&self) -> &[Handoff] {
        &self.inner.handoffs
    }

    pub(crate) fn sources(&self) -> &[Arc<dyn ToolSource>] {
        &self.inner.sources
    }

    /// Returns the tools that sources returned.
    pub(crate) fn sourced(&self) -> &[Arc<dyn Tool>] {
        self.inner.tools.get(self.inner.own_tools..).unwrap_or_default()
    }

    /// Returns this agent with these tools of its sources.
    pub(crate) fn with_sourced(&self, sourced: impl IntoIterator<Item = Arc<dyn Tool>>) -> Self {
        let mut inner = (*self.inner).clone();
        inner.tools.truncate(inner.own_tools);
        let mut names: HashSet<_> =
            inner.tools.iter().map(|tool| tool.spec().name.clone()).collect();
        inner.tools.extend(sourced.into_iter().filter(|it| names.insert(it.spec().name.clone())));
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn prompt(&self) -> Option<&Instructions> {
        self.inner.instructions.as_ref()
    }

    pub(crate) fn input_guardrails(&self) -> &[Guardrail] {
        &self.inner.input_guardrails
    }

    pub(crate) fn output_guardrails(&self) -> &[Guardrail] {
        &self.inner.output_guardrails
    }

    pub(crate) fn output(&self) -> Option<&OutputType> {
        self.inner.output.as_ref()
    }

    pub(crate) fn hooks(&self) -> &[Arc<dyn RunHooks>] {
        &self.inner.hooks
    }
}

impl Traceable for Agent {
    fn component(&self) -> &Component {
        &self.inner.component
    }

    fn span_attributes(&self, attributes: &mut Attributes) {
        let ModelSettings { temperature, max_tokens, .. } = self.inner.settings;
        let tools = self.tools().iter().map(|tool| &*tool.spec().name);
        let tools: Vec<&str> =
            tools.chain(self.hosted_tools().iter().map(HostedTool::kind)).collect();
        attributes
            .set(keys::AGENT_NAME, self.name())
            .set(keys::AGENT_MODEL, self.inner.model.name())
            .set(keys::GEN_AI_PROVIDER_NAME, self.inner.model.provider())
            .set(keys::AGENT_TEMPERATURE, temperature)
            .set(keys::AGENT_MAX_TOKENS, max_tokens)
            .set(keys::AGENT_TOOLS_COUNT, tools.len())
            .set(keys::AGENT_TOOLS, Value::json(&tools));
        if !self.inner.handoffs.is_empty() {
            let targets: Vec<&str> = self.handoffs().iter().map(Handoff::target_name).collect();
            attributes.set(keys::AGENT_HANDOFFS, Value::json(&targets));
        }
        if let Some(output) = &self.inner.output {
            attributes.set(keys::AGENT_OUTPUT_TYPE, &output.schema().name);
        }
        for (key, value) in &self.inner.metadata {
            attributes.set(key.clone(), value.clone());
        }
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tools: Vec<&str> = self.tools().iter().map(|tool| &*tool.spec().name).collect();
        f.debug_struct("Agent")
            .field("name", &self.name())
            .field("model", &self.inner.model.name())
            .field("tools", &tools)
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}
