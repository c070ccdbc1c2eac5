//! Pipelines: steps in sequence and in parallel.

mod agent_step;
mod builder;
mod contract;
mod drawn;
mod each_over;
mod error;
mod flow;
mod function;
mod into_step;
mod keys;
mod merge;
mod observe;
mod paused;
mod state;
mod step;
mod tool_step;
mod walk;
mod wrap;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use raaf_trace_core::{
    Attributes, Component, Context, InContext as _, Traceable, Value, keys as attribute_keys,
};
use serde_json::Value as Json;

use crate::{
    diagram::Drawing,
    run::{
        Journal, SharedJournal,
        workflow::{self, Root},
    },
    state::ResumeError,
};
pub use agent_step::AgentStep;
pub use builder::PipelineBuilder;
pub use contract::{BuildError, Contract, MissingKey};
pub use each_over::EachOver;
pub use error::{BranchFailure, PipelineError, StepError};
use error::{Cause, Stopped};
pub use flow::{Flow, OnBranchError, Parallel};
pub use function::{FunctionStep, service};
pub use into_step::{IntoStep, step, via};
pub use keys::Keys;
pub use merge::Merge;
use observe::Observers;
pub use observe::Progress;
pub use paused::{PausedStep, PipelineState};
use paused::{Start, Waiting};
use state::shown;
pub use state::{State, StateError};
pub use step::Step;
pub use tool_step::ToolStep;
pub use walk::StepContext;
use walk::{Journaled, Walk};
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
    /// The journal, and the id of the run.
    journal: Option<(SharedJournal, String)>,
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
        self.run_within(&StepContext::default(), state).await
    }

    /// Returns the pipeline with a [journal](Journal). If it is run again with the same state, journal and id
    /// after an interruption, it runs only the steps that have no result in the journal. Each run needs an id
    /// of its own.
    ///
    /// For a step, its changes to the state are journaled; for an agent or an inner pipeline, its steps
    /// and then its changes. The names of steps begin with the id and the position in the pipeline, so the
    /// pipeline must not change in between. Conditions, and changes of the state between steps, are
    /// evaluated again and must have the same result each time. A step that fails is not journaled; the
    /// next run tries it again. Journaled steps have no span when the pipeline is run again; the span around
    /// them is marked as resumed. [Observers](PipelineBuilder::on_progress) are notified of them.
    ///
    /// A [retried](FlowExt::retry) agent goes on where its previous attempt failed, without repeating calls
    /// that have a result, and so do other steps. An item of an [`each_over`](FlowExt::each_over) is
    /// journaled even if it fails, because the pipeline goes on without it. Another attempt of a retry
    /// around the `each_over` tries the item again, and repeats the steps that follow the `each_over`: their
    /// names contain the number of the attempt (`order-17/2#1.Writer`). The failure of such an attempt is
    /// journaled, so that the next run goes on with the attempt that was interrupted.
    ///
    /// If the journal fails, the run ends without retries. It also ends if an agent's run in an item is
    /// cancelled; the next run repeats the item.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{collections::HashMap, error::Error, sync::{Arc, Mutex}};
    /// use futures::future::BoxFuture;
    /// use raaf_agents::{FlowExt as _, Journal, State, service};
    /// use serde_json::Value;
    ///
    /// #[derive(Clone, Default)]
    /// struct InMemory(Arc<Mutex<HashMap<String, Value>>>);
    ///
    /// #[async_trait::async_trait]
    /// impl Journal for InMemory {
    ///     async fn step(
    ///         &self,
    ///         name: &str,
    ///         work: BoxFuture<'_, Option<Value>>,
    ///     ) -> Result<Option<Value>, Box<dyn Error + Send + Sync>> {
    ///         let known = self.known(name).await?;
    ///         if known.is_some() {
    ///             return Ok(known);
    ///         }
    ///         let result = work.await;
    ///         if let Some(result) = &result {
    ///             self.0.lock().unwrap().insert(name.to_owned(), result.clone());
    ///         }
    ///         Ok(result)
    ///     }
    ///
    ///     async fn known(&self, name: &str) -> Result<Option<Value>, Box<dyn Error + Send + Sync>> {
    ///         Ok(self.0.lock().unwrap().get(name).cloned())
    ///     }
    /// }
    ///
    /// let draw = service("draw", |state: State| async { Ok(state.with("lot", 17)) });
    /// let pipeline = draw.named("Lottery").build()?;
    /// let journal = InMemory::default();
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let state = pipeline.journaled(journal.clone(), "draw-1").run(State::new()).await?;
    /// assert_eq!(state.get::<i64>("lot")?, 17);
    /// assert!(journal.0.lock().unwrap().contains_key("draw-1/0.draw"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn journaled(&self, journal: impl Journal + 'static, id: impl Into<String>) -> Self {
        Self { journal: Some((Arc::new(journal), id.into())), ..self.clone() }
    }

    async fn run_within(
        &self,
        context: &StepContext,
        state: State,
    ) -> Result<State, PipelineError> {
        self.run_from(context, state.clone(), Start::New(state)).await
    }

    /// Returns the beginning of a way through the flow.
    fn walk(&self, context: &StepContext) -> Walk<'_> {
        let own = self.journal.as_ref();
        let own = own.map(|(journal, id)| Journaled::new(SharedJournal::clone(journal), id));
        Walk::new(&self.inner.observers, own.or_else(|| context.inside()))
    }

    /// Resumes a pipeline that has [paused](StepError::Paused): approved calls run, rejected calls are errors
    /// for the model, and the remaining steps run. If calls are left without a decision, the pipeline pauses
    /// again. Completed steps do not run again. [`PipelineState`] has an example.
    ///
    /// The spans are part of the trace of the pipeline, below the span that has paused.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run); also if the state does not fit the pipeline.
    pub async fn resume(&self, state: PipelineState) -> Result<State, PipelineError> {
        let place = state.context().unwrap_or_else(Context::current);
        self.go_on(&StepContext::default(), state).in_context(place).await
    }

    /// Resumes the pipeline within the current span.
    async fn go_on(
        &self,
        context: &StepContext,
        state: PipelineState,
    ) -> Result<State, PipelineError> {
        let fits = state.check(self.name(), &self.inner.flow.node);
        let PipelineState { given, place, .. } = state;
        fits.map_err(|misfit| PipelineError {
            pipeline: self.name().to_owned(),
            step: self.name().to_owned(),
            completed: Vec::new(),
            state: Box::new(given.clone()),
            source: StepError::Resume(misfit),
        })?;
        self.run_from(context, given, Start::At(place)).await
    }

    async fn run_from(
        &self,
        context: &StepContext,
        given: State,
        start: Start,
    ) -> Result<State, PipelineError> {
        let before = given.clone();
        let is_resumed = matches!(start, Start::At(_)).then_some(true);
        let root = Root::current();
        root.set_input(|| Some(shown(given.iter())));
        let ended = self
            .traced("run")
            .with(attribute_keys::RESUMED, is_resumed)
            .with_attributes(|attributes: &mut Attributes| {
                attributes.set_content_with(attribute_keys::INPUT, || shown(given.iter()));
            })
            .on_result(move |after: &State, attributes: &mut Attributes| {
                attributes.set_content_with(attribute_keys::OUTPUT, || changes(&before, after));
            })
            .try_in_span(workflow::of_part(self.run_flow(context, &given, start)))
            .await;
        if let Ok(after) = &ended {
            root.set_output(|| changes(&given, after));
        }
        ended
    }

    async fn run_flow(
        &self,
        context: &StepContext,
        given: &State,
        start: Start,
    ) -> Result<State, PipelineError> {
        let needs = &self.inner.contract.requires;
        let result = match needs.iter().find(|need| !given.contains(&need.key)) {
            Some(need) => {
                let source = StateError::Missing { key: need.key.clone() }.into();
                Err(Stopped::at(&need.step, given.clone(), source))
            }
            None => self.inner.flow.node.run(start, self.walk(context)).await,
        };
        result.map_err(|stopped| {
            let Stopped { step, completed, state, cause } = *stopped;
            let source = match cause {
                Cause::Failed(source) => source,
                Cause::Paused(place) => {
                    let state = PipelineState::new(self.name(), given.clone(), *place);
                    StepError::Paused(Box::new(state))
                }
            };
            let (pipeline, state) = (self.name().to_owned(), Box::new(state));
            PipelineError { pipeline, step, completed, state, source }
        })
    }
}

