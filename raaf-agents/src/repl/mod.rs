//! Chats with an agent in a terminal.

mod approvals;
mod input;
mod mode;
mod screen;
mod turn;

use std::{fmt, io, pin::pin};

use futures::{
    Stream, StreamExt as _,
    future::{self, Either},
    stream::{self, BoxStream, Fuse},
};
use tokio_util::sync::CancellationToken;

use crate::{
    agent::Agent,
    runner::{RunConfig, Runner},
    session::{MemorySession, SessionPolicy},
};
use approvals::Approvals;
use input::{Input, Line, Question};
use screen::Screen;

type Interrupts = Fuse<BoxStream<'static, ()>>;

/// Chats with an agent in the terminal until the input ends; see [`Repl`].
///
/// # Errors
///
/// If the terminal cannot be read or written. If a run fails, the chat shows the error and goes on.
pub async fn repl(agent: &Agent) -> io::Result<()> {
    Repl::new(agent).run().await
}

/// Builder for a chat with an agent in a terminal, which reads a line, runs the agent, shows its answer as
/// it is generated, and waits for the next line.
///
/// The chat shows tool calls, their results and hand-offs as they happen, including those of agents called
/// as tools; calls of hosted tools are shown once they have ended. An agent that takes over also answers
/// the next line. The chat asks the user about each call that needs an [approval](crate::Approval). Text
/// from models and tools is escaped, so that it cannot control the terminal.
///
/// Each line is a run of its own, which continues the session of the runner's
/// [configuration](crate::RunConfig::session). Without one, the chat has a session in memory, which also
/// keeps what was said in runs that were cancelled or failed.
///
/// On a terminal, lines can be edited and have a history. Ctrl-C clears the line or, while the agent
/// answers, cancels that run; Ctrl-D ends the chat. Standard input can also be a pipe or a file.
///
/// The first run installs a handler of Ctrl-C for the rest of the process, as [`tokio::signal`] describes:
/// after the chat, Ctrl-C no longer ends the program by itself. If the chat is dropped, or its
/// [token](crate::RunConfig::cancellation) is cancelled, while it waits for a line from the terminal, a
/// thread still reads and discards that line. On Unix, the mode of the terminal is restored.
///
/// # Examples
///
/// ```
/// use std::{io, sync::{Arc, Mutex}};
/// use futures::stream;
/// use raaf_agents::{Agent, Repl, ScriptedModel};
///
/// /// A writer that can be looked at. On a terminal, none is needed.
/// #[derive(Clone, Default)]
/// struct Shared(Arc<Mutex<Vec<u8>>>);
///
/// impl io::Write for Shared {
///     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
///         self.0.lock().unwrap().write(bytes)
///     }
///     fn flush(&mut self) -> io::Result<()> {
///         Ok(())
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let agent = Agent::builder("Greeter", ScriptedModel::new("scripted", ["Hello.", "Bye."])).build();
/// let (shown, lines) = (Shared::default(), ["Hi!", "I have to go."]);
/// let chat = Repl::new(&agent)
///     .input(stream::iter(lines.map(|line| Ok(line.to_owned()))))
///     .output(shown.clone());
/// chat.run().await?;
/// assert_eq!(*shown.0.lock().unwrap(), b"Hello.\n\nBye.\n\n");
/// # Ok::<(), io::Error>(())
/// # })?;
/// # Ok::<(), io::Error>(())
/// ```
#[must_use = "a chat does nothing until it is run"]
pub struct Repl {
    agent: Agent,
    runner: Runner,
    prompt: String,
    input: Option<BoxStream<'static, io::Result<String>>>,
    output: Box<dyn io::Write + Send>,
    interrupts: Option<BoxStream<'static, ()>>,
}

impl Repl {
    /// Creates a chat in the terminal, with a default [`Runner`].
    pub fn new(agent: &Agent) -> Self {
        Self {
            agent: agent.clone(),
            runner: Runner::new(),
            prompt: "> ".to_owned(),
            input: None,
            output: Box::new(io::stdout()),
            interrupts: None,
        }
    }

    /// Sets the runner. Its [configuration](Runner::with_config) applies to the run of each line. Cancelling
    /// its [token](crate::RunConfig::cancellation) ends the chat.
    pub fn runner(mut self, runner: Runner) -> Self {
        self.runner = runner;
        self
    }

