//! Agents: a model with instructions, settings and tools.

mod builder;

use std::{fmt, sync::Arc};

use raaf_trace_core::{Attributes, Component, Traceable, Value, keys};

use crate::{
    model::{Message, Model, ModelRequest, ModelSettings, TracedModel},
    pipeline::{AgentStep, Keys},
    runner::{Input, RunError, RunResult, Runner},
    tool::Tool,
};
pub use builder::AgentBuilder;

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

struct Inner {
    component: Component,
    instructions: Option<String>,
    model: TracedModel,
    tools: Vec<Arc<dyn Tool>>,
    settings: ModelSettings,
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

    /// What it is told to be.
    pub fn instructions(&self) -> Option<&str> {
        self.inner.instructions.as_deref()
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

    /// What its model is asked first.
    pub(crate) fn request(&self, messages: Vec<Message>) -> ModelRequest {
        let mut request = ModelRequest::new(messages)
            .with_tools(self.tools().iter().map(|tool| tool.spec().clone()))
            .with_settings(self.inner.settings.clone());
        request.instructions.clone_from(&self.inner.instructions);
        request
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
