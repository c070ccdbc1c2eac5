//! What holds for a run, whatever the agent.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use raaf_trace_core::{
    Context, IdGenerator as _, IntoValue, Key, RandomIds, SpanContext, TraceId, Value, Workflow,
    trace,
};
use tokio_util::sync::CancellationToken;

use super::{RunContext, context};
use crate::{
    hooks::RunHooks,
    model::{Model, TracedModel},
    session::Session,
};

/// What holds for a run, whatever the agent: how its trace is called, what its parts share, and
/// when it stops.
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
    pub(super) value: Option<context::Value>,
    pub(super) session: Option<Arc<dyn Session>>,
    pub(super) hooks: Vec<Arc<dyn RunHooks>>,
    pub(super) stop: Option<Arc<StopChecker>>,
}

type StopChecker = dyn Fn(&RunContext) -> bool + Send + Sync;

impl RunConfig {
    /// Nothing said.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the trace. Like the three below it holds where the run begins a trace; the
    /// trace's root is then a span of kind `trace` instead of `runner`.
    pub fn workflow_name(mut self, name: impl Into<Key>) -> Self {
        self.workflow_name = Some(name.into());
        self
    }

    /// What links this run's trace with others, such as a conversation's id.
    pub fn group_id(mut self, group_id: impl Into<Key>) -> Self {
        self.group_id = Some(group_id.into());
        self
    }

    /// The id of the trace.
    pub fn trace_id(mut self, trace_id: TraceId) -> Self {
        self.trace_id = Some(trace_id);
        self
    }

    /// Says something of the whole trace.
    pub fn metadata(mut self, key: impl Into<Key>, value: impl IntoValue) -> Self {
        self.metadata.extend(value.into_value().map(|value| (key.into(), value)));
        self
    }

    /// The model that all agents of the run think with, instead of their own. Agents that are
    /// tools keep theirs.
    pub fn model(mut self, model: impl Model + 'static) -> Self {
        self.model = Some(TracedModel::new(model));
        self
    }

    /// Whether the run is traced. If not, it leaves no span, also where a trace is active.
    pub fn tracing(mut self, traced: bool) -> Self {
        self.untraced = !traced;
        self
    }

    /// Whether the run's spans keep what users, models and tools wrote: prompts, completions, tool
    /// arguments and results, and the texts of errors. If not, names, counts, timings and usage are
    /// all that is left, in agents that are tools and in all that tools do too. Spans around the run
    /// keep what they are given: one that fails with the run's error has its text.
    pub fn include_sensitive_data(mut self, include: bool) -> Self {
        self.without_content = !include;
        self
    }

    /// How long the run may take. Then what is open is dropped, and the run fails.
    ///
    /// # Panics
    ///
    /// The run panics outside of a tokio runtime, and inside of one whose clock is
    /// not enabled (`enable_time` or `enable_all` of `tokio::runtime::Builder`).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The token by which the run can be cancelled: what is open is dropped, and ends as
    /// cancelled.
    pub fn cancellation(mut self, token: CancellationToken) -> Self {
        self.cancellation = Some(token);
        self
    }

    /// The value that tools, hooks, guardrails and instructions find in their [`RunContext`].
    pub fn context(mut self, value: impl Any + Send + Sync) -> Self {
        self.value = Some(Arc::new(value));
        self
    }

    /// The conversation that the run goes on with, and adds to once it has an answer.
    pub fn session(mut self, session: impl Session + 'static) -> Self {
        self.session = Some(Arc::new(session));
        self
    }

    /// Is told what happens in the run, before the agent's own hooks are.
    pub fn hooks(mut self, hooks: impl RunHooks + 'static) -> Self {
        self.hooks.push(Arc::new(hooks));
        self
    }

    /// Asked before each turn whether the run is to stop.
    pub fn stop_when(mut self, stop: impl Fn(&RunContext) -> bool + Send + Sync + 'static) -> Self {
        self.stop = Some(Arc::new(stop));
        self
    }

    /// The trace that the run begins, if it is said how.
    pub(super) fn workflow(&self) -> Option<Workflow> {
        let says_nothing = self.workflow_name.is_none()
            && self.group_id.is_none()
            && self.trace_id.is_none()
            && self.metadata.is_empty();
        if says_nothing {
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

    /// The context in which the run leaves no spans, if that is wanted.
    pub(super) fn silence(&self) -> Option<Context> {
        self.untraced.then(|| {
            // A trace that is not recorded, rather than none: so a bound parent, or a provider of
            // a component's own, does not start one after all, and servers are told.
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
