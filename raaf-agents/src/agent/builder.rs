//! Putting an agent together.

use std::{fmt, sync::Arc};

use raaf_trace_core::{Component, Traceable};

use super::{Agent, Inner};
use crate::{
    model::{ModelSettings, TracedModel},
    tool::Tool,
};

/// An [`Agent`] in preparation; see [`Agent::builder`].
#[must_use = "an agent in preparation does nothing until it is built"]
pub struct AgentBuilder {
    inner: Inner,
}

impl AgentBuilder {
    pub(super) fn new(name: &str, model: TracedModel) -> Self {
        let component = Component::agent(name);
        let (instructions, tools) = (None, Vec::new());
        let settings = ModelSettings::default();
        Self { inner: Inner { component, instructions, model, tools, settings } }
    }

    /// What it is told to be (the system prompt).
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.inner.instructions = Some(instructions.into());
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
