//! Configuration of runs.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use raaf_trace_core::{
    Context, Key, SpanContext, TraceId, Value, Workflow,
    attributes::IntoValue,
    id::{IdGenerator as _, RandomIds},
    trace,
};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::RunHooks,
    model::{Model, TracedModel},
    run::{self, RunContext},
    session::Session,
};

/// Configuration of a run: its trace, the values its parts share, and when it stops.
///
/// The methods that describe the trace ([`workflow_name`](Self::workflow_name),
/// [`group_id`](Self::group_id), [`trace_id`](Self::trace_id), [`metadata`](Self::metadata)) apply
/// if the run starts a trace. The root of the trace is then a span of kind `trace` instead of
/// `runner`. Within an active trace they have no effect.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use raaf_agents::{Agent, RunConfig, Runner, ScriptedModel};
///
/// let agent = Agent::builder("Greeter", ScriptedModel::new("scripted", ["Hello."])).build();
/// let config = RunConfig::new()
///     .workflow_name("greeting")
///     .group_id("conversation-17")
///     .deadline(Duration::from_secs(30));
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// let result = Runner::new().with_config(config).run(&agent, "Hi!").await?;
/// assert_eq!(result.output, "Hello.");
/// # Ok::<(), raaf_agents::RunError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "a configuration does nothing until a runner has it"]
pub struct RunConfig {
    workflow_name: Option<Key>,
    group_id: Option<Key>,
    trace_id: Option<TraceId>,
    metadata: Vec<(Key, Value)>,
    untraced: bool,
    without_content: bool,
    pub(super) model: Option<TracedModel>,
    pub(super) deadline: Option<Duration>,
    pub(super) cancellation: Option<CancellationToken>,
    pub(super) value: Option<run::Value>,
    pub(super) session: Option<Arc<dyn Session>>,
    pub(super) hooks: Vec<Arc<dyn RunHooks>>,
    pub(super) stop: Option<Arc<StopChecker>>,
}

type StopChecker = dyn Fn(&RunContext) -> bool + Send + Sync;

impl RunConfig {
    /// Creates a default configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the trace.
    pub fn workflow_name(mut self, name: impl AsRef<str>) -> Self {
        self.workflow_name = Some(Key::from(name.as_ref().to_owned()));
        self
    }

    /// Sets an id that links this trace with others, such as the id of a conversation.
    pub fn group_id(mut self, group_id: impl AsRef<str>) -> Self {
        self.group_id = Some(Key::from(group_id.as_ref().to_owned()));
        self
    }

    /// Sets the id of the trace.
    pub fn trace_id(mut self, trace_id: TraceId) -> Self {
        self.trace_id = Some(trace_id);
        self
    }

    /// Adds metadata to the trace.
    pub fn metadata(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.metadata.extend(value.into_value().map(|value| (key.into(), value)));
        self
    }

    /// Replaces the model of all agents of the run. Agents called as tools keep theirs.
    pub fn model(mut self, model: impl Model + 'static) -> Self {
        self.model = Some(TracedModel::new(model));
        self
    }

    /// Sets whether the run is traced; the default is `true`. An untraced run has no spans, even
    /// within an active trace.
    pub fn tracing(mut self, traced: bool) -> Self {
        self.untraced = !traced;
        self
    }

    /// Sets whether the run's spans contain what users, models and tools wrote: prompts,
    /// completions, tool arguments and results, and error messages. The default is `true`.
    ///
    /// Without content, spans have names, counts, timings and usage. This includes the spans of
    /// tools and of agents called as tools, but not spans around the run: if one of those fails with
    /// the run's error, it has the error's message.
    pub fn include_sensitive_data(mut self, include: bool) -> Self {
        self.without_content = !include;
        self
    }