    /// Sets the prompt of the terminal; the default is `> `.
    pub fn prompt(mut self, prompt: impl Into<String>) -> Self {
        self.prompt = prompt.into();
        self
    }

    /// Sets the source of lines; the default is standard input. Answers about approvals are lines, too. The
    /// chat ends with the stream.
    pub fn input(mut self, lines: impl Stream<Item = io::Result<String>> + Send + 'static) -> Self {
        self.input = Some(lines.boxed());
        self
    }

    /// Sets the writer for the output; the default is standard output.
    pub fn output(mut self, output: impl io::Write + Send + 'static) -> Self {
        self.output = Box::new(output);
        self
    }

    /// Sets a stream whose items cancel the current run; the default is a stream of Ctrl-C signals. An item
    /// that comes while the chat waits for a line ends the chat, unless the line comes from a terminal.
    pub fn interrupts(mut self, interrupts: impl Stream<Item = ()> + Send + 'static) -> Self {
        self.interrupts = Some(interrupts.boxed());
        self
    }

    /// Runs the chat until its input ends.
    ///
    /// # Errors
    ///
    /// If lines cannot be read, or the output cannot be written. If a run fails, the chat shows the error and
    /// goes on.
    pub async fn run(self) -> io::Result<()> {
        let config = self.runner.config().clone();
        let token = config.cancellation_token().cloned().unwrap_or_default();
        let config = if config.has_session() {
            config
        } else {
            config.session(MemorySession::new()).session_policy(SessionPolicy::KeepAll)
        };
        let mut chat = Chat {
            agent: self.agent,
            runner: self.runner,
            config,
            ending: token,
            prompt: self.prompt,
            input: match self.input {
                Some(lines) => Input::Lines(lines),
                None => Input::terminal()?,
            },
            screen: Screen::new(self.output),
            interrupts: self.interrupts.unwrap_or_else(ctrl_c).fuse(),
            approvals: Approvals::default(),
        };
        chat.run().await
    }
}

impl fmt::Debug for Repl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repl")
            .field("agent", &self.agent.name())
            .field("runner", &self.runner)
            .field("prompt", &self.prompt)
            .finish_non_exhaustive()
    }
}

/// Chat under way.
struct Chat {
    /// The agent that answers the next line.
    agent: Agent,
    runner: Runner,
    config: RunConfig,
    /// Ends the chat when cancelled.
    ending: CancellationToken,
    prompt: String,
    input: Input,
    screen: Screen,
    interrupts: Interrupts,
    approvals: Approvals,
}

impl Chat {
    async fn run(&mut self) -> io::Result<()> {
        if self.input.is_terminal() {
            let name = self.agent.name();
            self.screen.line(&format!("{name}: Ctrl-C cancels an answer, Ctrl-D ends."))?;
        }
        let prompt = self.prompt.clone();
        while let Some(line) = self.read(Question::Turn(&prompt)).await? {
            let Line::Text(text) = line else { continue };
            if !text.trim().is_empty() && !self.turn(text).await? {
                break;
            }
        }
        Ok(())
    }

    /// Reads a line; returns `None` if the chat ends.
    async fn read(&mut self, question: Question<'_>) -> io::Result<Option<Line>> {
        // An editor receives Ctrl-C as a key.
        let is_terminal = self.input.is_terminal();
        let interrupts = &mut self.interrupts;
        let interrupted = async {
            loop {
                interrupt(interrupts).await;
                if !is_terminal {
                    break;
                }
            }
        };
        let (cancelled, interrupted) = (pin!(self.ending.cancelled()), pin!(interrupted));
        let ended = future::select(cancelled, interrupted);
        match future::select(ended, pin!(self.input.read(question))).await {
            Either::Left(_) => Ok(None),
            Either::Right((line, _)) => line,
        }
    }
}

/// Waits for an interrupt. The end of the stream does not count as one.
async fn interrupt(interrupts: &mut Interrupts) {
    if interrupts.next().await.is_none() {
        future::pending::<()>().await;
    }
}

/// Returns the interrupts of the process.
fn ctrl_c() -> BoxStream<'static, ()> {
    let next = |()| async { tokio::signal::ctrl_c().await.ok().map(|()| ((), ())) };
    stream::unfold((), next).boxed()
}
