//! Agents as steps.

use std::{borrow::Cow, fmt::Write as _};

use async_trait::async_trait;
use serde_json::Value as Json;

use super::{Contract, Keys, PausedStep, State, StateError, Step, StepContext, StepError};
use crate::{agent::Agent, diagram::Drawing, run::RunResult, runner::Runner, state::ResumeError};

/// Step that runs an agent; see [`Agent::reads`] and [`Agent::writes`].
///
/// By default it reads `input` and writes a key named after the agent.
#[derive(Clone, Debug)]
pub struct AgentStep {
    agent: Agent,
    runner: Runner,
    reads: Option<Keys>,
    writes: String,
}

impl AgentStep {
    pub(super) fn new(agent: Agent) -> Self {
        let writes = agent.name().to_owned();
        Self { agent, runner: Runner::new(), reads: None, writes }
    }

    /// Adds keys to the agent's input; see [`Agent::reads`].
    #[must_use]
    pub fn reads(mut self, keys: impl Into<Keys>) -> Self {
        self.reads.get_or_insert_default().extend(keys.into());
        self
    }

    /// Sets the key of the agent's answer; see [`Agent::writes`]. The last key set applies.
    #[must_use]
    pub fn writes(mut self, key: impl Into<String>) -> Self {
        self.writes = key.into();
        self
    }

    /// Sets the runner.
    #[must_use]
    pub fn with_runner(mut self, runner: Runner) -> Self {
        self.runner = runner;
        self
    }

    fn keys(&self) -> Keys {
        self.reads.clone().unwrap_or_else(|| Keys::from("input"))
    }

    fn input(&self, state: &State) -> Result<String, StateError> {
        let keys = self.keys();
        if let [key] = keys.as_slice() {
            return Ok(as_text(state.value(key)?));
        }
        let mut input = String::new();
        for key in keys.as_slice() {
            let value = as_text(state.value(key)?);
            // Writing to a string does not fail.
            let _ = writeln!(input, "<{key}>\n{value}\n</{key}>");
        }
        Ok(input)
    }
}

/// Returns a string as it is, and other values as JSON.
fn as_text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Agent {
    /// Returns a pipeline step whose input consists of these keys of the state.
    ///
    /// The value of a single key is the input as it is, a value other than a string as JSON. Of
    /// several keys, each value is enclosed in tags: `<plan>` … `</plan>`. Repeated calls add keys.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_agents::{Agent, FlowExt as _, ModelRequest, ScriptedModel, State};
    ///
    /// let echo = ScriptedModel::from_fn("echo", |request: &ModelRequest| {
    ///     request.last_user_text().into_owned()
    /// });
    /// let writer = Agent::builder("Writer", echo).build();
    /// let pipeline = writer.reads("plan").reads("notes").writes("report").named("Report").build()?;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let state = pipeline.run(State::new().with("plan", "1. tea").with("notes", "hot")).await?;
    /// assert_eq!(state.text("report")?, "<plan>\n1. tea\n</plan>\n<notes>\nhot\n</notes>\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reads(&self, keys: impl Into<Keys>) -> AgentStep {
        AgentStep::new(self.clone()).reads(keys)
    }

    /// Returns a pipeline step that stores the answer under this key: a string, or a JSON value if
    /// the agent has an [output type](crate::AgentBuilder::output_type).
    pub fn writes(&self, key: impl Into<String>) -> AgentStep {
        AgentStep::new(self.clone()).writes(key)
    }
}

#[async_trait]
impl Step for AgentStep {
    fn name(&self) -> &str {
        self.agent.name()
    }

    fn contract(&self) -> Contract {
        Contract::new().requires(self.keys()).provides(&*self.writes)
    }

    fn draw(&self, drawing: &mut Drawing) {
        drawing.agent(&self.agent);
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        self.run_in(&StepContext::default(), state).await
    }

    /// The steps of the run are journaled.
    async fn run_in(&self, context: &StepContext, state: State) -> Result<State, StepError> {
        let run = |state| async move {
            let result = self.runner(context).run(&self.agent, self.input(&state)?).await?;
            Ok(self.with_answer(state, result))
        };
        context.around(state, run).await
    }

    async fn resume(
        &self,
        context: &StepContext,
        state: State,
        paused: PausedStep,
    ) -> Result<State, StepError> {
        let run = paused.into_run(self.name()).map_err(StepError::Resume)?;
        let go_on = |state| async move {
            let result = self.runner(context).go_on(&self.agent, *run).await?;
            Ok(self.with_answer(state, result))
        };
        context.around(state, go_on).await
    }

    fn can_resume(&self, paused: &PausedStep) -> Result<(), ResumeError> {
        Runner::can_resume(&self.agent, paused.run(self.name())?)
    }
}

impl AgentStep {
    fn runner(&self, context: &StepContext) -> Cow<'_, Runner> {
        match context.journal() {
            Some((journal, key)) => Cow::Owned(self.runner.clone().with_journal(journal, key)),
            None => Cow::Borrowed(&self.runner),
        }
    }

    fn with_answer(&self, mut state: State, result: RunResult) -> State {
        let value = if result.typed { result.parse().ok() } else { None };
        state.set(&self.writes, value.unwrap_or(Json::String(result.output)));
        state
    }
}

/// Runs the agent as an [`AgentStep`] with default keys.
#[async_trait]
impl Step for Agent {
    fn name(&self) -> &str {
        self.name()
    }

    fn contract(&self) -> Contract {
        AgentStep::new(self.clone()).contract()
    }

    fn draw(&self, drawing: &mut Drawing) {
        drawing.agent(self);
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        AgentStep::new(self.clone()).run(state).await
    }

    async fn run_in(&self, context: &StepContext, state: State) -> Result<State, StepError> {
        AgentStep::new(self.clone()).run_in(context, state).await
    }

    async fn resume(
        &self,
        context: &StepContext,
        state: State,
        paused: PausedStep,
    ) -> Result<State, StepError> {
        AgentStep::new(self.clone()).resume(context, state, paused).await
    }

    fn can_resume(&self, paused: &PausedStep) -> Result<(), ResumeError> {
        AgentStep::new(self.clone()).can_resume(paused)
    }
}
