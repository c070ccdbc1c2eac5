//! Journal of the steps of a run.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use futures::future::BoxFuture;
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
/// not depend on the time or on chance. A [session](crate::Session) is not journaled, nor the usage of
/// agents that a function runs.
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
    /// [`RunErrorKind::Journal`](crate::RunErrorKind::Journal).
    async fn step(
        &self,
        name: &str,
        work: BoxFuture<'_, Option<Json>>,
    ) -> Result<Option<Json>, Box<dyn Error + Send + Sync>>;
}

pub(crate) type SharedJournal = Arc<dyn Journal>;
