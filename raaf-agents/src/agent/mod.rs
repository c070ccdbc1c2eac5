//! Agents: a model with instructions, settings and tools.

mod as_tool;
mod builder;
mod instructions;
mod output;

use std::{fmt, sync::Arc};

use raaf_trace_core::{Attributes, Component, Key, Traceable, Value, keys};

use crate::{
    guardrail::Guardrail,
    handoff::Handoff,
    hooks::RunHooks,
    model::{Model, ModelSettings, TracedModel},
    pipeline::{AgentStep, Keys},
    runner::{Input, RunError, RunResult, Runner},
    tool::Tool,
};
pub use as_tool::AgentTool;
pub use builder::AgentBuilder;
use instructions::Instructions;
use output::OutputType;

/// A model with instructions, settings and tools, under a name.
///
/// An agent is a component: each of its runs is one span of kind `agent`, with the model's calls
/// and the tools' as children. Clones are the same agent.
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
///     .tool(FunctionTool::infallible("weather", "Looks the weather up.", |place: Place| async move {
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
    tools: Vec<Arc<dyn Tool>>,
    settings: ModelSettings,
    handoffs: Vec<Handoff>,
    input_guardrails: Vec<Guardrail>,
    output_guardrails: Vec<Guardrail>,
    output: Option<OutputType>,
    hooks: Vec<Arc<dyn RunHooks>>,
    metadata: Vec<(Key, Value)>,
}

impl Agent {
    /// An agent of that name, thinking with that model.
    pub fn builder(name: impl AsRef<str>, model: impl Model + 'static) -> AgentBuilder {
        AgentBuilder::new(name.as_ref(), TracedModel::new(model))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.inner.component.name()
    }

    /// What it is told to be, if that is a text and no function of the run.
    pub fn instructions(&self) -> Option<&str> {
        match self.inner.instructions.as_ref()? {
            Instructions::Text(text) => Some(text),
            Instructions::Function(_) => None,
        }
    }

    /// The model it thinks with.
    pub fn model(&self) -> &TracedModel {
        &self.inner.model
    }

    /// Its tools.
    pub fn tools(&self) -> &[Arc<dyn Tool>] {
        &self.inner.tools
    }

    /// Its model settings.
    pub fn settings(&self) -> &ModelSettings {
        &self.inner.settings
    }

    /// Its tool of that name.
    pub fn tool(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.inner.tools.iter().find(|tool| tool.spec().name == name)
    }

    /// Runs it with a [`Runner`] that is set up as by default.
    ///
    /// # Errors
    ///
    /// See [`Runner::run`].
    pub async fn run(&self, input: impl Into<Input>) -> Result<RunResult, RunError> {
        Runner::new().run(self, input).await
    }

    /// As a pipeline's step whose input is what the pipeline's state has under that key, or, for
    /// several keys, all of it in sections.
    pub fn reads(&self, keys: impl Into<Keys>) -> AgentStep {
        AgentStep::new(self.clone()).reads(keys)
    }

    /// As a pipeline's step that puts its answer under that key.
    pub fn writes(&self, key: impl Into<String>) -> AgentStep {
        AgentStep::new(self.clone()).writes(key)
    }

    /// The agents that it can hand over to.
    pub fn handoffs(&self) -> &[Handoff] {
        &self.inner.handoffs
    }

    /// Another agent like this one: the function says what is different.
    ///
    /// ```
    /// use raaf_agents::{Agent, ScriptedModel};
    ///
    /// let english = Agent::builder("English", ScriptedModel::new("scripted", ["Hello."]))
    ///     .instructions("Answer in English.")
    ///     .temperature(0.2)
    ///     .build();
    /// let french = english.clone_with(|agent| agent.name("French").instructions("In French."));
    /// assert_eq!((french.name(), french.settings().temperature), ("French", Some(0.2)));
    /// assert_eq!(english.instructions(), Some("Answer in English."));
    /// ```
    #[must_use]
    pub fn clone_with(&self, change: impl FnOnce(AgentBuilder) -> AgentBuilder) -> Self {
        change(AgentBuilder::like(&self.inner)).build()
    }

    /// As a tool of another agent: that asks it a question, and goes on with the answer. Its run
    /// hangs under the tool's span, shares the outer run's context, and what it uses counts there. Who
    /// follows the outer run follows this one too, by [`RunEvent::InTool`](crate::RunEvent::InTool).
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
        AgentTool::new(self, name.into(), description.into())
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
        let tools: Vec<&str> = self.tools().iter().map(|tool| &*tool.spec().name).collect();
        attributes
            .set(keys::AGENT_NAME, self.name())
            .set(keys::AGENT_MODEL, self.inner.model.name())
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
