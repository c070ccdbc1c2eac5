//! Journal of the steps of a run.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use futures::{FutureExt as _, future::BoxFuture};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// Store of the results of a run's steps, by which a run that was interrupted goes on: run again with the
/// same input, [journal](crate::RunConfig::journal) and [id](crate::RunConfig::run_id), it takes what is
/// journaled from there, and does only the rest.
///
/// A step is a call of a model, with its hooks and the guardrails beside it, or a tool call, with its
/// hooks. An [agent called as a tool](crate::Agent::as_tool) passes its own steps instead of the call.
/// A step that is in the journal has no span, calls no hook but those that change requests, responses and
/// agents' calls, and sends no event; the span of its agent is marked as resumed.
///
/// A tool call that fails is journaled, since the model is told. What fails the run is not: a model's
/// error, a guardrail's objection, a panic, and a tool call that [fails the
/// run](crate::OnToolError::FailRun). Run again, the step is tried again. So is one that was interrupted
/// before its result was stored; its tool gets the same
/// [idempotency key](crate::RunContext::idempotency_key).
///
/// The rest of the program has to be the same each time: instructions, agents and hooks that decide must
/// not depend on the time or on chance. The usage of agents that a function runs is not journaled.
///
/// A [session](crate::Session) is loaded once, and gets each message once, if it stores the
/// [keys](crate::Session::append_once) of appends. Of a run that fails it has the turns before; what the
/// tools of the last one did is in the journal.
///
/// [`Pipeline::journaled`](crate::Pipeline::journaled) journals a pipeline.
///
/// # Examples
///
/// ```
/// use std::{collections::HashMap, error::Error, sync::{Arc, Mutex}};
/// use futures::future::BoxFuture;
/// use raaf_agents::{Agent, Journal, RunConfig, Runner, ScriptedModel};
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
///         let known = self.0.lock().unwrap().get(name).cloned();
///         if known.is_some() {
///             return Ok(known);
///         }
///         let result = work.await;
///         if let Some(result) = &result {
///             self.0.lock().unwrap().insert(name.to_owned(), result.clone());
///         }
///         Ok(result)
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// // The model has one reply, so that the second run must not ask it.
/// let agent = Agent::builder("Greeter", ScriptedModel::new("scripted", ["Hello."])).build();
/// let runner = Runner::new().with_config(RunConfig::new().journal(InMemory::default()).run_id("r1"));
/// assert_eq!(runner.run(&agent, "Hi!").await?.output, "Hello.");
/// assert_eq!(runner.run(&agent, "Hi!").await?.output, "Hello.");
/// # Ok::<(), raaf_agents::RunError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[async_trait]
pub trait Journal: Send + Sync {
    /// Returns the result of a step: from the journal without doing the work, or else of the work, stored
    /// before it is returned. Work that results in `None` has failed; there is nothing to store.
    ///
    /// No other step of the run has the name, and a run with the same id gives it to the same step. Steps
    /// of one turn overlap.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or written. The run fails with
    /// [`RunErrorKind::Journal`](crate::RunErrorKind::Journal), unless the work has failed or paused, which
    /// then is how the run ends.
    async fn step(
        &self,
        name: &str,
        work: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>>;

    /// Returns the result of a step if the journal has it. A part of a pipeline that has steps of its own, such
    /// as an agent, asks so whether all of it is done, and then makes no span. By default this is `None`, so
    /// that its steps are taken from the journal one by one, within another span of the agent.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    async fn known(&self, name: &str) -> Result<Option<Json>, Box<dyn Error + Send + Sync>> {
        let _ = name;
        Ok(None)
    }
}

pub(crate) type SharedJournal = Arc<dyn Journal>;

/// Failure of a journal at a step.
pub(crate) struct JournalError {
    pub(crate) step: String,
    pub(crate) source: Box<dyn Error + Send + Sync>,
}

impl JournalError {
    pub(crate) fn new(step: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { step: step.to_owned(), source: source.into() }
    }
}

/// Result of a step.
pub(crate) enum Stepped<T> {
    Done(T),
    /// The JSON that the journal has.
    Known(Json),
}

impl<T> Stepped<T> {
    /// Does work, unless a journal knows its result. A failure is not journaled, nor what has no JSON.
    pub(crate) async fn of<E>(
        journal: &dyn Journal,
        name: &str,
        work: impl Future<Output = Result<T, E>> + Send,
        to_json: impl Fn(&T) -> Option<Json> + Send + Sync,
    ) -> Result<Self, E>
    where
        T: Send,
        E: From<JournalError> + Send,
    {
        let mut done = None;
        let work = async {
            let result = work.await;
            let json = result.as_ref().ok().and_then(to_json);
            done = Some((result, json.is_some()));
            json
        };
        let stored = journal.step(name, work.boxed()).await;
        match (done, stored) {
            // A journal that fails because there is nothing to store is not the reason.
            (Some((result, false)), _) | (Some((result, true)), Ok(_)) => result.map(Self::Done),
            (_, Err(error)) => Err(JournalError::new(name, error).into()),
            (None, Ok(Some(json))) => Ok(Self::Known(json)),
            (None, Ok(None)) => {
                Err(JournalError::new(name, "it neither did the work nor has the result").into())
            }
        }
    }

    /// Returns the result, read from JSON if the journal has it.
    pub(crate) fn read(self, name: &str) -> Result<T, JournalError>
    where
        T: DeserializeOwned,
    {
        match self {
            Self::Done(result) => Ok(result),
            Self::Known(json) => {
                T::deserialize(json).map_err(|error| JournalError::new(name, error))
            }
        }
    }
}
