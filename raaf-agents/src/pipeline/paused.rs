//! State of pipelines that pause and go on.

use std::{collections::BTreeMap, fmt};

use raaf_trace_core::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    State, StepError,
    error::{Cause, Stopped},
    flow::Node,
};
use crate::state::{PendingCall, ResumeError, RunState, UnknownCall, Version};

/// State of a pipeline in which a run has paused; see [`RunState`].
///
/// It comes with the error [`StepError::Paused`](crate::StepError::Paused). Decide on the
/// [pending](Self::pending) calls, and [resume](crate::Pipeline::resume) the pipeline, at once or in
/// another process: the state is versioned JSON. Completed steps are not run again.
///
/// # Examples
///
/// ```
/// use raaf_agents::{
///     Agent, Approval, FlowExt as _, FunctionTool, PipelineState, Reply, ScriptedModel, State,
/// };
/// use serde_json::json;
///
/// let send = FunctionTool::infallible("send", "Sends it.", |(): ()| async { "sent" })
///     .with_approval(Approval::always());
/// let model = ScriptedModel::new("scripted", [Reply::call("send", json!({})), Reply::text("Sent.")]);
/// let clerk = Agent::builder("Clerk", model).tool(send).build();
/// let pipeline = clerk.reads("letter").writes("outcome").named("Post").build()?;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let paused = pipeline.run(State::new().with("letter", "Dear …")).await.unwrap_err();
/// let stored = serde_json::to_string(&paused.into_state()?)?;
///
/// // Later, after a person has been asked:
/// let mut state: PipelineState = serde_json::from_str(&stored)?;
/// for call in state.pending() {
///     state.approve(&call.key)?;
/// }
/// let after = pipeline.resume(state).await?;
/// assert_eq!(after.text("outcome")?, "Sent.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineState {
    v: Version,
    pub(super) pipeline: String,
    /// Place in the trace: the headers of a request that the paused span would make.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    trace: BTreeMap<String, String>,
    /// The state that the pipeline was given.
    pub(super) given: State,
    pub(super) place: Place,
}

/// Paused run of an agent, or paused pipeline, that a step waits for. A [`Step`](trait@crate::Step) of your
/// own passes it on to the step that has paused.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PausedStep(pub(super) Waiting);

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Waiting {
    Run(Box<RunState>),
    Pipeline(Box<PipelineState>),
}

/// Place in a flow.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub(super) enum Place {
    Step {
        step: String,
        state: State,
        waits: PausedStep,
    },
    Sequence {
        index: usize,
        inner: Box<Place>,
    },
    Parallel {
        state: State,
        branches: Vec<Part<State>>,
    },
    /// A wrapper, with the state that it received if it needs that again.
    Layer {
        state: State,
        attempt: u32,
        /// Number of the attempt in the journal.
        #[serde(default = "first", skip_serializing_if = "is_first")]
        journaled: u32,
        inner: Box<Place>,
    },
    EachOver {
        state: State,
        items: Vec<Part<Json>>,
    },
}

fn first() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_first(attempt: &u32) -> bool {
    *attempt == first()
}

/// Branch of a group, or item of a list.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part<T> {
    Done(T),
    Failed { step: String, completed: Vec<String>, error: String },
    Paused(Place),
}

/// Reason why a flow cannot go on at a place.
pub(super) enum Misfit {
    /// The flow lacks the place.
    Place,
    /// The step there cannot go on.
    Step(ResumeError),
}

impl From<ResumeError> for Misfit {
    fn from(error: ResumeError) -> Self {
        Self::Step(error)
    }
}

/// Beginning of a part of a flow.
pub(super) enum Start {
    New(State),
    At(Place),
}

impl Start {
    /// Returns the state of a beginning; it is empty for a place that the part does not have.
    pub(super) fn into_state(self) -> State {
        match self {
            Self::New(state)
            | Self::At(
                Place::Step { state, .. }
                | Place::Parallel { state, .. }
                | Place::Layer { state, .. }
                | Place::EachOver { state, .. },
            ) => state,
            Self::At(Place::Sequence { .. }) => State::new(),
        }
    }
}

impl PausedStep {
    /// Returns what an error waits for, or the error if it is a failure.
    pub(super) fn of(error: StepError) -> Result<Self, StepError> {
        Ok(Self(match error {
            StepError::Run(error) => Waiting::Run(Box::new(error.into_state()?)),
            StepError::Tool(error) => Waiting::Run(error.into_pause().map_err(StepError::Tool)?),
            StepError::Pipeline(error) => match error.into_state() {
                Ok(state) => Waiting::Pipeline(Box::new(state)),
                Err(error) => return Err(StepError::Pipeline(error)),
            },
            StepError::Paused(state) => Waiting::Pipeline(state),
            other => return Err(other),
        }))
    }

    /// Returns the run that a step waits for.
    pub(super) fn run(&self, step: &str) -> Result<&RunState, ResumeError> {
        match &self.0 {
            Waiting::Run(run) => Ok(run),
            Waiting::Pipeline(_) => Err(ResumeError::Step { step: step.to_owned() }),
        }
    }

    /// Turns into the run that a step waits for.
    pub(super) fn into_run(self, step: &str) -> Result<Box<RunState>, ResumeError> {
        match self.0 {
            Waiting::Run(run) => Ok(run),
            Waiting::Pipeline(_) => Err(ResumeError::Step { step: step.to_owned() }),
        }
    }

    fn runs_mut(&mut self) -> Vec<&mut RunState> {
        match &mut self.0 {
            Waiting::Run(run) => vec![run],
            Waiting::Pipeline(pipeline) => pipeline.place.runs_mut(),
        }
    }

