//! Pipelines: steps one after another and side by side.

mod agent_step;
mod builder;
mod error;
mod function;
mod parallel;
mod state;
mod step;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use raaf_trace_core::{Attributes, Component, Traceable, TraceableExt as _, keys};

pub use agent_step::{AgentStep, Keys};
pub use builder::PipelineBuilder;
pub use error::{PipelineError, StepError};
pub use function::{FunctionStep, step};
use parallel::Stage;
pub use state::{State, StateError};
pub use step::Step;

/// Steps one after another and side by side: agents, functions and other pipelines.
///
/// A [`State`] goes from step to step. Of a parallel group each branch works on a copy of its own;
/// what the branches changed is put together in the order in which they were declared. The branches
/// run concurrently in the caller's task, and when one fails the others are cancelled.
///
/// A run is one span of kind `pipeline`, the steps' spans are its children. Clones are the same
/// pipeline.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, Pipeline, ScriptedModel, State, step};
///
/// let model = || ScriptedModel::from_fn("parrot", |request: &raaf_agents::ModelRequest| {
///     format!("on {}", request.last_user_text())
/// });
/// let optimist = Agent::builder("Optimist", model()).build();
/// let pessimist = Agent::builder("Pessimist", model()).build();
/// let pipeline = Pipeline::builder("Debate")
///     .then(step("topic", |state: State| async move { Ok(state.with("topic", "tea")) }))
///     .parallel([optimist.reads("topic").writes("for"), pessimist.reads("topic").writes("against")])
///     .build();
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let state = pipeline.run(State::new()).await?;
/// assert_eq!(state.text("against")?, "on tea");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Pipeline {
    component: Component,
    stages: Arc<[Stage]>,
}

impl Pipeline {
    /// A pipeline of that name, without steps so far.
    pub fn builder(name: impl AsRef<str>) -> PipelineBuilder {
        PipelineBuilder::new(name.as_ref())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.component.name()
    }

    /// How many steps it has, each branch of a parallel group counted, a nested pipeline as one.
    pub fn steps_count(&self) -> usize {
        self.stages.iter().map(Stage::steps_count).sum()
    }

    /// Runs its steps on this state, and returns the state after the last.
    ///
    /// # Errors
    ///
    /// When a step fails. The error names it, and carries the state before it.
    pub async fn run(&self, state: State) -> Result<State, PipelineError> {
        self.traced("run").try_run_async(self.run_stages(state)).await
    }

    async fn run_stages(&self, mut state: State) -> Result<State, PipelineError> {
        for (done, stage) in self.stages.iter().enumerate() {
            state = match stage.run(&state).await {
                Ok(state) => state,
                Err((step, source)) => {
                    let completed = self.stages[..done].iter().flat_map(Stage::names);
                    return Err(PipelineError {
                        pipeline: self.name().to_owned(),
                        step,
                        completed: completed.collect(),
                        state: Box::new(state),
                        source,
                    });
                }
            };
        }
        Ok(state)
    }
}

#[async_trait]
impl Step for Pipeline {
    fn name(&self) -> &str {
        self.name()
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        self.run(state).await.map_err(|error| StepError::Pipeline(Box::new(error)))
    }
}

impl Traceable for Pipeline {
    fn component(&self) -> &Component {
        &self.component
    }

    fn span_attributes(&self, attributes: &mut Attributes) {
        attributes
            .set(keys::PIPELINE_NAME, self.name())
            .set(keys::PIPELINE_STEPS_COUNT, self.steps_count());
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<Vec<String>> =
            self.stages.iter().map(|stage| stage.names().collect()).collect();
        f.debug_struct("Pipeline").field("name", &self.name()).field("steps", &steps).finish()
    }
}
