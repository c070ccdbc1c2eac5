//! Runs, pipelines and other steps of an invocation.

use std::{collections::BTreeSet, future::Future};

use futures::FutureExt as _;
use raaf_agents::{Agent, Input, Journal as _, Pipeline, RunConfig, RunResult, State};
use raaf_trace_core::{Context, InContext as _, SpanContext, SpanId, TraceId};
use restate_sdk::context::RequestTarget;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use crate::{
    approval::{ApprovalRequest, Decision},
    durable::Durable,
    engine::Recorded,
    failure::Failure,
    journal::StepJournal,
    parts::{AgentRun, Part, Parts, Paused, PipelineRun},
    root::to_json,
};

/// Journal entry of a pause.
#[derive(Serialize, Deserialize)]
struct Pause<S> {
    /// Ids of the promises, one for each pending call.
    awakeables: Vec<String>,
    state: S,
}

impl Durable<'_> {
    /// Runs an agent. If an earlier attempt of the invocation has run it, journaled steps do not run again.
    ///
    /// `name` must be unique among the runs of the invocation; it is part of the keys of the run's calls.
    /// Calls that need an approval are [announced](Self::on_approval), and the run waits for the decisions;
    /// meanwhile the engine may end this attempt, and go on in another process. If several runs are side by
    /// side, a waiting run goes on only when all the others have ended or wait, too.
    ///
    /// # Errors
    ///
    /// If the run ends without an answer, or the engine ends the invocation.
    pub async fn run(
        &self,
        name: &str,
        agent: &Agent,
        input: impl Into<Input>,
    ) -> Result<RunResult, Failure> {
        let runner = self.runner.clone().with_config(self.config(name));
        let run = AgentRun { runner, agent, input: input.into() };
        // A future of some size, which the handler's futures would carry along.
        Box::pin(self.to_its_end(name, &run)).await
    }

    /// Runs a pipeline, and [journals](Pipeline::journaled) each of its steps: for a function or a tool,
    /// its changes to the state; for an agent, the steps of its run and then its changes. `name` and
    /// approvals are as for [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// If a step fails, or the engine ends the invocation.
    pub async fn run_pipeline(
        &self,
        name: &str,
        pipeline: &Pipeline,
        state: State,
    ) -> Result<State, Failure> {
        let pipeline = pipeline.journaled(self.journal(), self.run_id(name));
        Box::pin(self.to_its_end(name, &PipelineRun { pipeline, state })).await
    }

    /// Does work and journals its result. If the journal has the result already, returns it without doing the
    /// work. `name` must be unique among the steps of the invocation.
    ///
    /// # Errors
    ///
    /// If the work fails, which is not journaled, or if the journaled result is not a `T`.
    pub async fn step<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        work: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, Failure> {
        let mut failed = None;
        let work = work.map(|result| match result {
            Ok(value) => Some(to_json(&value)),
            Err(failure) => {
                failed = Some(failure);
                None
            }
        });
        let stored = self
            .journal
            .step(&self.step_name(name), work.boxed())
            .await
            .map_err(Failure::retryable)?;
        match (stored, failed) {
            (Some(stored), _) => from_json(stored),
            (None, Some(failure)) => Err(failure),
            (None, None) => Err(Failure::retryable("the step has neither a result nor an error")),
        }
    }

    /// Calls another handler once for each input, all at the same time, and returns the results in the
    /// order of the inputs. Each call is an invocation of its own, which any worker can take; its span is
    /// below the span of this invocation. No run of this invocation may be under way.
    ///
    /// # Errors
    ///
    /// If one of the calls fails, or the engine ends the invocation.
    pub async fn call_each<I: Serialize, O: DeserializeOwned>(
        &self,
        target: &RequestTarget,
        inputs: impl IntoIterator<Item = I>,
    ) -> Result<Vec<O>, Failure> {
        let inputs = inputs.into_iter();
        let headers = self.root.headers();
        let call = |input: I| self.engine.call(target.clone(), headers.clone(), to_json(&input));
        let calls: Vec<Recorded<'_>> = inputs.map(call).collect();
        let mut results = Vec::with_capacity(calls.len());
        for call in calls {
            results.push(from_json(call.await?)?);
        }
        Ok(results)
    }

    /// Returns the configuration for a run with this name, with the journal and the run's id.
    pub fn config(&self, name: &str) -> RunConfig {
        self.config.clone().journal(self.journal()).run_id(self.run_id(name))
    }

    /// Returns the journal of the invocation, such as for [`Pipeline::journaled`].
    pub fn journal(&self) -> StepJournal {
        self.journal.clone()
    }

    /// Returns the id of the run with this name: the id of the invocation, and the name.
    pub fn run_id(&self, name: &str) -> String {
        format!("{}/{name}", self.engine.id())
    }

    /// Runs a run in parts, each up to a pause or the end. The end is journaled, so that a replayed
    /// handler makes no spans for runs that have ended.
    async fn to_its_end<P: Parts>(&self, name: &str, run: &P) -> Result<P::Done, Failure> {
        let last = format!("{}/ended", self.run_id(name));
        let _running = self.journal.begin(last.clone()).await.map_err(Failure::retryable)?;
        let ended = self.journal.known().get(&last).cloned();
        match ended {
            Some(Json::String(failure)) => return Err(Failure::terminal(failure)),
            Some(_) => return self.parts(name, run).in_context(untraced()).await,
            None => {}
        }
        let result = self.parts(name, run).await;
        let end = match &result {
            Ok(_) => Json::Null,
            Err(failure) if failure.is_retryable() => return result,
            Err(failure) => failure.to_string().into(),
        };
        let stored = self.journal.step(&last, async { Some(end) }.boxed()).await;
        stored.map_err(Failure::retryable)?;
        result
    }

    async fn parts<P: Parts>(&self, name: &str, run: &P) -> Result<P::Done, Failure> {
        let (mut number, mut paused) = (0, None);
        loop {
            let step = format!("{name}/pause{number}");
            let known = self.journal.known().get(&self.step_name(&step)).cloned();
            if let Some(pause) = known {
                paused = Some(self.decided(from_json(pause)?).await?);
                number += 1;
                continue;
            }
            match run.part(paused.take()).await? {
                Part::Done(done) => return Ok(done),
                Part::Paused(state) => self.announce(&step, state).await?,
            }
        }
    }

    /// Announces the calls that wait in a run, and journals its state.
    async fn announce<S: Paused>(&self, step: &str, state: S) -> Result<(), Failure> {
        let pending = state.pending();
        let Some(first) = pending.first() else {
            return Err(Failure::retryable("the run was paused; another attempt goes on with it"));
        };
        let Some(announce) = &self.announce else {
            let tool = &first.call.name;
            let text = format!("a call of `{tool}` waits for an approval; set `on_approval`");
            return Err(Failure::terminal(text));
        };
        let announced = self.step(step, async {
            let journaled = self.journaled_promises();
            let ids = pending.iter().map(|_| self.promises.make(&journaled));
            let awakeables: Vec<_> = ids.collect();
            let requests = awakeables.iter().zip(&pending);
            let requests = requests.map(|(id, call)| ApprovalRequest::new(id.clone(), call));
            announce(requests.collect()).await.map_err(Failure::retryable)?;
            Ok(to_json(&Pause { awakeables, state }))
        });
        announced.await.map(drop)
    }

    /// Waits for the decisions on the calls of a run.
    async fn decided<S: Paused>(&self, pause: Pause<S>) -> Result<S, Failure> {
        let Pause { awakeables, mut state } = pause;
        let values = self.journal.decide(awakeables).await.map_err(Failure::retryable)?;
        for (call, value) in state.pending().iter().zip(values) {
            let decision = match value {
                Ok(decision) => from_json(decision)?,
                Err(rejected) => Decision::Reject(rejected.message().to_owned()),
            };
            let decided = state.decide(&call.key, decision);
            decided.map_err(|error| Failure::terminal(error.to_string()))?;
        }
        Ok(state)
    }

    fn step_name(&self, name: &str) -> String {
        format!("{}/step", self.run_id(name))
    }

    /// Returns the ids of the promises of all pauses in the journal.
    fn journaled_promises(&self) -> BTreeSet<String> {
        let known = self.journal.known();
        let pauses = known.values().filter_map(|value| value.get("awakeables")?.as_array());
        pauses.flatten().filter_map(Json::as_str).map(str::to_owned).collect()
    }
}

/// Returns a context in which no spans are recorded.
fn untraced() -> Context {
    Context::remote(SpanContext::new(TraceId::random(), SpanId::random()).with_sampled(false))
}

fn from_json<T: DeserializeOwned>(json: Json) -> Result<T, Failure> {
    serde_json::from_value(json).map_err(|error| {
        Failure::terminal(format!("a result does not have the expected type: {error}"))
    })
}
