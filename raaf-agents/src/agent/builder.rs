//! Builder for [`Agent`].

use std::{fmt, sync::Arc};

use raaf_trace_core::{Component, Key, Traceable, attributes::IntoValue};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Agent, Handoff, Inner, Instructions, OutputType, RunHooks};
use crate::{
    guardrail::Guardrail,
    model::{HostedTool, ModelSettings, OutputSchema, ToolChoice, TracedModel},
    run::RunContext,
    tool::{Tool, ToolSource},
};

/// Builder for [`Agent`]; see [`Agent::builder`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct AgentBuilder {
    inner: Inner,
    is_lenient: bool,
}

impl AgentBuilder {
    pub(super) fn new(name: &str, model: TracedModel) -> Self {
        let inner = Inner {
            component: Component::agent(name),
            instructions: None,
            model,
            tools: Vec::new(),
            hosted_tools: Vec::new(),
            own_tools: 0,
            sources: Vec::new(),
            settings: ModelSettings::default(),
            handoffs: Vec::new(),
            input_guardrails: Vec::new(),
            output_guardrails: Vec::new(),
            output: None,
            hooks: Vec::new(),
            metadata: Vec::new(),
        };
        Self { inner, is_lenient: false }
    }

    /// Sets the instructions (the system prompt).
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.inner.instructions = Some(Instructions::Text(instructions.into()));
        self
    }

    /// Sets the instructions as a function of the run, which is called when the agent starts.
    pub fn instructions_with(
        mut self,
        instructions: impl Fn(&RunContext) -> String + Send + Sync + 'static,
    ) -> Self {
        self.inner.instructions = Some(Instructions::Function(Arc::new(instructions)));
        self
    }

    /// Adds a hand-off to another agent. It replaces a hand-off to an agent of the same name by the
    /// same tool. If only the tools' names are the same, such as for the agents `Billing Agent` and
    /// `billing-agent`, the name of the later tool gets a hash of its agent's name.
    pub fn handoff(mut self, handoff: impl Into<Handoff>) -> Self {
        let mut handoff = handoff.into();
        let handoffs = &mut self.inner.handoffs;
        let has_name = |other: &Handoff, name: &str| other.spec().name == name;
        let target = handoff.target_name().to_owned();
        let is_other = |other: &Handoff| other.target_name() != target;
        if handoffs.iter().any(|other| has_name(other, &handoff.spec().name) && is_other(other)) {
            handoff.distinguish();
        }
        handoffs.retain(|other| !has_name(other, &handoff.spec().name));
        handoffs.push(handoff);
        self
    }

    /// Adds a check of the input. It applies to runs that start with this agent, and not after a
    /// hand-off.
    pub fn input_guardrail(mut self, guardrail: Guardrail) -> Self {
        self.inner.input_guardrails.push(guardrail);
        self
    }

    /// Adds a check of the answer.
    pub fn output_guardrail(mut self, guardrail: Guardrail) -> Self {
        self.inner.output_guardrails.push(guardrail);
        self
    }

    /// Requires answers to be JSON of this type, to be read by
    /// [`RunResult::parse`](crate::RunResult::parse). A model whose answer does not match gets one
    /// more try; then the run fails with [`RunErrorKind::Output`](crate::RunErrorKind::Output).
    ///
    /// The server enforces the schema if the server supports that and the schema can be
    /// [strict](crate::strict_schema). With `output_schema(OutputSchema::of::<T>().strict()?)`, a schema
    /// that cannot be strict is an error; [`strict_output`](Self::strict_output) turns strict schemas off.
    /// A type that is not an object, such as `Vec<T>`, `String` or an enum, is requested in an object with
    /// the member `response`, and the answer is taken out of that.
    pub fn output_type<T: JsonSchema + DeserializeOwned + 'static>(mut self) -> Self {
        self.inner.output = Some(OutputType::of::<T>());
        self
    }

    /// Requires answers to be JSON that matches a schema; see [`output_type`](Self::output_type).
    pub fn output_schema(mut self, schema: OutputSchema) -> Self {
        self.inner.output = Some(OutputType::of_schema(schema));
        self
    }

    /// Sets whether the server enforces the schema of typed answers if it can; the default is `true`. With
    /// `false`, the model may give an answer that does not match, and is then asked again.
    pub fn strict_output(mut self, strict: bool) -> Self {
        self.is_lenient = !strict;
        self
    }

    /// Adds hooks for this agent.
    pub fn hooks(mut self, hooks: impl RunHooks + 'static) -> Self {
        self.inner.hooks.push(Arc::new(hooks));
        self
    }

    /// Adds an attribute to each of its spans.
    pub fn metadata(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.inner.metadata.extend(value.into_value().map(|value| (key.into(), value)));
        self
    }

    /// Adds a tool. It replaces a tool with the same name.
    pub fn tool(mut self, tool: impl Tool + 'static) -> Self {
        self.inner.tools.retain(|other| other.spec().name != tool.spec().name);
        self.inner.tools.push(Arc::new(tool));
        self
    }

    /// Adds tools of one type; see [`tool`](Self::tool).
    pub fn tools<T: Tool + 'static>(self, tools: impl IntoIterator<Item = T>) -> Self {
        tools.into_iter().fold(self, Self::tool)
    }

    /// Adds a tool that the provider runs. It replaces a tool of the same type or, for MCP servers, with the
    /// same label. With a model that does not support hosted tools, the first model call fails with
    /// [`ModelError::Unsupported`](crate::ModelError::Unsupported).
    ///
    /// ```
    /// use raaf_agents::{Agent, HostedTool, ScriptedModel};
    ///
    /// // `OpenAiResponses` supports them.
    /// let agent = Agent::builder("Researcher", ScriptedModel::new("scripted", ["It rains."]))
    ///     .hosted_tool(HostedTool::web_search())
    ///     .hosted_tool(HostedTool::mcp("docs", "https://example.com/mcp"))
    ///     .build();
    /// assert_eq!(agent.hosted_tools().len(), 2);
    /// ```
    pub fn hosted_tool(mut self, tool: HostedTool) -> Self {
        let is_same =
            |other: &HostedTool| (other.kind(), other.label()) == (tool.kind(), tool.label());
        self.inner.hosted_tools.retain(|other| !is_same(other));
        self.inner.hosted_tools.push(tool);
        self
    }

    /// Adds a source of tools, from which the agent requests its tools before each turn.
    pub fn tool_source(mut self, source: impl ToolSource + 'static) -> Self {
        self.inner.sources.push(Arc::new(source));
        self
    }

    /// Sets the sampling temperature: higher values give more varied answers.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.inner.settings.temperature = Some(temperature);
        self
    }

    /// Sets the probability mass that is sampled from, 0 to 1.
    pub fn top_p(mut self, top_p: f64) -> Self {
        self.inner.settings.top_p = Some(top_p);
        self
    }

    /// Sets the maximum number of tokens of one model response.
    pub fn max_tokens(mut self, max_tokens: u32) -> Self {
        self.inner.settings.max_tokens = Some(max_tokens);
        self
    }

    /// Sets whether the model may or must call tools. A model that must call one is free to answer
    /// after its first call.
    pub fn tool_choice(mut self, tool_choice: ToolChoice) -> Self {
        self.inner.settings.tool_choice = Some(tool_choice);
        self
    }

    /// Sets whether the model may call several tools in one turn.
    pub fn parallel_tool_calls(mut self, parallel: bool) -> Self {
        self.inner.settings.parallel_tool_calls = Some(parallel);
        self
    }

    /// Replaces all model settings, including those set before.
    ///
    /// ```
    /// use raaf_agents::{Agent, ModelSettings, ScriptedModel};
    ///
    /// let agent = Agent::builder("Greeter", ScriptedModel::new("scripted", ["Hello."]))
    ///     .temperature(0.2)
    ///     .settings(ModelSettings::default())
    ///     .max_tokens(100)
    ///     .build();
    /// assert_eq!(agent.settings().temperature, None);
    /// assert_eq!(agent.settings().max_tokens, Some(100));
    /// ```
    pub fn settings(mut self, settings: ModelSettings) -> Self {
        self.inner.settings = settings;
        self
    }

    /// Binds the agent to a parent component. Without an active span, such as in a bare thread, its
    /// spans are children of the parent's active span.
    pub fn parent(mut self, parent: &(impl Traceable + ?Sized)) -> Self {
        self.inner.component = self.inner.component.with_parent(parent);
        self
    }

    /// Builds the agent.
    pub fn build(mut self) -> Agent {
        if self.is_lenient {
            self.inner.output = self.inner.output.map(OutputType::without_strict);
        }
        self.inner.own_tools = self.inner.tools.len();
        Agent { inner: Arc::new(self.inner) }
    }
}

impl fmt::Debug for AgentBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentBuilder")
            .field("name", &self.inner.component.name())
            .finish_non_exhaustive()
    }
}
