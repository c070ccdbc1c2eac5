//! A plain async function as a step.

use std::{error::Error, fmt, future::Future};

use async_trait::async_trait;
use futures::future::BoxFuture;
use raaf_trace_core::{Component, Kind, Traceable, TraceableExt as _};

use super::{State, Step, StepError};

type BoxError = Box<dyn Error + Send + Sync>;

/// Makes a pipeline's step of an async function from state to state. It gets a span of kind
/// `component` under the step's name.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Pipeline, State, step};
///
/// let double = step("Double", |state: State| async move {
///     let number: i64 = state.get("number")?;
///     Ok(state.with("number", number * 2))
/// });
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let pipeline = Pipeline::builder("Doubling").then(double).build();
/// let state = pipeline.run(State::new().with("number", 21)).await?;
/// assert_eq!(state.get::<i64>("number")?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn step<F>(
    name: impl AsRef<str>,
    function: impl Fn(State) -> F + Send + Sync + 'static,
) -> FunctionStep
where
    F: Future<Output = Result<State, BoxError>> + Send + 'static,
{
    FunctionStep {
        component: Component::new(name).with_kind(Kind::Component),
        run: Box::new(move |state| Box::pin(function(state))),
    }
}

/// An async function as a step; see [`step`].
pub struct FunctionStep {
    component: Component,
    run: Box<dyn Fn(State) -> BoxFuture<'static, Result<State, BoxError>> + Send + Sync>,
}

impl FunctionStep {
    /// The same, of another kind.
    #[must_use]
    pub fn with_kind(self, kind: impl Into<Kind>) -> Self {
        Self { component: self.component.with_kind(kind), ..self }
    }
}

#[async_trait]
impl Step for FunctionStep {
    fn name(&self) -> &str {
        self.component.name()
    }

    async fn run(&self, state: State) -> Result<State, StepError> {
        self.traced("run").try_run_async((self.run)(state)).await.map_err(StepError::Function)
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
