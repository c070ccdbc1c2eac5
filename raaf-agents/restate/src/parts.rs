//! Runs and pipelines in parts: each up to a pause, or to the end.

use async_trait::async_trait;
use raaf_agents::{
    Agent, Input, PendingCall, Pipeline, PipelineState, RunResult, RunState, Runner, State,
    UnknownCall,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{approval::Decision, failure::Failure};

/// Something that runs, and may pause.
#[async_trait]
pub(crate) trait Parts: Send + Sync {
    type State: Paused;
    type Done: Send;

    /// Runs from the start, or from a pause.
    async fn part(
        &self,
        paused: Option<Self::State>,
    ) -> Result<Part<Self::Done, Self::State>, Failure>;
}

pub(crate) enum Part<T, S> {
    Done(T),
    Paused(S),
}

/// A run of an agent.
pub(crate) struct AgentRun<'a> {
    pub(crate) runner: Runner,
    pub(crate) agent: &'a Agent,
    pub(crate) input: Input,
}

#[async_trait]
impl Parts for AgentRun<'_> {
    type State = RunState;
    type Done = RunResult;

    async fn part(&self, paused: Option<RunState>) -> Result<Part<RunResult, RunState>, Failure> {
        let outcome = match paused {
            None => self.runner.run(self.agent, self.input.clone()).await,
            Some(state) => self.runner.resume(self.agent, state).await,
        };
        match outcome {
            Ok(result) => Ok(Part::Done(result)),
            Err(error) => Ok(Part::Paused(error.into_state()?)),
        }
    }
}

/// A run of a pipeline.
pub(crate) struct PipelineRun {
    pub(crate) pipeline: Pipeline,
    pub(crate) state: State,
}

#[async_trait]
impl Parts for PipelineRun {
    type State = PipelineState;
    type Done = State;

    async fn part(
        &self,
        paused: Option<PipelineState>,
    ) -> Result<Part<State, PipelineState>, Failure> {
        let outcome = match paused {
            None => self.pipeline.run(self.state.clone()).await,
            Some(state) => self.pipeline.resume(state).await,
        };
        match outcome {
            Ok(state) => Ok(Part::Done(state)),
            Err(error) => match error.into_state() {
                Ok(state) => Ok(Part::Paused(state)),
                Err(error) => Err((*error).into()),
            },
        }
    }
}

/// State of a run or of a pipeline that has paused.
pub(crate) trait Paused: Serialize + DeserializeOwned + Send + Sync {
    fn pending(&self) -> Vec<PendingCall>;

    fn decide(&mut self, key: &str, decision: Decision) -> Result<(), UnknownCall>;
}

macro_rules! paused {
    ($($state:ident),*) => {$(
        impl Paused for $state {
            fn pending(&self) -> Vec<PendingCall> {
                self.pending()
            }

            fn decide(&mut self, key: &str, decision: Decision) -> Result<(), UnknownCall> {
                match decision {
                    Decision::Approve => self.approve(key),
                    Decision::ApproveAlways => self.approve_always(key),
                    Decision::Reject(reason) => self.reject(key, reason),
                    Decision::RejectAlways(reason) => self.reject_always(key, reason),
                }
            }
        }
    )*};
}

paused!(RunState, PipelineState);
