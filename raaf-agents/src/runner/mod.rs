//! Runner: runs an agent in turns until it answers.

mod acting;
mod as_tool;
mod calls;
mod config;
mod error;
mod guard;
mod history;
mod hosted;
mod input;
mod journaled;
mod last_agent;
mod machine;
mod model_call;
mod resume;
mod stream;
mod turns;

use std::{borrow::Cow, future::Future, panic, pin::pin, thread};

use futures::{
    channel::mpsc,
    future::{self, Either},
};
use raaf_trace_core::{
    Component, Context, InContext as _, Traceable, Value, current_span, diagnostics::at_least,
    in_current_context, keys,
};
use tokio::runtime;

use crate::{
    agent::Agent,
    conversation::Message,
    run::{
        RunContext, RunEvent, RunResult, SharedJournal,
        workflow::{self, Root},
    },
    state::{ResumeError, RunState},
    tool::OnToolError,
};
pub use as_tool::AgentTool;
pub use config::RunConfig;
pub use error::{RunError, RunErrorKind};
pub use input::Input;
pub use stream::RunStream;
use turns::Run;

/// Receiver of the events of a run.
type Events = Option<mpsc::UnboundedSender<RunEvent>>;

const MAX_PARALLEL_TOOLS: usize = 16;

const MAX_TURNS: u32 = 10;

/// Runs agents: calls the model, calls the tools it asks for, returns their results to it, and so
/// on until it answers.
///
/// The tools of one turn run concurrently in the caller's task; the model receives their results in the
/// order of its calls. Dropping the future stops the run, and open spans end as cancelled; the
/// [session](crate::Session) keeps the work of tools. A panic in a tool fails the run with
/// [`ToolError::Panicked`](crate::ToolError::Panicked).
///
/// The conversation that a run leaves is valid, even with an error: each call has its result. The result
/// of a call that was not run states the reason.
///
/// Each agent of a run is one span of kind `agent`; an agent that takes over is a sibling of the one
/// that handed over. If no trace is active, the root is a span of kind `runner`, or of kind `trace`
/// if a [`RunConfig`] describes the trace. An agent bound to a parent follows the rules for parents
/// instead.
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
    answers_at_max_turns: bool,
    config: RunConfig,
}

impl Runner {
    /// Creates a runner with at most 10 turns a run and 16 concurrent tool calls, which reports
    /// failed tool calls to the model.
    pub fn new() -> Self {
        Self {
            component: Component::runner("Runner"),
            max_turns: MAX_TURNS,
            max_parallel_tools: MAX_PARALLEL_TOOLS,
            on_tool_error: OnToolError::default(),
            answers_at_max_turns: false,
            config: RunConfig::new(),
        }
    }

    /// Sets the maximum number of turns (model calls) of a run; the default is 10. With 0 every run
    /// fails.
    #[must_use]
    pub fn with_max_turns(mut self, max_turns: u32) -> Self {
        self.max_turns = max_turns;
        self
    }

    /// Sets whether a run that has used up its turns takes one more. In that turn the model must not call
    /// tools, so it answers with the information that it has. By default the run fails with
    /// [`RunErrorKind::MaxTurns`].
    #[must_use]
    pub fn with_answer_at_max_turns(mut self, answers: bool) -> Self {
        self.answers_at_max_turns = answers;
        self
    }

