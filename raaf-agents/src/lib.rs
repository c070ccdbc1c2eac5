//! Agents, tools, runners and pipelines with tracing built in.
//!
//! Build a workflow from [`Agent`], [`Tool`], [`Runner`] and [`Pipeline`], with a hosted model or a
//! scripted one. Every run is a tree of spans:
//!
//! ```text
//! Pipeline: TextReport
//! ├── Agent: Planner
//! │   ├── Llm: gpt-4o-mini
//! │   ├── Tool: headings
//! │   └── Llm: gpt-4o-mini
//! └── Agent: Writer
//!     └── Llm: gpt-4o-mini
//! ```
//!
//! The sinks of `raaf_trace_core`'s provider determine where the spans go.
//!
//! ```
//! use raaf_agents::{Agent, Pipeline, ScriptedModel, State};
//!
//! let planner = Agent::builder("Planner", ScriptedModel::new("scripted", ["1. boil water"]))
//!     .instructions("Make a plan.")
//!     .build();
//! let writer = Agent::builder("Writer", ScriptedModel::new("scripted", ["Boil water."]))
//!     .instructions("Write the plan out.")
//!     .build();
//! let pipeline = Pipeline::builder("Recipe")
//!     .then(planner.reads("wish").writes("plan"))
//!     .then(writer.reads("plan").writes("recipe"))
//!     .build()?;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let state = pipeline.run(State::new().with("wish", "tea")).await?;
//! assert_eq!(state.text("recipe")?, "Boil water.");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! | to | see |
//! | --- | --- |
//! | give a model instructions and tools | [`Agent`] |
//! | make a tool from a function | [`FunctionTool`], or [`Tool`] for a type of your own |
//! | limit turns, decide how to react to failed tools | [`Runner`] |
//! | name a run's trace, cancel the run, pass a value to tools | [`RunConfig`], [`RunContext`] |
//! | hand over to another agent, or call it as a tool | [`Handoff`], [`Agent::as_tool`] |
//! | check input and answers, of an agent or a whole run | [`Guardrail`], [`RunConfig::input_guardrail`], [`AgentBuilder::output_type`] |
//! | follow a run | [`Runner::stream`], [`RunHooks`] |
//! | change requests, calls and results | [`RunHooks`], [`ToolGuardrail`], [`InputFilter`], [`RedactRequests`] |
//! | send less of a long conversation | [`TrimHistory`] |
//! | limit what a run spends, and end it gracefully | [`Limits`], [`Runner::with_answer_at_max_turns`], [`RunConfig::stop_after_turn`] |
//! | send images and files, read reasoning | [`Message`], [`Part`] |
//! | wait for a person, and go on in another process | [`Approval`], [`RunState`], [`Runner::resume`] |
//! | go on after a crash without doing anything twice | [`Journal`] |
//! | continue a conversation | [`Session`], [`MemorySession`], `SqliteSession` |
//! | continue only the latest part of a conversation, or with a summary of the rest | [`WindowSession`], [`CompactingSession`] |
//! | give an agent tools that change while it runs | [`ToolSource`] |
//! | use the tools of MCP servers, and serve tools and agents | `mcp` |
//! | compose agents, tools and functions | [`Pipeline`], [`Flow`], [`service`], [`step`] |
//! | see what you have built | [`Agent::diagram`], [`Pipeline::diagram`] |
//! | talk to an agent in a terminal | `repl`, `Repl` |
//! | limit, retry or skip a step, or run it for each item | [`FlowExt`] |
//! | use a hosted model | `OpenAiModel`, `OpenAiResponses` |
//! | let the provider run tools, such as its web search | [`HostedTool`] |
//! | run offline | [`ScriptedModel`] |
//! | retry failed model calls | [`RetryingModel`] |
//! | call another model if one fails | [`FallbackModel`] |
//! | limit concurrent calls and their rate | [`LimitedModel`] |
//! | connect another model | [`Model`] |
//!
//! # Features
//!
//! - `openai` (on by default): `OpenAiModel` and `OpenAiResponses`, for any `OpenAI`-compatible server.
//! - `mcp`: tools of MCP servers, and MCP servers of tools and agents.
//! - `repl`: `repl` and `Repl`, chats with an agent in a terminal.
//! - `sqlite`: `SqliteSession` and `SqliteJournal`, conversations and journals in a file.

mod agent;
mod conversation;
mod diagram;
mod errors;
mod guardrail;
mod hooks;
#[cfg(feature = "mcp")]
pub mod mcp;
mod model;
mod pipeline;
#[cfg(feature = "repl")]
mod repl;
mod retry;
mod run;
mod runner;
mod session;
mod state;
mod tool;
#[cfg(any(feature = "openai", feature = "mcp"))]
mod web;

pub use agent::{
    Agent, AgentBuilder, Handoff, HandoffAction, LastTurnAction, MismatchAction, ModelAction,
    ResponseAction, ResultAction, RunHooks, ToolAction,
};
pub use conversation::{
    BytesPerToken, Citation, Content, HostedCall, Media, MediaSource, Message, Part, ProviderData,
    Reasoning, Role, TokenCounter, ToolCall, ToolResult,
};
pub use diagram::{Diagram, Drawing};
pub use guardrail::{Guardrail, GuardrailStage, Verdict};
pub use hooks::{InputFilter, RedactRequests, ToolGuardrail, TrimHistory};
#[cfg(feature = "openai")]
pub use model::openai::{self, OpenAiModel, OpenAiResponses};
pub use model::{
    CallLimits, FallbackModel, FinishReason, HostedTool, LimitedModel, Model, ModelCall,
    ModelChunk, ModelError, ModelRequest, ModelResponse, ModelSettings, ModelStream, OutputSchema,
    Reply, RetryingModel, ScriptedModel, StrictSchemaError, ToolCallDelta, ToolChoice, ToolSpec,
    TracedModel, Usage, strict_schema,
};
pub use pipeline::{
    AgentStep, BranchFailure, BuildError, Contract, EachOver, Flow, FlowExt, FunctionStep,
    IntoStep, Keys, Merge, MissingKey, OnBranchError, Parallel, PausedStep, Pipeline,
    PipelineBuilder, PipelineError, PipelineState, Progress, State, StateError, Step, StepContext,
    StepError, ToolStep, service, step, via,
};
#[cfg(feature = "repl")]
pub use repl::{Repl, repl};
pub use retry::RetryPolicy;
#[cfg(feature = "sqlite")]
pub use run::SqliteJournal;
pub use run::{Journal, Limits, RunContext, RunEvent, RunProgress, RunResult};
pub use runner::{AgentTool, Input, RunConfig, RunError, RunErrorKind, RunStream, Runner};
#[cfg(feature = "sqlite")]
pub use session::sqlite::{
    SqliteDurability, SqliteOptions, SqliteSession, SqliteSessions, StoredSession,
};
pub use session::{
    CompactingSession, MemorySession, Session, SessionError, SessionPolicy, WindowSession,
};
pub use state::{PendingCall, ResumeError, RunState, UnknownCall};
/// Token that [cancels a run](RunConfig::cancellation).
pub use tokio_util::sync::CancellationToken;
pub use tool::{Approval, Description, FunctionTool, OnToolError, Tool, ToolError, ToolSource};