    fn runs(&self) -> Vec<&RunState> {
        match &self.0 {
            Waiting::Run(run) => vec![run],
            Waiting::Pipeline(pipeline) => pipeline.place.runs(),
        }
    }
}

impl Place {
    /// Returns the runs that wait, in the order of declaration.
    fn runs(&self) -> Vec<&RunState> {
        match self {
            Self::Step { waits, .. } => waits.runs(),
            Self::Sequence { inner, .. } | Self::Layer { inner, .. } => inner.runs(),
            Self::Parallel { branches, .. } => {
                branches.iter().filter_map(Part::place).flat_map(Self::runs).collect()
            }
            Self::EachOver { items, .. } => {
                items.iter().filter_map(Part::place).flat_map(Self::runs).collect()
            }
        }
    }

    fn runs_mut(&mut self) -> Vec<&mut RunState> {
        match self {
            Self::Step { waits, .. } => waits.runs_mut(),
            Self::Sequence { inner, .. } | Self::Layer { inner, .. } => inner.runs_mut(),
            Self::Parallel { branches, .. } => {
                branches.iter_mut().filter_map(Part::place_mut).flat_map(Self::runs_mut).collect()
            }
            Self::EachOver { items, .. } => {
                items.iter_mut().filter_map(Part::place_mut).flat_map(Self::runs_mut).collect()
            }
        }
    }
}

impl<T> Part<T> {
    /// Checks that a flow can go on at the place of a pause.
    pub(super) fn check(&self, node: &Node) -> Result<(), Misfit> {
        self.place().map_or(Ok(()), |place| node.check(place))
    }

    fn place(&self) -> Option<&Place> {
        match self {
            Self::Paused(place) => Some(place),
            _ => None,
        }
    }

    fn place_mut(&mut self) -> Option<&mut Place> {
        match self {
            Self::Paused(place) => Some(place),
            _ => None,
        }
    }
}

impl PipelineState {
    /// Creates a state at the current place in the trace.
    pub(super) fn new(pipeline: &str, given: State, place: Place) -> Self {
        let mut trace = BTreeMap::new();
        Context::current().inject(&mut trace);
        Self { v: Version, pipeline: pipeline.to_owned(), trace, given, place }
    }

    /// Returns the name of the pipeline.
    pub fn pipeline(&self) -> &str {
        &self.pipeline
    }

    /// Returns the calls that wait for an approval, of all runs in the pipeline.
    pub fn pending(&self) -> Vec<PendingCall> {
        self.place.runs().into_iter().flat_map(RunState::pending).collect()
    }

    /// Approves a call; see [`RunState::approve`].
    ///
    /// # Errors
    ///
    /// If no pending call has this key.
    pub fn approve(&mut self, key: &str) -> Result<(), UnknownCall> {
        self.run_of(key)?.approve(key)
    }

    /// Rejects a call; see [`RunState::reject`].
    ///
    /// # Errors
    ///
    /// If no pending call has this key.
    pub fn reject(&mut self, key: &str, reason: impl Into<String>) -> Result<(), UnknownCall> {
        self.run_of(key)?.reject(key, reason)
    }

    /// Approves a call and those of the rest of its run; see [`RunState::approve_always`].
    ///
    /// # Errors
    ///
    /// If no pending call has this key.
    pub fn approve_always(&mut self, key: &str) -> Result<(), UnknownCall> {
        self.run_of(key)?.approve_always(key)
    }

    /// Rejects a call and those of the rest of its run; see [`RunState::reject_always`].
    ///
    /// # Errors
    ///
    /// If no pending call has this key.
    pub fn reject_always(
        &mut self,
        key: &str,
        reason: impl Into<String>,
    ) -> Result<(), UnknownCall> {
        self.run_of(key)?.reject_always(key, reason)
    }

    fn run_of(&mut self, key: &str) -> Result<&mut RunState, UnknownCall> {
        let mut runs = self.place.runs_mut();
        let Some(index) = runs.iter().position(|run| run.waits_for(key)) else {
            let pending = runs.iter().flat_map(|run| run.pending()).map(|call| call.key).collect();
            return Err(UnknownCall { key: key.to_owned(), pending });
        };
        Ok(runs.swap_remove(index))
    }

    /// Returns the context in which the pipeline goes on: below the span that has paused.
    pub(super) fn context(&self) -> Option<Context> {
        (!self.trace.is_empty()).then(|| Context::extract(&self.trace))
    }

    /// Checks that a pipeline can go on.
    pub(super) fn check(&self, name: &str, node: &Node) -> Result<(), ResumeError> {
        let same = if self.pipeline == name { node.check(&self.place) } else { Err(Misfit::Place) };
        same.map_err(|misfit| match misfit {
            Misfit::Place => ResumeError::ChangedPipeline { pipeline: self.pipeline.clone() },
            Misfit::Step(error) => error,
        })
    }
}

/// Shows no content, because states end up in errors and logs.
impl fmt::Debug for PipelineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineState")
            .field("pipeline", &self.pipeline)
            .field("pending", &self.pending().len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PausedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Waiting::Run(run) => run.fmt(f),
            Waiting::Pipeline(pipeline) => pipeline.fmt(f),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.runs()).finish()
    }
}

impl Stopped {
    /// Moves the place of a pause into that of a part around it.
    pub(super) fn within(
        mut self: Box<Self>,
        around: impl FnOnce(Box<Place>) -> Place,
    ) -> Box<Self> {
        self.cause = match self.cause {
            Cause::Paused(inner) => Cause::Paused(Box::new(around(inner))),
            failed @ Cause::Failed(_) => failed,
        };
        self
    }
}
