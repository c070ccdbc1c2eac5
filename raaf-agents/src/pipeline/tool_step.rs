//! Tools as steps.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use serde_json::{Map, Value as Json};

use super::{Contract, Flow, Keys, PausedStep, State, Step, StepContext, StepError};
use crate::{
    diagram::Drawing,
    run::RunContext,
    state::{ResumeError, RunState},
    tool::{FunctionTool, Tool},
};

/// Step that calls a tool; see [`FunctionTool::reads`] and [`step`](fn@crate::step).
///
/// By default its arguments are the values of the state for the properties of its schema; those that
/// are not required may be missing. It writes its result to a key named after the tool.
#[derive(Clone)]
pub struct ToolStep {
    tool: Arc<dyn Tool>,
    reads: Option<Keys>,
    writes: String,
}

impl ToolStep {
    pub(super) fn new(tool: impl Tool + 'static) -> Self {
        let writes = tool.spec().name.clone();
        Self { tool: Arc::new(tool), reads: None, writes }
    }

    /// Adds keys to the tool's arguments; see [`FunctionTool::reads`].
    #[must_use]
    pub fn reads(mut self, keys: impl Into<Keys>) -> Self {
        self.reads.get_or_insert_default().extend(keys.into());
        self
    }

    /// Sets the key of the tool's result. The last key set applies.
    #[must_use]
    pub fn writes(mut self, key: impl Into<String>) -> Self {
        self.writes = key.into();
        self
    }

    /// Returns the keys that the state must have.
    fn required(&self) -> Vec<String> {
        if let Some(keys) = &self.reads {
            return keys.as_slice().to_vec();
        }
        let required = self.tool.spec().parameters.get("required").and_then(Json::as_array);
        let names = required.into_iter().flatten().filter_map(Json::as_str);
        names.map(str::to_owned).collect()
    }

    fn arguments(&self, state: &State) -> Result<Json, StepError> {
        let mut arguments = Map::new();
        for key in self.required() {
            let value = state.value(&key)?.clone();
            arguments.insert(key, value);
        }
        if self.reads.is_none() {
            let properties = self.tool.spec().parameters.get("properties");
            let names = properties.and_then(Json::as_object).into_iter().flat_map(Map::keys);
            for key in names {
                if let Ok(value) = state.value(key) {
                    arguments.insert(key.clone(), value.clone());
                }
            }
        }
        Ok(Json::Object(arguments))
    }
}

#[async_trait]
impl Step for ToolStep {
    fn name(&self) -> &str {
        &self.tool.spec().name
    }

    fn contract(&self) -> Contract {
        Contract::new().requires(self.required()).provides(&*self.writes)
    }

    fn draw(&self, drawing: &mut Drawing) {
        drawing.tool(&*self.tool);
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        self.run_in(&StepContext::default(), state).await
    }

    /// The call is journaled, or the steps of the run that it starts.
    async fn run_in(&self, context: &StepContext, state: State) -> Result<State, StepError> {
        self.call(context, state, None).await
    }

    async fn resume(
        &self,
        context: &StepContext,
        state: State,
        paused: PausedStep,
    ) -> Result<State, StepError> {
        let run = paused.into_run(self.name()).map_err(StepError::Resume)?;
        self.call(context, state, Some(run)).await
    }

    fn can_resume(&self, paused: &PausedStep) -> Result<(), ResumeError> {
        self.tool.can_resume(paused.run(self.name())?)
    }
}

impl ToolStep {
    async fn call(
        &self,
        context: &StepContext,
        state: State,
        paused: Option<Box<RunState>>,
    ) -> Result<State, StepError> {
        let journals_steps = self.tool.journals_steps();
        let within = RunContext::of_step(context.journal(), paused, journals_steps);
        let call = |mut state: State| async move {
            let result = self.tool.call_in(&within, self.arguments(&state)?).await?;
            state.set(&self.writes, result.into_json());
            Ok(state)
        };
        if journals_steps {
            context.around(state, call).await
        } else {
            context.once(state, call).await
        }
    }
}

impl FunctionTool {
    /// Returns a pipeline step whose arguments are the values of these keys, each under its own
    /// name. All must be in the state. Repeated calls add keys.
    ///
    /// To pass a value under another name, use [`FlowExt::map_input`](crate::FlowExt::map_input).
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_agents::{FlowExt as _, FunctionTool, State};
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Sum {
    ///     a: i64,
    ///     b: i64,
    /// }
    ///
    /// let add = FunctionTool::infallible("add", "Adds.", |sum: Sum| async move { sum.a + sum.b });
    /// let pipeline = add.reads("a").reads("b").writes("sum").named("Sums").build()?;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let state = pipeline.run(State::new().with("a", 1).with("b", 2)).await?;
    /// assert_eq!(state.get::<i64>("sum")?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reads(&self, keys: impl Into<Keys>) -> ToolStep {
        ToolStep::new(self.clone()).reads(keys)
    }

    /// Returns a pipeline step that stores the result under this key.
    pub fn writes(&self, key: impl Into<String>) -> ToolStep {
        ToolStep::new(self.clone()).writes(key)
    }
}

impl From<FunctionTool> for Flow {
    fn from(tool: FunctionTool) -> Self {
        ToolStep::new(tool).into()
    }
}

impl fmt::Debug for ToolStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolStep")
            .field("tool", &self.tool.spec().name)
            .field("reads", &self.reads)
            .field("writes", &self.writes)
            .finish()
    }
}