    /// Sets what to do when a tool call fails; the default is [`OnToolError::TellModel`]. A tool's
    /// [own setting](crate::Tool::on_error) takes precedence.
    ///
    /// ```
    /// use raaf_agents::{
    ///     Agent, FunctionTool, OnToolError, Reply, RunErrorKind, Runner, ScriptedModel,
    /// };
    /// use serde_json::json;
    ///
    /// let save = FunctionTool::new("save", "Saves.", |(): ()| async { Err::<(), _>("disk full") });
    /// let model = ScriptedModel::from_fn("scripted", |request: &raaf_agents::ModelRequest| {
    ///     match request.messages.len() {
    ///         1 => Reply::call("save", json!({})),
    ///         _ => Reply::text("It could not be saved."),
    ///     }
    /// });
    /// let agent = Agent::builder("Writer", model).tool(save).build();
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let result = Runner::new().run(&agent, "Save it.").await?;
    /// assert_eq!(result.messages[2].text(), "`save` failed: disk full");
    /// assert_eq!(result.output, "It could not be saved.");
    ///
    /// let strict = Runner::new().on_tool_error(OnToolError::FailRun);
    /// let error = strict.run(&agent, "Save it.").await.unwrap_err();
    /// assert!(matches!(error.kind, RunErrorKind::Tool(_)));
    /// # Ok::<(), raaf_agents::RunError>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn on_tool_error(mut self, on_tool_error: OnToolError) -> Self {
        self.on_tool_error = on_tool_error;
        self
    }

    /// Sets how many tool calls of a turn run concurrently; at least 1; the default is 16.
    #[must_use]
    pub fn with_max_parallel_tools(mut self, max_parallel_tools: usize) -> Self {
        self.max_parallel_tools =
            at_least("Runner::with_max_parallel_tools", max_parallel_tools, 1);
        self
    }

    /// Sets the configuration of each run.
    #[must_use]
    pub fn with_config(mut self, config: RunConfig) -> Self {
        self.config = config;
        self
    }

    /// Returns the configuration of each run.
    #[cfg(feature = "repl")]
    pub(crate) fn config(&self) -> &RunConfig {
        &self.config
    }

    /// Runs the agent until it, or an agent that it hands over to, answers.
    ///
    /// # Errors
    ///
    /// If the run ends without an answer; [`RunErrorKind`] lists the reasons. The error carries the
    /// conversation so far.
    pub async fn run(&self, agent: &Agent, input: impl Into<Input>) -> Result<RunResult, RunError> {
        let Input(messages) = input.into();
        self.complete(self.begun(agent, messages, None, None)).await
    }

    /// Resumes a run that has [paused](RunErrorKind::Paused): approved calls run, rejected calls are
    /// errors for the model. If calls are left without a decision, the run pauses again. Completed work is
    /// not repeated.
    ///
    /// The agent is the one that the run began with; if another one has taken over, it is found by its name.
    /// The configuration of the run is that of this runner: its deadline begins anew, its limits apply to
    /// the whole run. The spans are part of the trace of the run, below the span that has paused.
    /// [`RunState`] has an example.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run); also if the state does not fit the agent.
    pub async fn resume(&self, agent: &Agent, state: RunState) -> Result<RunResult, RunError> {
        let place = state.context().unwrap_or_else(Context::current);
        self.go_on(agent, state).in_context(place).await
    }

    /// Checks that an agent can go on with a run.
    pub(crate) fn can_resume(agent: &Agent, state: &RunState) -> Result<(), ResumeError> {
        resume::agent_of(agent, state).map(drop)
    }

    /// Resumes a run within the current span.
    pub(crate) async fn go_on(
        &self,
        agent: &Agent,
        state: RunState,
    ) -> Result<RunResult, RunError> {
        self.complete(self.resumed(agent, state, None, None)?).await
    }

    /// Resumes a run as [`resume`](Self::resume) does, and streams its events.
    pub fn resume_stream(&self, agent: &Agent, state: RunState) -> RunStream {
        let (sender, events) = mpsc::unbounded();
        let (runner, agent, place) = (self.clone(), agent.clone(), state.context());
        let work = async move {
            let run = runner.resumed(&agent, state, Some(sender), None)?;
            runner.complete(run).await
        };
        RunStream::new(Box::pin(work.in_context(place.unwrap_or_else(Context::current))), events)
    }

    /// Runs the agent and streams its events: text as it is generated, tool calls and their
    /// results, hand-offs, and finally the result.
    ///
    /// ```
    /// use futures::StreamExt as _;
    /// use raaf_agents::{Agent, RunEvent, Runner, ScriptedModel};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let agent = Agent::builder("Greeter", ScriptedModel::new("scripted", ["Hello."])).build();
    /// let mut output = String::new();
    /// let mut run = Runner::new().stream(&agent, "Hi!");
    /// while let Some(event) = run.next().await {
    ///     if let RunEvent::TextDelta { text, .. } = event? {
    ///         output.push_str(&text);
    ///     }
    /// }
    /// assert_eq!(output, "Hello.");
    /// # Ok::<(), raaf_agents::RunError>(())
    /// # }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stream(&self, agent: &Agent, input: impl Into<Input>) -> RunStream {
        let Input(messages) = input.into();
        let (sender, events) = mpsc::unbounded();
        let (runner, agent) = (self.clone(), agent.clone());
        let work = async move {
            runner.complete(runner.begun(&agent, messages, Some(sender), None)).await
        };
        RunStream::new(Box::pin(work.in_current_context()), events)
    }

    /// Runs the agent and blocks this thread until the run ends. Within an async runtime the run gets a
    /// thread of its own, but the calling thread is still blocked.
    ///
    /// # Errors
    ///
    /// See [`run`](Self::run); also if no async runtime can be started.
    ///
    /// # Panics
    ///
    /// If a hook or another function of the user's panics, other than a tool.
    pub fn run_blocking(
        &self,
        agent: &Agent,
        input: impl Into<Input>,
    ) -> Result<RunResult, RunError> {
        let Input(messages) = input.into();
        let work = || match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(self.run(agent, messages)),
            Err(error) => {
                let mut run = self.begun(agent, messages, None, None);
                Err(run.fail(RunErrorKind::Runtime(error)))
            }
        };
        if runtime::Handle::try_current().is_err() {
            return work();
        }
        let ended = thread::scope(|scope| scope.spawn(in_current_context(work)).join());
        ended.unwrap_or_else(|panicked| panic::resume_unwind(panicked))
    }

    /// Sets the journal and the id of runs, unless the configuration has a journal.
    pub(crate) fn with_journal(mut self, journal: &SharedJournal, run_id: &str) -> Self {
        if self.config.journal.is_none() {
            self.config.journal = Some(SharedJournal::clone(journal));
            self.config.run_id = Some(run_id.to_owned());
        }
        self
    }

    fn context(&self, events: Events, outer: Option<RunContext>, state: &RunState) -> RunContext {
        let (value, token) = (self.config.value.clone(), self.config.cancellation.clone());
        let (limits, journal) = (self.config.limits.clone(), self.config.journal.clone());
        RunContext::of_run(value, token, events, outer, limits, journal, state)
    }

    /// Returns a new run. One that a tool call of an outer run starts has a number.
    fn begun(
        &self,
        agent: &Agent,
        messages: Vec<Message>,
        events: Events,
        outer: Option<(RunContext, u32)>,
    ) -> Run<'_> {
        let mut state = RunState::new(agent.name(), messages);
        let within = outer.as_ref().and_then(|(outer, number)| outer.inner_run_id(*number));
        let outer = outer.map(|(outer, _)| outer);
        if let Some(id) = within.or_else(|| self.config.run_id.clone()) {
            state.id = id;
        }
        let context = self.context(events, outer, &state);
        Run::new(self, agent, context, state, false)
    }

    /// Returns a run that goes on.
    fn resumed(
        &self,
        first: &Agent,
        state: RunState,
        events: Events,
        outer: Option<RunContext>,
    ) -> Result<Run<'_>, RunError> {
        let context = self.context(events, outer, &state);
        let agent = resume::agent_of(first, &state);
        let mut run = Run::new(self, agent.as_ref().unwrap_or(first), context, state, true);
        match agent {
            Ok(_) => Ok(run),
            Err(error) => Err(run.fail(error.into())),
        }
    }

    async fn complete(&self, mut run: Run<'_>) -> Result<RunResult, RunError> {
        let token = run.context().cancellation().clone();
        let ended = {
            let cancelled = pin!(token.cancelled());
            // All spans are inside of what is dropped, and end as cancelled.
            let work = pin!(self.in_trace(&mut run));
            match future::select(cancelled, work).await {
                Either::Left(_) => None,
                Either::Right((ended, _)) => Some(ended),
            }
        };
        let ended = ended.unwrap_or_else(|| Err(run.fail(RunErrorKind::Cancelled)));
        if let Err(error) = &ended {
            run.save_progress(error).await;
        }
        ended
    }

    /// Completes the run in the active trace, or else in a new one.
    async fn in_trace(&self, run: &mut Run<'_>) -> Result<RunResult, RunError> {
        // An agent that is bound to a parent belongs to the parent's trace.
        let is_bound = run.agent().component().parent().is_some();
        let is_resumed = run.is_resumed();
        let input = run.input().map(Cow::into_owned);
        let shown = self.config.includes_content();
        let provider = run.provider().map(str::to_owned);
        let work = Box::pin(async {
            workflow::set_provider(provider.as_deref());
            // A function keeps a future that it is given twice.
            of_root(input, shown, pin!(run.complete())).await
        });
        if let Some(untraced) = self.config.untraced_context() {
            return work.in_context(untraced).await;
        }
        // What describes the trace is not in the state of a run that goes on, and is described again.
        let goes_on = is_resumed && !is_bound && current_span().is_none();
        let is_within = is_bound || Context::current().trace_id().is_some();
        if is_within && !goes_on {
            work.await
        } else if let Some(trace) = self.config.workflow() {
            let work = async {
                if let Some(span) = current_span().filter(|_| is_resumed) {
                    span.set_attribute(keys::RESUMED, true);
                }
                work.await
            };
            trace.try_in_span(work).await
        } else if is_within {
            work.await
        } else {
            let call = self.traced("run");
            call.include_sensitive_data(self.config.includes_content()).try_in_span(work).await
        }
    }
}

/// Completes a run. If its content is `shown`, it is that of the root of the trace, too.
async fn of_root(
    input: Option<String>,
    shown: bool,
    work: impl Future<Output = Result<RunResult, RunError>>,
) -> Result<RunResult, RunError> {
    let root = shown.then(Root::current);
    if let Some(root) = &root {
        root.set_input(|| input.map(Value::from));
    }
    let ended = work.await;
    if let (Some(root), Ok(result)) = (&root, &ended) {
        root.set_output(|| result.output.as_str().into());
    }
    ended
}

impl Agent {
    /// Runs the agent with a default [`Runner`].
    ///
    /// # Errors
    ///
    /// See [`Runner::run`].
    pub async fn run(&self, input: impl Into<Input>) -> Result<RunResult, RunError> {
        Runner::new().run(self, input).await
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
