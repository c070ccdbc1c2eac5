//! Wrappers as extension methods.

use std::{sync::Arc, time::Duration};

use super::{Layer, Rename};
use crate::{
    pipeline::{EachOver, Flow, PipelineBuilder, State, StepError},
    retry::RetryPolicy,
};

/// Wrappers for all parts of a pipeline: agents, tools, functions, pipelines, and flows of them.
///
/// Each wrapper encloses those before it: `fetch.timeout(limit).retry(3)` limits each attempt,
/// `fetch.retry(3).timeout(limit)` all attempts together.
///
/// A step with a timeout, retries or a condition is enclosed in a span of kind `step`, with the
/// attributes `step.attempts` and `step.skipped` and the events `retry` and `timeout`. The attempts
/// are its children.
///
/// # Examples
///
/// ```
/// use std::{sync::atomic::{AtomicU32, Ordering}, time::Duration};
/// use raaf_agents::{FlowExt as _, RetryPolicy, State, service};
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
///     .retry(RetryPolicy::new(4).with_delays(Duration::from_millis(1), Duration::from_secs(1)))
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
    /// Limits the duration of the step. A step that exceeds it is cancelled and fails with
    /// [`StepError::Timeout`].
    ///
    /// # Panics
    ///
    /// The run panics outside of a tokio runtime, and in one without a timer (`enable_time` or
    /// `enable_all` of `tokio::runtime::Builder`).
    fn timeout(self, limit: Duration) -> Flow {
        self.into().wrapped(Layer::Timeout(limit))
    }

    /// Retries the step when it fails, unless with [`StepError::State`], which waiting does not
    /// change. Each attempt starts with the original state. A number is the maximum number of
    /// retries, after the first attempt.
    ///
    /// # Panics
    ///
    /// A retry panics outside of a tokio runtime, and in one without a timer (`enable_time` or
    /// `enable_all` of `tokio::runtime::Builder`).
    fn retry(self, policy: impl Into<RetryPolicy>) -> Flow {
        self.retry_if(policy, |error| !matches!(error, StepError::State(_)))
    }

    /// Retries the step when it fails with an error that matches the predicate; see
    /// [`retry`](Self::retry).
    ///
    /// ```
    /// use raaf_agents::{FlowExt as _, State, StepError, service};
    ///
    /// let load = service("Load", |state: State| async move { Ok(state.with("page", "…")) });
    /// let flow = load.retry_if(3, |error| matches!(error, StepError::Timeout { .. }));
    /// ```
    ///
    /// # Panics
    ///
    /// See [`retry`](Self::retry).
    fn retry_if(
        self,
        policy: impl Into<RetryPolicy>,
        retries: impl Fn(&StepError) -> bool + Send + Sync + 'static,
    ) -> Flow {
        let (policy, retries) = (policy.into(), Arc::new(retries));
        self.into().wrapped(Layer::Retry { policy, retries })
    }

    /// Runs the step only if a condition on the state holds; otherwise the state passes unchanged.
    /// `reason` describes the condition, such as `"there is a plan"`, in the span of a skipped step.
    ///
    /// The keys that the step requires are then not checked before the run.
    ///
    /// ```
    /// use raaf_agents::{FlowExt as _, State, service};
    ///
    /// let shorten = service("Shorten", |state: State| async move { Ok(state.with("text", "short")) });
    /// let pipeline = shorten
    ///     .run_if("the text is long", |state| state.text("text").is_ok_and(|text| text.len() > 10))
    ///     .named("Editing")
    ///     .build()?;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let state = pipeline.run(State::new().with("text", "brief")).await?;
    /// assert_eq!(state.text("text")?, "brief");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn run_if(
        self,
        reason: impl Into<String>,
        condition: impl Fn(&State) -> bool + Send + Sync + 'static,
    ) -> Flow {
        let (reason, condition) = (reason.into(), Arc::new(condition));
        self.into().wrapped(Layer::RunIf { reason, condition })
    }

    /// Passes the state's `from` to the step as `to`.
    fn map_input(self, from: impl Into<String>, to: impl Into<String>) -> Flow {
        self.into().wrapped(Layer::MapInput(Rename::new(from, to)))
    }

    /// Stores what the step writes as `from` under `to`. The state's own `from` is unchanged.
    fn map_output(self, from: impl Into<String>, to: impl Into<String>) -> Flow {
        self.into().wrapped(Layer::MapOutput(Rename::new(from, to)))
    }

    /// Calls a hook with the state before the step runs. Within a [`retry`](Self::retry) it is called
    /// before each attempt.
    ///
    /// The keys that the step requires are then not checked before the run.
    fn before(self, hook: impl Fn(&mut State) + Send + Sync + 'static) -> Flow {
        self.into().wrapped(Layer::Before(Arc::new(hook)))
    }

    /// Calls a hook with the state after the step succeeded.
    fn after(self, hook: impl Fn(&mut State) + Send + Sync + 'static) -> Flow {
        self.into().wrapped(Layer::After(Arc::new(hook)))
    }

    /// Runs the step once for each item of the array under this key.
    fn each_over(self, list: impl Into<String>) -> EachOver {
        EachOver::new(self.into(), list.into())
    }

    /// Returns a builder for a pipeline with this name, which consists of this part.
    fn named(self, name: impl AsRef<str>) -> PipelineBuilder {
        PipelineBuilder::new(name.as_ref()).then(self)
    }
}

impl<F: Into<Flow>> FlowExt for F {}
