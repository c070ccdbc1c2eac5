//! The wrappers, as methods of all that can be part of a pipeline.

use std::{sync::Arc, time::Duration};

use super::{Layer, Rename, Retry};
use crate::pipeline::{EachOver, Flow, PipelineBuilder, State};

/// Wrappers for all that can be part of a pipeline: agents, tools, functions, pipelines, and flows
/// of them.
///
/// They stack, each around those before it: `fetch.timeout(limit).retry(3)` limits each try,
/// `fetch.retry(3).timeout(limit)` all of them together.
///
/// A step that may be tried again, given up or skipped has a span of kind `step` around it. It says
/// how it went (`step.attempts`, `step.skipped`, events `retry` and `timeout`), and the tries are
/// its children.
///
/// # Examples
///
/// ```
/// use std::{sync::atomic::{AtomicU32, Ordering}, time::Duration};
/// use raaf_agents::{FlowExt as _, Retry, State, service};
///
/// let tries = AtomicU32::new(0);
/// let fetch = service("Fetch", move |state: State| {
///     let tries = tries.fetch_add(1, Ordering::Relaxed) + 1;
///     async move {
///         if tries < 3 { Err("busy".into()) } else { Ok(state.with("tries", tries)) }
///     }
/// });
/// let pipeline = fetch
///     .timeout(Duration::from_secs(5))
///     .retry(Retry::times(4).first_delay(Duration::from_millis(1)))
///     .run_if("there is an address", |state| state.contains("address"))
///     .named("Reading")
///     .build()?;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// let state = pipeline.run(State::new().with("address", "example.org")).await?;
/// assert_eq!(state.get::<u32>("tries")?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait FlowExt: Into<Flow> + Sized {
    /// Gives it up after this time: what still runs is cancelled, and the step fails with
    /// [`StepError::Timeout`](crate::StepError::Timeout).
    ///
    /// # Panics
    ///
    /// The run does, outside of a tokio runtime with its clock enabled
    /// (`enable_time` or `enable_all` of `tokio::runtime::Builder`).
    fn timeout(self, limit: Duration) -> Flow {
        self.into().wrapped(Layer::Timeout(limit))
    }

    /// Tries it again when it fails; each try begins with the state as it was. A plain number says
    /// how many tries there may be after the first.
    ///
    /// # Panics
    ///
    /// The run does when it has to wait, outside of a tokio runtime with its clock enabled
    /// (`enable_time` or `enable_all` of `tokio::runtime::Builder`).
    fn retry(self, retry: impl Into<Retry>) -> Flow {
        self.into().wrapped(Layer::Retry(retry.into()))
    }

    /// Runs it only if the condition holds. `reason` says in words what the condition is, and is
    /// what the span of a skipped step says.
    ///
    /// What a step needs cannot be checked before the run then, for it may not be needed.
    fn run_if(
        self,
        reason: impl Into<String>,
        condition: impl Fn(&State) -> bool + Send + Sync + 'static,
    ) -> Flow {
        let (reason, condition) = (reason.into(), Arc::new(condition));
        self.into().wrapped(Layer::RunIf { reason, condition })
    }

    /// Shows it the state's `from` under the name `to`, which it reads.
    fn map_input(self, from: impl Into<String>, to: impl Into<String>) -> Flow {
        self.into().wrapped(Layer::MapInput(Rename::new(from, to)))
    }

    /// Puts what it writes as `from` under the name `to`. The state's own `from` stays as it was.
    fn map_output(self, from: impl Into<String>, to: impl Into<String>) -> Flow {
        self.into().wrapped(Layer::MapOutput(Rename::new(from, to)))
    }

    /// Changes the state, or looks at it, before it runs. Inside of a [`retry`](Self::retry),
    /// before each try.
    fn before(self, hook: impl Fn(&mut State) + Send + Sync + 'static) -> Flow {
        self.into().wrapped(Layer::Before(Arc::new(hook)))
    }

    /// Changes the state, or looks at it, after it has succeeded.
    fn after(self, hook: impl Fn(&mut State) + Send + Sync + 'static) -> Flow {
        self.into().wrapped(Layer::After(Arc::new(hook)))
    }

    /// Runs it once for each item of the list that the state has under this key.
    fn each_over(self, list: impl Into<String>) -> EachOver {
        EachOver::new(self.into(), list.into())
    }

    /// A pipeline of this name that consists of it, to be [built](PipelineBuilder::build).
    fn named(self, name: impl AsRef<str>) -> PipelineBuilder {
        PipelineBuilder::new(name.as_ref()).then(self)
    }
}

impl<F: Into<Flow>> FlowExt for F {}
