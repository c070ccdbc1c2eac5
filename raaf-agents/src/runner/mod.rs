//! Running an agent: model and tools in turns, until there is an answer.

mod error;
mod result;
mod turns;

use raaf_trace_core::{Attributes, Component, Context, Traceable, TraceableExt as _, keys};

use crate::{agent::Agent, model::Message};
pub use error::RunError;
pub use result::{RunProgress, RunResult};

/// How many turns a run may take when nothing else is said.
const MAX_TURNS: u32 = 10;

/// Runs agents: asks the model, calls the tools it wants, tells it the results, and so on until it
/// answers.
///
/// The tools of one turn run concurrently in the caller's task, and the model is told their results
/// in the order in which it asked. Dropping the future stops the run; what is open ends as
/// cancelled. A panic in a tool ends the run and goes on unwinding.
///
/// A run is one span of kind `agent`. Where no trace is active, a span of kind `runner` is its
/// root, unless the agent is bound to a parent: then the rules for parents decide.
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
    on_tool_error: OnToolError,
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
            on_tool_error: OnToolError::default(),
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

    /// Runs the agent on this input until it answers.
    ///
    /// # Errors
    ///
    /// When the model fails, when there is no answer within the turns allowed, or when a tool fails
    /// and that is [to fail the run](OnToolError::FailRun). The error carries what happened so far.
    pub async fn run(&self, agent: &Agent, input: impl Into<Input>) -> Result<RunResult, RunError> {
        let Input(messages) = input.into();
        // An agent that is bound to a parent belongs into the parent's trace.
        let has_root =
            Context::current().trace_id().is_some() || agent.component().parent().is_some();
        let run = self.run_agent(agent, messages);
        if has_root { run.await } else { self.traced("run").try_run_async(run).await }
    }

    async fn run_agent(
        &self,
        agent: &Agent,
        messages: Vec<Message>,
    ) -> Result<RunResult, RunError> {
        let input = messages.iter().rev().find(|message| matches!(message, Message::User { .. }));
        agent
            .traced("run")
            .with(keys::AGENT_MAX_TURNS, self.max_turns)
            .with_content(keys::INPUT, input.map(Message::text))
            .on_result(|result: &RunResult, attributes: &mut Attributes| {
                attributes.set(keys::AGENT_TURNS, result.turns);
                attributes.set_content(keys::OUTPUT, &result.output);
            })
            .try_run_async(turns::take(self, agent, messages))
            .await
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

/// What an agent is given to start from: a text of the user's, or a conversation.
#[derive(Clone, Debug)]
pub struct Input(Vec<Message>);

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self(vec![Message::user(text)])
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self(vec![Message::user(text)])
    }
}

impl From<&String> for Input {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Vec<Message>> for Input {
    fn from(messages: Vec<Message>) -> Self {
        Self(messages)
    }
}
