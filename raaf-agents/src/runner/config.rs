//! Configuration of runs.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use raaf_trace_core::{
    Context, Key, SpanContext, TraceId, Workflow,
    attributes::IntoValue,
    id::{IdGenerator as _, RandomIds},
    trace,
};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::RunHooks,
    guardrail::Guardrail,
    model::{Model, TracedModel},
    run::{self, Journal, Limits, RunContext, SharedJournal},
    session::{Session, SessionPolicy},
};

/// Configuration of a run: its trace, the values its parts share, and when it stops.
///
/// The methods that describe the trace ([`workflow_name`](Self::workflow_name),
/// [`group_id`](Self::group_id), [`trace_id`](Self::trace_id), [`user_id`](Self::user_id),
/// [`session_id`](Self::session_id), [`tags`](Self::tags), [`release`](Self::release),
/// [`environment`](Self::environment), [`prompt`](Self::prompt), [`metadata`](Self::metadata)) apply if
/// the run starts a trace. The root of the trace is then a span of kind `trace` instead of
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
    /// The trace that the run starts, if anything describes it.
    workflow: Option<Workflow>,
    untraced: bool,
    without_content: bool,
    pub(super) model: Option<TracedModel>,
    pub(super) deadline: Option<Duration>,
    pub(super) cancellation: Option<CancellationToken>,
    pub(super) value: Option<run::Value>,
    pub(super) session: Option<Arc<dyn Session>>,
    pub(super) session_policy: SessionPolicy,
    pub(super) hooks: Vec<Arc<dyn RunHooks>>,
    pub(super) input_guardrails: Vec<Guardrail>,
    pub(super) output_guardrails: Vec<Guardrail>,
    pub(super) stop: Option<Arc<StopChecker>>,
    pub(super) stop_after_turn: Option<CancellationToken>,
    pub(super) pause: Option<Arc<StopChecker>>,
    pub(super) limits: Limits,
    pub(super) journal: Option<SharedJournal>,
    pub(super) run_id: Option<String>,
}

type StopChecker = dyn Fn(&RunContext) -> bool + Send + Sync;

impl RunConfig {
    /// Creates a default configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the trace.
    pub fn workflow_name(self, name: impl AsRef<str>) -> Self {
        self.describe(|workflow| workflow.name(name))
    }

    /// Sets an id that links this trace with others, such as the id of a conversation.
    pub fn group_id(self, group_id: impl AsRef<str>) -> Self {
        self.describe(|workflow| workflow.group_id(group_id))
    }

    /// Sets the id of the trace.
    pub fn trace_id(self, trace_id: TraceId) -> Self {
        self.describe(|workflow| workflow.trace_id(trace_id))
    }

    /// Sets the user that the run works for; see [`Workflow::user_id`].
    pub fn user_id(self, user_id: impl AsRef<str>) -> Self {
        self.describe(|workflow| workflow.user_id(user_id))
    }

    /// Sets the session that the trace belongs to, if that is not the group; see [`Workflow::session_id`].
    pub fn session_id(self, session_id: impl AsRef<str>) -> Self {
        self.describe(|workflow| workflow.session_id(session_id))
    }

