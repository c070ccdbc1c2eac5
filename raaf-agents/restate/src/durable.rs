//! Durable runs within a handler.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{
    FutureExt as _,
    future::{self, BoxFuture, Either},
};
use raaf_agents::{Agent, Input, Journal as _, RunConfig, RunResult, RunState, Runner};
use raaf_trace_core::InContext as _;
use restate_sdk::{
    context::RequestTarget,
    errors::{HandlerError, TerminalError},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;
use tokio::sync::oneshot;

use crate::{
    approval::{ApprovalRequest, Decision},
    engine::{Engine, HandlerContext, Recorded},
    failure::Failure,
    root::{Root, now, to_json},
    steps::{StepJournal, Steps, flush, steps},
};

type Announce =
    dyn Fn(Vec<ApprovalRequest>) -> BoxFuture<'static, Result<(), String>> + Send + Sync;

/// Default number of steps that run side by side.
const MAX_PARALLEL_STEPS: usize = 16;

/// Status code with which the engine ends what waits in an invocation that is cancelled.
const CANCELLED: u16 = 409;

/// Runs of agents in one invocation of a handler, which go on in another process if this one is killed.
///
/// [`begin`](Self::begin) it at the start of the handler, and do the handler's work within
/// [`complete`](Self::complete). The crate's page has an example.
pub struct Durable<'a> {
    engine: &'a dyn Engine<'a>,
    name: String,
    caller: BTreeMap<String, String>,
    root: Root,
    journal: StepJournal,
    /// `None` while steps are served.
    steps: Mutex<Option<Steps>>,
    runner: Runner,
    config: RunConfig,
    announce: Option<Arc<Announce>>,
}

impl<'a> Durable<'a> {
    /// Begins durable runs in a handler. `name` is that of the invocation's span, the root of what happens
    /// in it: below the span of the caller, if the request has a `traceparent`, or else of a new trace.
    ///
    /// # Errors
    ///
    /// If the engine ends the invocation.
    pub async fn begin(
        context: &'a impl HandlerContext<'a>,
        name: impl Into<String>,
    ) -> Result<Self, HandlerError> {
        let caller = context.trace_headers();
        let root = Root::new(&caller);
        let root = async move { to_json(&root) };
        let root = context.record("trace", root.boxed()).await?;
        let root = serde_json::from_value(root)
            .map_err(|error| TerminalError::new(format!("the journal has no trace: {error}")))?;
        let (journal, steps) = steps(MAX_PARALLEL_STEPS);
        Ok(Self {
            engine: context,
            name: name.into(),
            caller,
            root,
            journal,
            steps: Mutex::new(Some(steps)),
            runner: Runner::new(),
            config: RunConfig::new(),
            announce: None,
        })
    }

    /// Sets the runner of agents. Its own configuration is replaced by [`with_config`](Self::with_config).
    #[must_use]
    pub fn with_runner(mut self, runner: Runner) -> Self {
        self.runner = runner;
        self
    }

