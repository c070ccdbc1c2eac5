//! An agent as a step: which part of the state it is told, and where its answer goes.

use std::fmt::Write as _;

use async_trait::async_trait;
use serde_json::Value as Json;

use super::{Contract, Keys, State, StateError, Step, StepError};
use crate::{agent::Agent, runner::Runner};

/// An agent as a pipeline's step; see [`Agent::reads`].
#[derive(Clone, Debug)]
pub struct AgentStep {
    agent: Agent,
    runner: Runner,
    reads: Keys,
    writes: String,
}

impl AgentStep {
    pub(crate) fn new(agent: Agent) -> Self {
        let writes = agent.name().to_owned();
        Self { agent, runner: Runner::new(), reads: Keys::from("input"), writes }
    }

    /// What it is told. A single key's value is the agent's input as it is; of several, each value
    /// is put between tags of its key: `<plan>` … `</plan>`.
    #[must_use]
    pub fn reads(mut self, keys: impl Into<Keys>) -> Self {
        self.reads = keys.into();
        self
    }

    /// The key that its answer is put under: a text, or the value of its
    /// [output type](crate::AgentBuilder::output_type).
    #[must_use]
    pub fn writes(mut self, key: impl Into<String>) -> Self {
        self.writes = key.into();
        self
    }

    /// How it is run.
    #[must_use]
    pub fn with_runner(mut self, runner: Runner) -> Self {
        self.runner = runner;
        self
    }

    fn input(&self, state: &State) -> Result<String, StateError> {
        if let [key] = self.reads.as_slice() {
            return Ok(as_text(state.value(key)?));
        }
        let mut input = String::new();
        for key in self.reads.as_slice() {
            let value = as_text(state.value(key)?);
            // Writing to a string does not fail.
            let _ = writeln!(input, "<{key}>\n{value}\n</{key}>");
        }
        Ok(input)
    }
}

fn as_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        json => json.to_string(),
    }
}

#[async_trait]
impl Step for AgentStep {
    fn name(&self) -> &str {
        self.agent.name()
    }

    fn contract(&self) -> Contract {
        Contract::new().requires(self.reads.clone()).provides(&*self.writes)
    }

    async fn run(&self, mut state: State) -> Result<State, StepError> {
        let result = self.runner.run(&self.agent, self.input(&state)?).await?;
        let value = if result.typed { result.parse().ok() } else { None };
        state.set(&self.writes, value.unwrap_or(Json::String(result.output)));
        Ok(state)
    }
}
