//! An agent as a step: which part of the state it is told, and where its answer goes.

use std::fmt::Write as _;

use async_trait::async_trait;
use serde_json::Value as Json;

use super::{State, StateError, Step, StepError};
use crate::{agent::Agent, runner::Runner};

/// An agent as a pipeline's step; see [`Agent::reads`].
#[derive(Clone, Debug)]
pub struct AgentStep {
    agent: Agent,
    runner: Runner,
    reads: Keys,
    writes: String,
}

/// One key of a [`State`], or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys(Vec<String>);

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

    /// The key that its answer is put under.
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
        if let [key] = &*self.reads.0 {
            return Ok(as_text(state.value(key)?));
        }
        let mut input = String::new();
        for key in &self.reads.0 {
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

    async fn run(&self, mut state: State) -> Result<State, StepError> {
        let result = self.runner.run(&self.agent, self.input(&state)?).await?;
        state.set(&self.writes, result.output);
        Ok(state)
    }
}

impl From<&str> for Keys {
    fn from(key: &str) -> Self {
        Self(vec![key.to_owned()])
    }
}

impl From<String> for Keys {
    fn from(key: String) -> Self {
        Self(vec![key])
    }
}

impl<K: Into<String>, const N: usize> From<[K; N]> for Keys {
    fn from(keys: [K; N]) -> Self {
        Self(keys.into_iter().map(Into::into).collect())
    }
}

impl<K: Into<String>> From<Vec<K>> for Keys {
    fn from(keys: Vec<K>) -> Self {
        Self(keys.into_iter().map(Into::into).collect())
    }
}