/// Returns the values that a run has set, as a trace shows them.
fn changes(before: &State, after: &State) -> Value {
    // Shared values are equal at once.
    let is_new = |(key, _): &(&str, &Json)| before.shared(key) != after.shared(key);
    shown(after.iter().filter(is_new))
}

#[async_trait]
impl Step for Pipeline {
    fn name(&self) -> &str {
        self.name()
    }

    fn contract(&self) -> Contract {
        self.inner.contract.clone().into_contract()
    }

    fn draw(&self, drawing: &mut Drawing) {
        drawing.pipeline(self);
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        self.run_in(&StepContext::default(), state).await
    }

    async fn run_in(&self, context: &StepContext, state: State) -> Result<State, StepError> {
        let run = |state| async move {
            let ended = self.run_within(context, state).await;
            ended.map_err(|error| StepError::Pipeline(Box::new(error)))
        };
        context.around(state, run).await
    }

    async fn resume(
        &self,
        context: &StepContext,
        state: State,
        paused: PausedStep,
    ) -> Result<State, StepError> {
        match paused.0 {
            Waiting::Pipeline(inner) => {
                let go_on = |_| async move {
                    let ended = self.go_on(context, *inner).await;
                    ended.map_err(|error| StepError::Pipeline(Box::new(error)))
                };
                context.around(state, go_on).await
            }
            Waiting::Run(_) => {
                let pipeline = self.name().to_owned();
                Err(StepError::Resume(ResumeError::ChangedPipeline { pipeline }))
            }
        }
    }

    fn can_resume(&self, paused: &PausedStep) -> Result<(), ResumeError> {
        match &paused.0 {
            Waiting::Pipeline(inner) => inner.check(self.name(), &self.inner.flow.node),
            Waiting::Run(_) => {
                Err(ResumeError::ChangedPipeline { pipeline: self.name().to_owned() })
            }
        }
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