    /// Sets the configuration of all runs. Their journal and their ids are set in addition.
    #[must_use]
    pub fn with_config(mut self, config: RunConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets how many steps that run side by side are recorded together, at least 1; the default is 16. The
    /// engine records one thing after the other, so that a step of such a batch is in the journal when all
    /// of them have ended. With 1, each is recorded by itself, and the next one begins afterwards.
    #[must_use]
    pub fn with_max_parallel_steps(self, steps: usize) -> Self {
        if let Some(serving) = &mut *self.steps() {
            serving.set_max_batch(steps);
        }
        self
    }

    /// Sets the function that tells a person of the calls that wait for an approval. It is a step: once it
    /// has succeeded, it is not called again; if it fails, the engine retries.
    #[must_use]
    pub fn on_approval<F>(
        mut self,
        announce: impl Fn(Vec<ApprovalRequest>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.announce = Some(Arc::new(move |requests| announce(requests).boxed()));
        self
    }

    /// Does the work of the handler: serves the steps of runs, in the context of the invocation's span. The
    /// result is that of the handler. If it ends the invocation, the span is recorded.
    ///
    /// The work may also use the handler's context, such as for timers and calls, while no run is under way.
    ///
    /// # Errors
    ///
    /// Those of the work, for the engine: to retry, or to end the invocation with.
    pub async fn complete<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, HandlerError> {
        let Some(mut steps) = self.steps().take() else {
            return Err(Failure::terminal("`Durable::complete` serves one piece of work").into());
        };
        let result = self.serve(&mut steps, work).await;
        if result.as_ref().is_err_and(Failure::is_retryable) {
            flush().await;
        } else {
            // In the journal, so that an attempt that repeats this records the same span.
            let ended = self.engine.record("end", async { to_json(&now()) }.boxed()).await?;
            let ended = serde_json::from_value(ended).unwrap_or_else(|_| now());
            self.root.record(
                &self.name,
                self.engine.id(),
                &self.caller,
                ended,
                result.as_ref().err(),
            );
            flush().await;
        }
        result.map_err(Into::into)
    }

    async fn serve<T>(
        &self,
        steps: &mut Steps,
        work: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, Failure> {
        let (close, closed) = oneshot::channel();
        let mut serving = pin!(steps.serve(self.engine, closed));
        let work = Box::pin(work.in_context(self.root.context()));
        let result = match future::select(work, serving.as_mut()).await {
            Either::Left((result, _)) => result,
            Either::Right((ended, work)) => {
                drop(work);
                ended?;
                return Err(Failure::retryable("the steps of the invocation were not served"));
            }
        };
        // What was asked for at last has its entry in the journal before another one follows.
        drop(close);
        match (serving.await, result) {
            (Err(ended), Err(_)) => Err(ended.into()),
            (_, result) => result,
        }
    }

    /// Runs an agent. If the invocation has run it before, what the journal has is not done again.
    ///
    /// `name` tells the runs of the invocation apart; it is part of the keys of the run's calls. Calls that
    /// need an approval are announced, and the handler waits for the decisions; meanwhile the engine may
    /// end this attempt, and go on in another process.
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
        let mut outcome = runner.run(agent, input).await;
        let mut pauses = 0_u32;
        loop {
            let state = match outcome {
                Ok(result) => return Ok(result),
                Err(error) => error.into_state()?,
            };
            let state =
                self.decided(&format!("{}/pause{pauses}", self.run_id(name)), state).await?;
            outcome = runner.resume(agent, state).await;
            pauses += 1;
        }
    }

    /// Announces the calls that wait in a run, and returns its state with the decisions.
    async fn decided(&self, step: &str, state: RunState) -> Result<RunState, Failure> {
        let pending = state.pending();
        if pending.is_empty() {
            return Err(Failure::retryable("the run was paused; another attempt goes on with it"));
        }
        let Some(announce) = self.announce.clone() else {
            let tool = pending.first().map(|call| call.call.name.clone()).unwrap_or_default();
            return Err(Failure::terminal(format!(
                "a call of `{tool}` waits for an approval; set `Durable::on_approval`"
            )));
        };
        let promises: Vec<_> = pending.iter().map(|_| self.engine.promise()).collect();
        let ids = promises.iter().map(|(id, _)| id.clone());
        let requests = pending.iter().zip(ids).map(|(call, id)| ApprovalRequest::new(id, call));
        let announced = announce(requests.collect());
        let work = async { announced.await.map(|()| to_json(&state)) };
        let mut refused = None;
        let work = work.map(|announced| announced.map_err(|error| refused = Some(error)).ok());
        let stored = self.journal.step(step, work.boxed()).await.map_err(Failure::retryable)?;
        let Some(stored) = stored else {
            let refused = refused.unwrap_or_default();
            return Err(Failure::retryable(format!("no approval could be asked for: {refused}")));
        };
        // The one of the attempt that has paused, below whose span the run goes on.
        let mut state: RunState = from_json(stored)?;
        for (call, (_, promise)) in pending.iter().zip(promises) {
            let decision = match promise.await {
                Ok(decision) => from_json(decision)?,
                Err(error) if error.code() == CANCELLED => return Err(error.into()),
                Err(error) => Decision::Reject(error.message().to_owned()),
            };
            decision
                .apply(&mut state, &call.key)
                .map_err(|error| Failure::terminal(error.to_string()))?;
        }
        Ok(state)
    }

    /// Calls another handler once for each of these inputs, all at once, and returns the results in their
    /// order. Each is an invocation of its own, which any worker may take; its span is below that of this
    /// invocation.
    ///
    /// # Errors
    ///
    /// If one of the calls fails, or the engine ends the invocation.
    pub async fn call_each<I: Serialize, O: DeserializeOwned>(
        &self,
        target: &RequestTarget,
        inputs: impl IntoIterator<Item = I>,
    ) -> Result<Vec<O>, Failure> {
        let calls: Vec<Recorded<'a>> = inputs
            .into_iter()
            .map(|input| {
                let headers = self.root.headers().clone();
                self.engine.call(target.clone(), headers, to_json(&input))
            })
            .collect();
        let mut results = Vec::with_capacity(calls.len());
        for call in calls {
            results.push(from_json(call.await?)?);
        }
        Ok(results)
    }

    fn steps(&self) -> MutexGuard<'_, Option<Steps>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a configuration for a run of the user's own, with the journal and an id.
    pub fn config(&self, name: &str) -> RunConfig {
        self.config.clone().journal(self.journal.clone()).run_id(self.run_id(name))
    }

    /// Returns the journal, for what takes one.
    pub fn journal(&self) -> StepJournal {
        self.journal.clone()
    }

    /// Returns the id of a run: that of the invocation and the name.
    pub fn run_id(&self, name: &str) -> String {
        format!("{}/{name}", self.engine.id())
    }

    /// Returns the headers that put a call of another service below the span of this invocation:
    /// `traceparent`, and `tracestate` if there is one. They are the same in each attempt.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.root.headers().iter().map(|(key, value)| (&**key, &**value))
    }
}

impl fmt::Debug for Durable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.engine.id();
        f.debug_struct("Durable").field("name", &self.name).field("id", &id).finish_non_exhaustive()
    }
}

fn from_json<T: DeserializeOwned>(json: Json) -> Result<T, Failure> {
    serde_json::from_value(json)
        .map_err(|error| Failure::terminal(format!("a result has another type: {error}")))
}