    /// Sets the maximum duration of the run, including its session. After that, open calls are
    /// dropped and the run fails with [`RunErrorKind::Deadline`](crate::RunErrorKind::Deadline).
    /// There is no deadline by default.
    ///
    /// # Panics
    ///
    /// The run panics outside of a tokio runtime, and in one without a timer (`enable_time` or
    /// `enable_all` of `tokio::runtime::Builder`).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets the token that cancels the run: open calls are dropped, and their spans end as
    /// cancelled.
    ///
    /// ```
    /// use raaf_agents::{Agent, CancellationToken, RunConfig, RunErrorKind, Runner, ScriptedModel};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let token = CancellationToken::new();
    /// let runner = Runner::new().with_config(RunConfig::new().cancellation(token.clone()));
    /// let agent = Agent::builder("Greeter", ScriptedModel::new("scripted", ["Hello."])).build();
    /// token.cancel();
    /// let error = runner.run(&agent, "Hi!").await.unwrap_err();
    /// assert!(matches!(error.kind, RunErrorKind::Cancelled));
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn cancellation(mut self, token: CancellationToken) -> Self {
        self.cancellation = Some(token);
        self
    }

    /// Sets the value that tools, hooks, guardrails and instructions get by
    /// [`RunContext::value`].
    pub fn context(mut self, value: impl Any + Send + Sync) -> Self {
        self.value = Some(Arc::new(value));
        self
    }

    /// Sets the session that the run continues. A run that has an answer appends its messages.
    pub fn session(mut self, session: impl Session + 'static) -> Self {
        self.session = Some(Arc::new(session));
        self
    }

    /// Adds hooks for all agents of the run. They are called before the agents' own hooks.
    pub fn hooks(mut self, hooks: impl RunHooks + 'static) -> Self {
        self.hooks.push(Arc::new(hooks));
        self
    }

    /// Sets a stop condition, which is checked before each turn. If it holds, the run fails with
    /// [`RunErrorKind::Stopped`](crate::RunErrorKind::Stopped). The last condition set applies.
    ///
    /// ```
    /// use raaf_agents::{Agent, RunConfig, Runner, ScriptedModel};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let config = RunConfig::new().stop_when(|run| run.usage().total_tokens() >= 1_000);
    /// let agent = Agent::builder("Greeter", ScriptedModel::new("scripted", ["Hello."])).build();
    /// let result = Runner::new().with_config(config).run(&agent, "Hi!").await?;
    /// assert_eq!(result.usage.total_tokens(), 2);
    /// # Ok::<(), raaf_agents::RunError>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stop_when(mut self, stop: impl Fn(&RunContext) -> bool + Send + Sync + 'static) -> Self {
        self.stop = Some(Arc::new(stop));
        self
    }

    /// Returns the trace that the run starts, if anything describes it.
    pub(super) fn workflow(&self) -> Option<Workflow> {
        let is_default = self.workflow_name.is_none()
            && self.group_id.is_none()
            && self.trace_id.is_none()
            && self.metadata.is_empty();
        if is_default {
            return None;
        }
        let name = self.workflow_name.clone().unwrap_or(Key::from_static("Agent workflow"));
        let mut workflow = trace(name).include_sensitive_data(self.includes_content());
        if let Some(group_id) = &self.group_id {
            workflow = workflow.group_id(group_id.clone());
        }
        if let Some(trace_id) = self.trace_id {
            workflow = workflow.trace_id(trace_id);
        }
        let metadata = self.metadata.iter().cloned();
        Some(metadata.fold(workflow, |workflow, (key, value)| workflow.metadata(key, value)))
    }

    pub(super) fn includes_content(&self) -> bool {
        !self.without_content
    }

    /// Returns a context without recording, if the run is not traced.
    pub(super) fn untraced_context(&self) -> Option<Context> {
        self.untraced.then(|| {
            // An unsampled trace rather than none: otherwise a bound parent or a component's own
            // provider would start a trace, and servers would not learn that it is unsampled.
            let (trace, span) = (RandomIds.trace_id(), RandomIds.span_id());
            Context::remote(SpanContext::new(trace, span).with_sampled(false))
        })
    }
}

impl fmt::Debug for RunConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunConfig")
            .field("workflow_name", &self.workflow_name)
            .field("group_id", &self.group_id)
            .field("trace_id", &self.trace_id)
            .field("model", &self.model)
            .field("traced", &!self.untraced)
            .field("include_sensitive_data", &self.includes_content())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