    /// Sets the tags of the trace; see [`Workflow::tags`].
    pub fn tags<T: AsRef<str>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        self.describe(|workflow| workflow.tags(tags))
    }

    /// Sets the release of the program; see [`Workflow::release`].
    pub fn release(self, release: impl AsRef<str>) -> Self {
        self.describe(|workflow| workflow.release(release))
    }

    /// Sets the environment that the program is deployed in; see [`Workflow::environment`].
    pub fn environment(self, environment: impl AsRef<str>) -> Self {
        self.describe(|workflow| workflow.environment(environment))
    }

    /// Sets the name and the version of the prompt template that the agents use; see
    /// [`Workflow::prompt`].
    pub fn prompt(self, name: impl AsRef<str>, version: impl fmt::Display) -> Self {
        self.describe(|workflow| workflow.prompt(name, version))
    }

    /// Adds metadata to the trace.
    pub fn metadata(self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.describe(|workflow| workflow.metadata(key, value))
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

    /// Sets the token that cancels the run: open calls are dropped, and their spans end as cancelled. If
    /// tools have run, the session has 5 s to store their results, which needs a runtime with a timer
    /// unless the session stores at once.
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

    /// Sets the session that the run continues, and appends its messages to; see [`Session`].
    pub fn session(mut self, session: impl Session + 'static) -> Self {
        self.session = Some(Arc::new(session));
        self
    }

    /// Sets what the session keeps of a run that fails, is cancelled or is dropped; the default is
    /// [`SessionPolicy::KeepToolResults`].
    pub fn session_policy(mut self, policy: SessionPolicy) -> Self {
        self.session_policy = policy;
        self
    }

    /// Adds hooks for all agents of the run. They are called before the agents' own hooks.
    pub fn hooks(mut self, hooks: impl RunHooks + 'static) -> Self {
        self.hooks.push(Arc::new(hooks));
        self
    }

    /// Adds a check of the input, whichever agent the run starts with. It runs beside those of
    /// the [agent](crate::AgentBuilder::input_guardrail).
    ///
    /// ```
    /// use raaf_agents::{Guardrail, RunConfig, Verdict};
    ///
    /// let brief = Guardrail::new("brief", |text: String| async move {
    ///     Verdict::trip_if(text.len() > 10_000, "it is too long")
    /// });
    /// let config = RunConfig::new().input_guardrail(brief.clone()).output_guardrail(brief);
    /// ```
    pub fn input_guardrail(mut self, guardrail: Guardrail) -> Self {
        self.input_guardrails.push(guardrail);
        self
    }

    /// Adds a check of the answer, whichever agent gives it. It runs beside those of the
    /// [agent](crate::AgentBuilder::output_guardrail).
    pub fn output_guardrail(mut self, guardrail: Guardrail) -> Self {
        self.output_guardrails.push(guardrail);
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

    /// Sets the token that stops the run gracefully: a model call or tool calls under way are completed
    /// first. The run fails with [`RunErrorKind::Stopped`](crate::RunErrorKind::Stopped), its progress
    /// is a valid conversation, and its session keeps what tools did.
    pub fn stop_after_turn(mut self, token: CancellationToken) -> Self {
        self.stop_after_turn = Some(token);
        self
    }

    /// Sets a condition for pausing the run, for example before the program ends. It is checked before
    /// each further turn, before the tools of a turn are called, and before the answer is checked. If it
    /// holds, the run pauses with [`RunErrorKind::Paused`](crate::RunErrorKind::Paused). A resumed run
    /// takes at least one step. The last condition that was set applies.
    ///
    /// ```
    /// use raaf_agents::{Agent, CancellationToken, RunConfig, Runner, ScriptedModel};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let agent = Agent::builder("Greeter", ScriptedModel::new("scripted", ["Hello."])).build();
    /// let ending = CancellationToken::new();
    /// let token = ending.clone();
    /// let runner = Runner::new().with_config(RunConfig::new().pause_when(move |_| token.is_cancelled()));
    ///
    /// ending.cancel();
    /// let state = runner.run(&agent, "Hi!").await.unwrap_err().into_state()?;
    /// assert_eq!(state.turns(), 0);
    /// assert_eq!(Runner::new().resume(&agent, state).await?.output, "Hello.");
    /// # Ok::<(), raaf_agents::RunError>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pause_when(
        mut self,
        pause: impl Fn(&RunContext) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.pause = Some(Arc::new(pause));
        self
    }

    /// Sets limits on what the run spends.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the journal of the run's steps; see [`Journal`]. Agents called as tools pass their steps
    /// through it, too. It needs a [`run_id`](Self::run_id), by which a run that is started again finds its
    /// steps.
    pub fn journal(mut self, journal: impl Journal + 'static) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// Sets the id of the run, which is part of the keys of its calls and of the names of its steps; the
    /// default is random. Different runs need different ids, so set it for each run.
    pub fn run_id(mut self, id: impl Into<String>) -> Self {
        self.run_id = Some(id.into());
        self
    }

    /// Returns the token that cancels the run.
    #[cfg(feature = "repl")]
    pub(crate) fn cancellation_token(&self) -> Option<&CancellationToken> {
        self.cancellation.as_ref()
    }

    /// Returns whether the run continues a session.
    #[cfg(feature = "repl")]
    pub(crate) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// Returns the trace that the run starts, if anything describes it.
    pub(super) fn workflow(&self) -> Option<Workflow> {
        let workflow = self.workflow.clone()?;
        Some(workflow.include_sensitive_data(self.includes_content()))
    }

    fn describe(mut self, change: impl FnOnce(Workflow) -> Workflow) -> Self {
        let workflow = self.workflow.take().unwrap_or_else(|| trace("Agent workflow"));
        self.workflow = Some(change(workflow));
        self
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
            .field("workflow", &self.workflow)
            .field("model", &self.model)
            .field("traced", &!self.untraced)
            .field("include_sensitive_data", &self.includes_content())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
