//! Running an agent: model and tools in turns, until there is an answer.

mod calls;
mod config;
mod context;
mod error;
mod event;
mod guard;
mod input;
mod result;
mod stream;
mod turns;

use std::{panic, pin::pin, thread};

use futures::{
    channel::mpsc,
    future::{self, Either},
};
use raaf_trace_core::{
    Component, Context, InContext as _, Traceable, TraceableExt as _, in_current_context,
};
use tokio::runtime;

use crate::{agent::Agent, model::Message};
pub use config::RunConfig;
pub use context::RunContext;
pub use error::RunError;
pub use event::RunEvent;
pub use input::Input;
pub use result::{RunProgress, RunResult};
pub use stream::RunStream;
use turns::Run;

/// How many tools run side by side when nothing else is said.
const MAX_PARALLEL_TOOLS: usize = 16;

/// How many turns a run may take when nothing else is said.
const MAX_TURNS: u32 = 10;

/// Runs agents: asks the model, calls the tools it wants, tells it the results, and so on until it
/// answers.
///
/// The tools of one turn run concurrently in the caller's task, and the model is told their results
/// in the order in which it asked. Dropping the future stops the run; what is open ends as
/// cancelled. A panic in a tool ends the run and goes on unwinding.
///
/// Each agent of a run is one span of kind `agent`; one that takes over stands beside the one that
/// handed over. Where no trace is active, a span of kind `runner` is the root, or one of kind
/// `trace` where a [`RunConfig`] says how the trace is called, unless the agent is bound to a
/// parent: then the rules for parents decide.
///
/// # Examples
///
/// ```
/// use raaf_agents::{Agent, Runner, ScriptedModel};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let agent = Agent::builder("Greeter", ScriptedModel::new("scripted", ["Hello."])).build();
/// let result = Runner::new().with_max_turns(3).run(&agent, "Hi!").await?;
/// assert_eq!(result.output, "Hello.");
/// # Ok::<(), raaf_agents::RunError>(())
/// # }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Runner {
    component: Component,
    max_turns: u32,
    max_parallel_tools: usize,
    on_tool_error: OnToolError,
    config: RunConfig,
}

/// What happens when a tool fails, or cannot be called as the model wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnToolError {
    /// The model is told, and can try something else.
    #[default]
    TellModel,
    /// The run fails; the other tools of that turn are cancelled.
    FailRun,
}

impl Runner {
    /// A runner of ten turns that tells the model when a tool fails.
    pub fn new() -> Self {
        Self {
            component: Component::runner("Runner"),
            max_turns: MAX_TURNS,
            max_parallel_tools: MAX_PARALLEL_TOOLS,
            on_tool_error: OnToolError::default(),
            config: RunConfig::new(),
        }
    }

    /// The same with so many turns: calls of the model. With none, every run fails.
    #[must_use]
    pub fn with_max_turns(mut self, max_turns: u32) -> Self {
        self.max_turns = max_turns;
        self
    }

    /// The same with another answer to failing tools.
    #[must_use]
    pub fn on_tool_error(mut self, on_tool_error: OnToolError) -> Self {
        self.on_tool_error = on_tool_error;
        self
    }

    /// The same; of one turn's tool calls so many run side by side, at least one.
    #[must_use]
    pub fn with_max_parallel_tools(mut self, max_parallel_tools: usize) -> Self {
        self.max_parallel_tools = max_parallel_tools;
        self
    }

    /// The same with that configuration, for each of its runs.
    #[must_use]
    pub fn with_config(mut self, config: RunConfig) -> Self {
        self.config = config;
        self
    }

    /// Runs the agent on this input until it, or an agent that it hands over to, answers.
    ///
    /// # Errors
    ///
    /// When the model fails, when there is no answer within the turns or the time allowed, when a
    /// guardrail objects, when a tool fails and that is [to fail the run](OnToolError::FailRun), and
    /// for the other reasons that [`RunError`] has. The error carries what happened so far.
    pub async fn run(&self, agent: &Agent, input: impl Into<Input>) -> Result<RunResult, RunError> {
        let Input(messages) = input.into();
        let context = self.context(None, None);
        self.start(agent, messages, context).await
    }

