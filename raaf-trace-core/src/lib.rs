//! Coherent tracing for AI-agent workflows.
//!
//! A component says what it is, and every run gives one tree of spans: right parents, no
//! duplicates, nothing lost.
//!
//! ```
//! use raaf_trace_core::{Component, Traceable, traced};
//!
//! #[derive(Traceable)]
//! struct Planner {
//!     component: Component,
//! }
//!
//! impl Planner {
//!     #[traced(with(topic))]
//!     fn run(&self, topic: &str) -> Result<String, std::num::ParseIntError> {
//!         Ok(format!("a plan for {topic}"))
//!     }
//! }
//!
//! let planner = Planner { component: Component::agent("Planner") };
//! assert_eq!(planner.run("tea")?, "a plan for tea");
//! # Ok::<(), std::num::ParseIntError>(())
//! ```
//!
//! # Where to look
//!
//! | to | see |
//! | --- | --- |
//! | trace a type's methods | [`Traceable`], [`traced`](macro@traced), [`traced_block!`], [`TraceableExt`] |
//! | name a workflow | [`trace()`] |
//! | take a trace to another thread or task | [`in_current_context`], [`InContext`], [`Context`] |
//! | take it to another process | [`Context::inject`], [`Context::extract`], [`propagation`] |
//! | choose sinks and settings | [`init`], [`TracerProvider::builder`], [`settings`] |
//! | write a sink | [`SpanProcessor`], [`SpanExporter`], [`registry`] |
//! | make spans by hand | [`tracer`] |
//! | see what became of spans | [`TracerProvider::stats`], [`diagnostics`] |
//!
//! # Features
//!
//! - `tokio`: `task::spawn_traced` and its siblings.
//! - `signals`: `TracerProvider::shutdown_on_signals`.

// The macros name this crate by its name, also here.
#[allow(unused_extern_crates, reason = "only expansions use it")]
extern crate self as raaf_trace_core;

mod attributes;
mod batch;
mod call;
mod clock;
mod component;
mod context;
mod counters;
pub mod diagnostics;
mod exporter;
mod gate;
mod id;
pub mod keys;
mod kind;
mod memory;
mod naming;
mod offload;
mod outcome;
mod panics;
mod parent;
mod processor;
pub mod propagation;
mod provider;
pub mod registry;
mod sampling;
mod select;
pub mod settings;
mod simple;
mod span;
pub mod stats;
mod suppress;
mod sync;
#[cfg(feature = "tokio")]
pub mod task;
mod thread_index;
mod traceable;
mod tracer;
mod type_name;
mod unwind;
mod workflow;

pub use attributes::{
    AttributeEntry, AttributeLosses, Attributes, IntoValue, Key, Redactor, SpanLimits, Value,
    ValueRef,
};
pub use batch::{BatchBuilder, BatchConfig, BatchProcessor, Flush, is_helping};
pub use call::{Call, CallInfo, CallScope, LazyAttributes, ResultHook};
pub use clock::{Anchor, Clock, ManualClock, Rfc3339, Ticks};
pub use component::Component;
pub use context::{
    Context, InContext, SpanContext, WithContext, current_span, current_trace_id,
    in_current_context, is_traced,
};
pub use exporter::{ExportError, Overflow, SpanExporter};
pub use id::{
    IdFault, IdGenerator, IdText, ParseIdError, RandomIds, SequentialIds, SpanId, TraceId,
};
pub use inventory::submit;
pub use kind::{Kind, OtherKind};
pub use memory::MemoryExporter;
pub use naming::{NamePattern, NamePatternError, NameTemplate};
pub use offload::{Offload, ProcessorExt};
pub use outcome::{ErrorReport, Failure, Outcome, looks_like_result, via};
pub use parent::{IntoParent, Parent};
pub use processor::{ProcessorError, SpanProcessor};
pub use provider::{
    BuildError, Builder, FlushError, GlobalOverride, Guard, LocalRoot, SinkFailure, Stats,
    TraceInfo, TracerProvider, init, override_global_provider, provider, set_global_provider,
};
pub use raaf_trace_macros::{Traceable, traced, traced_block};
pub use sampling::Sampler;
pub use select::{Select, wildcard_matches};
pub use settings::{Environment, Settings, SettingsError};
pub use simple::SimpleProcessor;
pub use span::{
    Event, FinishedSpan, FinishedSpanBuilder, ManualSpan, Span, SpanAttributes, SpanError, Status,
};
pub use traceable::{Traceable, TraceableExt};
pub use tracer::{SpanBuilder, Tracer, tracer};
pub use type_name::short_type_name;
pub use workflow::{Workflow, trace};

/// What the macros expand to. No part of the interface: it may change with any release.
#[doc(hidden)]
pub mod __private {
    pub use crate::call::{begin, look_at, prepared};
    pub use crate::outcome::probe;
}
