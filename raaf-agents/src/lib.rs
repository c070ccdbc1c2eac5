//! Agents, tools, runners and pipelines, traced to the last step.
//!
//! Build a workflow from [`Agent`], [`Tool`], [`Runner`] and [`Pipeline`], on a real model or a
//! scripted one; the trace comes by itself. Every run is a tree of spans:
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
//! Where the spans go is said elsewhere, by the sinks of `raaf_trace_core`'s provider.
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
//! | make a tool of a function | [`FunctionTool`], else [`Tool`] |
//! | limit turns, decide what a failed tool means | [`Runner`] |
//! | name a run's trace, cancel it, give it a value | [`RunConfig`], [`RunContext`] |
//! | let one agent hand over to another, or ask it | [`Handoff`], [`Agent::as_tool`] |
//! | check what goes in and comes out | [`Guardrail`], [`AgentBuilder::output_type`] |
//! | follow a run | [`Runner::stream`], [`RunHooks`] |
//! | go on with a conversation | [`Session`] |
//! | put agents, tools and functions in an order | [`Pipeline`], [`Flow`], [`service`], [`step`] |
//! | limit, repeat or skip a step, or run it for each of a list | [`FlowExt`] |
//! | use a real model | `OpenAiModel` |
//! | do without | [`ScriptedModel`] |
//! | ask a model again when it fails | [`RetryingModel`] |
//! | connect another model | [`Model`] |
//!
//! # Features
//!
//! - `openai` (on by default): `OpenAiModel`, for any `OpenAI`-compatible server.

mod agent;
mod causes;
mod guardrail;
mod handoff;
mod hooks;
mod model;
mod pipeline;
mod runner;
mod session;
mod time_limit;
mod tool;

pub use agent::{Agent, AgentBuilder, AgentTool};
pub use guardrail::{Guardrail, GuardrailStage, Verdict};
pub use handoff::Handoff;
pub use hooks::RunHooks;
#[cfg(feature = "openai")]
pub use model::openai::{self, OpenAiModel};
pub use model::{
    AssistantMessage, FinishReason, Message, Model, ModelChunk, ModelError, ModelRequest,
    ModelResponse, ModelSettings, ModelStream, OutputSchema, Reply, RetryPolicy, RetryingModel,
    ScriptedModel, ToolCall, ToolCallDelta, ToolChoice, ToolSpec, TracedModel, Usage,
};
pub use pipeline::{
    AgentStep, BranchFailure, BuildError, Contract, EachOver, Flow, FlowExt, FunctionStep,
    IntoStep, Keys, Merge, MissingKey, OnBranchError, Parallel, Pipeline, PipelineBuilder,
    PipelineError, Progress, Retry, State, StateError, Step, StepError, ToolStep, service, step,
    via,
};
pub use runner::{
    Input, OnToolError, RunConfig, RunContext, RunError, RunEvent, RunProgress, RunResult,
    RunStream, Runner,
};
pub use session::{MemorySession, Session, SessionError};
/// Cancels a [run](RunConfig::cancellation) from elsewhere.
pub use tokio_util::sync::CancellationToken;
pub use tool::{Description, FunctionTool, Tool, ToolError, ToolExt};
