//! Putting an agent together.

use std::{fmt, sync::Arc};

use raaf_trace_core::{Component, IntoValue, Key, Traceable};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Agent, Inner, Instructions, OutputType};
use crate::{
    guardrail::Guardrail,
    handoff::Handoff,
    hooks::RunHooks,
    model::{Model, ModelSettings, OutputSchema, ToolChoice, TracedModel},
    runner::RunContext,
    tool::Tool,
};

/// An [`Agent`] in preparation; see [`Agent::builder`].
#[must_use = "an agent in preparation does nothing until it is built"]
pub struct AgentBuilder {
    inner: Inner,
}

impl AgentBuilder {
    pub(super) fn new(name: &str, model: TracedModel) -> Self {
        let inner = Inner {
            component: Component::agent(name),
            instructions: None,
            model,
            tools: Vec::new(),
            settings: ModelSettings::default(),
            handoffs: Vec::new(),
            input_guardrails: Vec::new(),
            output_guardrails: Vec::new(),
            output: None,
            hooks: Vec::new(),
            metadata: Vec::new(),
        };
        Self { inner }
    }

    /// What becomes another agent of the same name.
    pub(super) fn like(inner: &Inner) -> Self {
        let mut inner = inner.clone();
        // Shared, a component is copied when it is changed: so it is one of its own.
        inner.component = inner.component.clone().with_name(inner.component.name());
        Self { inner }
    }

    /// Gives it another name.
    pub fn name(mut self, name: impl AsRef<str>) -> Self {
        self.inner.component = self.inner.component.with_name(name);
        self
    }

    /// Gives it another model.
    pub fn model(mut self, model: impl Model + 'static) -> Self {
        self.inner.model = TracedModel::new(model);
        self
    }

    /// What it is told to be (the system prompt).
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.inner.instructions = Some(Instructions::Text(instructions.into()));
        self
    }

    /// The same as a function of the run, asked when the agent begins.
    pub fn instructions_with(
        mut self,
        instructions: impl Fn(&RunContext) -> String + Send + Sync + 'static,
    ) -> Self {
        self.inner.instructions = Some(Instructions::Function(Arc::new(instructions)));
        self
    }

    /// Lets it hand over to another agent. A hand-off whose tool has the same name is replaced.
    pub fn handoff(mut self, handoff: impl Into<Handoff>) -> Self {
        let handoff = handoff.into();
        self.inner.handoffs.retain(|other| other.spec().name != handoff.spec().name);
        self.inner.handoffs.push(handoff);
        self
    }

    /// Checks what goes into it, where a run begins with it.
    pub fn input_guardrail(mut self, guardrail: Guardrail) -> Self {
        self.inner.input_guardrails.push(guardrail);
        self
    }

    /// Checks its answers.
    pub fn output_guardrail(mut self, guardrail: Guardrail) -> Self {
        self.inner.output_guardrails.push(guardrail);
        self
    }

    /// Wants its answer to be JSON of that type. One that is not gives the model one more try;
    /// [`RunResult::parse`](crate::RunResult::parse) reads it.
    pub fn output_type<T: JsonSchema + DeserializeOwned + 'static>(mut self) -> Self {
        self.inner.output = Some(OutputType::of::<T>());
        self
    }

    /// The same for a schema that belongs to no type.
    pub fn output_schema(mut self, schema: OutputSchema) -> Self {
        self.inner.output = Some(OutputType::of_schema(schema));
        self
    }

    /// Is told what happens in its part of a run.
    pub fn hooks(mut self, hooks: impl RunHooks + 'static) -> Self {
        self.inner.hooks.push(Arc::new(hooks));
        self
    }

    /// Says something more on each of its spans.
    pub fn metadata(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.inner.metadata.extend(value.into_value().map(|value| (key.into(), value)));
        self
    }

    /// Gives it a tool. One of the same name is replaced.
    pub fn tool(mut self, tool: impl Tool + 'static) -> Self {
        self.inner.tools.retain(|other| other.spec().name != tool.spec().name);
        self.inner.tools.push(Arc::new(tool));
        self
    }

    /// Gives it several tools.
    pub fn tools<T: Tool + 'static>(self, tools: impl IntoIterator<Item = T>) -> Self {
        tools.into_iter().fold(self, Self::tool)
    }

    /// The sampling temperature: the higher, the more varied its answers.
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.inner.settings.temperature = Some(temperature);
        self
    }

    /// The share of probability that is sampled from, 0 to 1.
    pub fn top_p(mut self, top_p: f64) -> Self {
        self.inner.settings.top_p = Some(top_p);
        self
    }

    /// The most tokens that one answer of its model may have.
    pub fn max_tokens(mut self, max_tokens: u32) -> Self {
        self.inner.settings.max_tokens = Some(max_tokens);
        self
    }

    /// Whether its model may or must call tools. Once it has called one, it may answer: what it must
    /// do, it must do once.
    pub fn tool_choice(mut self, tool_choice: ToolChoice) -> Self {
        self.inner.settings.tool_choice = Some(tool_choice);
        self
    }

    /// Whether its model may call several tools in one turn.
    pub fn parallel_tool_calls(mut self, parallel: bool) -> Self {
        self.inner.settings.parallel_tool_calls = Some(parallel);
        self
    }

    /// All model settings at once.
    pub fn settings(mut self, settings: ModelSettings) -> Self {
        self.inner.settings = settings;
        self
    }

    /// Binds it to a parent: where no context says otherwise, for example in a bare thread, its
    /// spans hang under the parent's active span.
    pub fn parent(mut self, parent: &(impl Traceable + ?Sized)) -> Self {
        self.inner.component = self.inner.component.with_parent(parent);
        self
    }

    /// The agent.
    pub fn build(self) -> Agent {
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
