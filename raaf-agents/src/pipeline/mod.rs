//! Pipelines: steps in sequence and in parallel.

mod agent_step;
mod builder;
mod contract;
mod each_over;
mod error;
mod flow;
mod function;
mod into_step;
mod keys;
mod merge;
mod observe;
mod state;
mod step;
mod tool_step;
mod wrap;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use raaf_trace_core::{Attributes, Component, Traceable, keys as attribute_keys};
use serde_json::Value as Json;

pub use agent_step::AgentStep;
pub use builder::PipelineBuilder;
pub use contract::{BuildError, Contract, MissingKey};
pub use each_over::EachOver;
use error::Stopped;
pub use error::{BranchFailure, PipelineError, StepError};
pub use flow::{Flow, OnBranchError, Parallel};
pub use function::{FunctionStep, service};
pub use into_step::{IntoStep, step, via};
pub use keys::Keys;
pub use merge::Merge;
use observe::Observers;
pub use observe::Progress;
use state::shown;
pub use state::{State, StateError};
pub use step::Step;
pub use tool_step::ToolStep;
pub use wrap::FlowExt;

/// Sequence of steps, which may run in parallel: agents, tools, functions and other pipelines.
///
/// Compose steps with operators, `(a >> (b | c) >> d).named("Report")`, or with a
/// [builder](Self::builder); see [`Flow`] and [`Parallel`]. [`FlowExt`] has wrappers for steps, such
/// as retries.
///
/// A [`State`] passes from step to step. Each branch of a parallel group works on its own copy; the
/// changes are merged in the order of declaration. Keys are strings, checked when the pipeline is
/// built.
///
/// A run is one span of kind `pipeline`, whose children are the spans of the steps. Clones are the
/// same component.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, Pipeline, ScriptedModel, State, service};
///
/// let model = || ScriptedModel::from_fn("parrot", |request: &raaf_agents::ModelRequest| {
///     format!("on {}", request.last_user_text())
/// });
/// let optimist = Agent::builder("Optimist", model()).build();
/// let pessimist = Agent::builder("Pessimist", model()).build();
/// let pipeline = Pipeline::builder("Debate")
///     .then(service("topic", |state: State| async move { Ok(state.with("topic", "tea")) }))
///     .parallel([optimist.reads("topic").writes("for"), pessimist.reads("topic").writes("against")])
///     .build()?;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let state = pipeline.run(State::new()).await?;
/// assert_eq!(state.text("against")?, "on tea");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Pipeline {
    component: Component,
    inner: Arc<Inner>,
}

struct Inner {
    flow: Flow,
    contract: contract::FlowContract,
    observers: Observers,
}

impl Pipeline {
    /// Returns a builder for a pipeline with this name.
    pub fn builder(name: impl AsRef<str>) -> PipelineBuilder {
        PipelineBuilder::new(name.as_ref())
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        self.component.name()
    }

    /// Returns the number of steps. Each branch of a parallel group counts, a nested pipeline counts
    /// as one.
    pub fn steps_count(&self) -> usize {
        self.inner.flow.node.names().len()
    }

    /// Runs the steps and returns the state after the last one.
    ///
    /// # Errors
    ///
    /// If a step fails, or if the initial state lacks a key that a step is declared to require, which
    /// is checked before the first step runs. The error carries the state before the step.
    pub async fn run(&self, state: State) -> Result<State, PipelineError> {
        let (given, before) = (state.clone(), state.clone());
        self.traced("run")
            .with_attributes(move |attributes: &mut Attributes| {
                attributes.set_content_with(attribute_keys::INPUT, || shown(given.iter()));
            })
            .on_result(move |after: &State, attributes: &mut Attributes| {
                attributes.set_content_with(attribute_keys::OUTPUT, || {
                    let is_new = |(key, value): &(&str, &Json)| {
                        !before.value(key).is_ok_and(|before| before == *value)
                    };
                    shown(after.iter().filter(is_new))
                });
            })
            .try_in_span(self.run_flow(state))
            .await
    }

    async fn run_flow(&self, state: State) -> Result<State, PipelineError> {
        let needs = &self.inner.contract.requires;
        let result = match needs.iter().find(|need| !state.contains(&need.key)) {
            Some(need) => {
                let source = StateError::Missing { key: need.key.clone() }.into();
                Err(Stopped::at(&need.step, state, source))
            }
            None => self.inner.flow.node.run(state, &self.inner.observers).await,
        };
        result.map_err(|stopped| {
            let Stopped { step, completed, state, source } = *stopped;
            let (pipeline, state) = (self.name().to_owned(), Box::new(state));
            PipelineError { pipeline, step, completed, state, source }
        })
    }
}

#[async_trait]
impl Step for Pipeline {
    fn name(&self) -> &str {
        self.name()
    }

    fn contract(&self) -> Contract {
        self.inner.contract.clone().into_contract()
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
            .set(attribute_keys::PIPELINE_NAME, self.name())
            .set(attribute_keys::PIPELINE_STEPS_COUNT, self.steps_count());
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("name", &self.name())
            .field("steps", &self.inner.flow.node.names())
            .finish_non_exhaustive()
    }
}
