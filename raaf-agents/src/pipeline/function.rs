//! Async functions as steps.

use std::{fmt, future::Future};

use async_trait::async_trait;
use futures::{TryFutureExt as _, future::BoxFuture};
use raaf_trace_core::{Component, Kind, Traceable};

use super::{Contract, Keys, State, Step, StepError};
use crate::errors::BoxError;

/// Makes a pipeline step from an async function or closure that maps the state. The step has a span
/// of kind `component` with this name. [`step`](fn@crate::step) uses the name of a function instead.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Pipeline, State, service};
///
/// let double = service("Double", |state: State| async move {
///     let number: i64 = state.get("number")?;
///     Ok(state.with("number", number * 2))
/// });
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let pipeline = Pipeline::builder("Doubling").then(double).build()?;
/// let state = pipeline.run(State::new().with("number", 21)).await?;
/// assert_eq!(state.get::<i64>("number")?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn service<F>(
    name: impl AsRef<str>,
    function: impl Fn(State) -> F + Send + Sync + 'static,
) -> FunctionStep
where
    F: Future<Output = Result<State, BoxError>> + Send + 'static,
{
    FunctionStep {
        component: Component::new(name).with_kind(Kind::Component),
        contract: Contract::unknown(),
        run: Box::new(move |state| Box::pin(function(state))),
    }
}

/// Step made of an async function; see [`service`].
pub struct FunctionStep {
    component: Component,
    contract: Contract,
    run: Box<dyn Fn(State) -> BoxFuture<'static, Result<State, BoxError>> + Send + Sync>,
}

impl FunctionStep {
    /// Sets the kind of the step's span.
    #[must_use]
    pub fn with_kind(self, kind: impl Into<Kind>) -> Self {
        Self { component: self.component.with_kind(kind), ..self }
    }

    /// Adds keys that the step requires.
    #[must_use]
    pub fn requires(self, keys: impl Into<Keys>) -> Self {
        Self { contract: self.contract.requires(keys), ..self }
    }

    /// Adds keys that the step provides, and rules out undeclared ones. Without this the step may
    /// provide any key.
    #[must_use]
    pub fn provides(self, keys: impl Into<Keys>) -> Self {
        Self { contract: self.contract.provides(keys), ..self }
    }
}

#[async_trait]
impl Step for FunctionStep {
    fn name(&self) -> &str {
        self.component.name()
    }

    fn contract(&self) -> Contract {
        self.contract.clone()
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        self.try_in_span("run", (self.run)(state).map_err(StepError::Function)).await
    }
}

impl Traceable for FunctionStep {
    fn component(&self) -> &Component {
        &self.component
    }
}

impl fmt::Debug for FunctionStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FunctionStep").field(&self.component.name()).finish()
    }
}