    /// The same, told as it happens: the words as they come, tool calls and their results,
    /// hand-offs, and at the end the result.
    ///
    /// ```
    /// use futures::StreamExt as _;
    /// use raaf_agents::{Agent, RunEvent, Runner, ScriptedModel};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let agent = Agent::builder("Greeter", ScriptedModel::new("scripted", ["Hello."])).build();
    /// let mut said = String::new();
    /// let mut run = Runner::new().stream(&agent, "Hi!");
    /// while let Some(event) = run.next().await {
    ///     if let RunEvent::TextDelta { text, .. } = event? {
    ///         said.push_str(&text);
    ///     }
    /// }
    /// assert_eq!(said, "Hello.");
    /// # Ok::<(), raaf_agents::RunError>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stream(&self, agent: &Agent, input: impl Into<Input>) -> RunStream {
        let Input(messages) = input.into();
        let (sender, events) = mpsc::unbounded();
        let (runner, agent) = (self.clone(), agent.clone());
        let context = self.context(Some(sender), None);
        let work = async move { runner.start(&agent, messages, context).await };
        RunStream::new(Box::pin(work.in_current_context()), events)
    }

    /// The same for code that is not async: blocks this thread. Inside an async runtime, which this
    /// keeps waiting, the run has a thread of its own.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run), and when no runtime can be started.
    pub fn run_blocking(
        &self,
        agent: &Agent,
        input: impl Into<Input>,
    ) -> Result<RunResult, RunError> {
        let Input(messages) = input.into();
        let work = || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|source| {
                let (agent, progress) = (agent.name().to_owned(), Box::default());
                RunError::Runtime { agent, source, progress }
            })?;
            runtime.block_on(self.run(agent, messages))
        };
        if runtime::Handle::try_current().is_err() {
            return work();
        }
        let ended = thread::scope(|scope| scope.spawn(in_current_context(work)).join());
        ended.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
    }

    /// Runs the agent as a part of another run.
    pub(crate) async fn run_within(
        &self,
        agent: &Agent,
        messages: Vec<Message>,
        outer: &RunContext,
    ) -> Result<RunResult, RunError> {
        self.start(agent, messages, self.context(None, Some(outer.clone()))).await
    }

    fn context(
        &self,
        events: Option<mpsc::UnboundedSender<RunEvent>>,
        outer: Option<RunContext>,
    ) -> RunContext {
        let (value, token) = (self.config.value.clone(), self.config.cancellation.clone());
        RunContext::of_run(value, token, events, outer)
    }

    async fn start(
        &self,
        agent: &Agent,
        messages: Vec<Message>,
        context: RunContext,
    ) -> Result<RunResult, RunError> {
        let token = context.cancellation().clone();
        let mut run = Run::new(self, agent, messages, context);
        let ended = {
            let cancelled = pin!(token.cancelled());
            // The spans are within what is dropped, so that all of them end as cancelled.
            let work = pin!(self.in_trace(&mut run));
            match future::select(cancelled, work).await {
                Either::Left(_) => None,
                Either::Right((ended, _)) => Some(ended),
            }
        };
        let ended = ended.unwrap_or_else(|| {
            let (agent, progress) = (run.agent().name().to_owned(), run.progress().into());
            Err(RunError::Cancelled { agent, progress })
        });
        ended.map_err(|error| error.with_progress(run.into_progress()))
    }

    /// In the trace that is active, else in one of its own.
    async fn in_trace(&self, run: &mut Run<'_>) -> Result<RunResult, RunError> {
        // An agent that is bound to a parent belongs into the parent's trace.
        let is_bound = run.agent().component().parent().is_some();
        let work = Box::pin(run.complete());
        if let Some(silence) = self.config.silence() {
            work.in_context(silence).await
        } else if is_bound || Context::current().trace_id().is_some() {
            work.await
        } else if let Some(workflow) = self.config.workflow() {
            workflow.try_run_async(work).await
        } else {
            let call = self.traced("run");
            call.include_sensitive_data(self.config.includes_content()).try_run_async(work).await
        }
    }
}

impl Default for Runner {
    fn default() -> Self {
        Self::new()
    }
}

impl Traceable for Runner {
    fn component(&self) -> &Component {
        &self.component
    }
}
