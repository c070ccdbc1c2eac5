//! Journal of the steps of a run.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use futures::{FutureExt as _, future::BoxFuture};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// Store of the results of a run's steps, with which an interrupted run goes on.
///
/// Start the run again with the same input, [journal](crate::RunConfig::journal) and
/// [id](crate::RunConfig::run_id): it takes the results of journaled steps from the journal, and runs only
/// the other steps.
///
/// A step is a call of a model, with its hooks and the guardrails beside it, or a tool call, with its
/// hooks. An [agent called as a tool](crate::Agent::as_tool) journals its own steps, and then the call.
/// The usage of runs within a call is journaled with it. When the run is started again, a journaled step
/// has no span and sends no event, and of its hooks only those that change requests, responses or calls of
/// agents run. The span of its agent is marked as resumed.
///
/// A tool call that fails is journaled, because the model receives the failure. A failure that ends the run
/// is not journaled: a model's error, a guardrail's objection, a panic, and a tool call that [fails the
/// run](crate::OnToolError::FailRun). When the run is started again, it tries such a step again, and also a
/// step that was interrupted before its result was stored. Its tool gets the same
/// [idempotency key](crate::RunContext::idempotency_key).
///
/// The rest of the program must be deterministic: instructions, agents, and hooks that decide must not
/// depend on time or chance.
///
/// A [session](crate::Session) is loaded once, and receives each message once if it stores the
/// [keys](crate::Session::append_once) of appends. If a run fails, the session has the turns before the last
/// one; the results of the last turn's tools are in the journal.
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
    /// Returns the result of a step: from the journal if it has the result, or else by doing the work and
    /// storing its result before returning it. Work that results in `None` has failed, and its result must
    /// not be stored.
    ///
    /// The name is unique among the steps of a run, and the same step has the same name in each run with
    /// the same id. Calls of this method for the steps of one turn overlap.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read or written. The run then fails with
    /// [`RunErrorKind::Journal`](crate::RunErrorKind::Journal), unless the work itself has failed or paused:
    /// that takes precedence.
    async fn step(
        &self,
        name: &str,
        work: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>>;

    /// Returns the result of a step if the journal has it.
    ///
    /// A run calls this to check whether a part that has steps of its own, such as an agent in a pipeline or an
    /// item of a list, is done as a whole. Such a part has no second span.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    async fn known(&self, name: &str) -> Result<Option<Json>, Box<dyn Error + Send + Sync>>;
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
    /// The JSON in the journal.
    Known(Json),
}

impl<T> Stepped<T> {
    /// Does work, unless the journal has its result. Neither a failure nor a result without JSON is
    /// journaled.
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
