//! Coherent tracing for AI-agent workflows.
//!
//! Every run of traced components produces one tree of spans: with correct parents, without
//! duplicates, and with every lost span counted.
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
//! # Overview
//!
//! | to | see |
//! | --- | --- |
//! | trace a type's methods | [`Traceable`], [`traced`](macro@traced), [`traced_block!`] |
//! | name a workflow | [`trace()`] |
//! | continue a trace in another thread or task | [`in_current_context`], [`InContext`], [`Context`] |
//! | continue it in another process | [`Context::inject`], [`Context::extract`], [`propagation`] |
//! | configure sinks and settings | [`init`], [`TracerProvider::builder`], [`settings`] |
//! | write a sink | [`SpanProcessor`], [`SpanExporter`], [`registry`] |
//! | create spans manually | [`tracer`] |
//! | observe the delivery of spans | [`TracerProvider::stats`], [`diagnostics`] |
//!
//! # Features
//!
//! - `tokio`: `task::spawn_traced` and similar functions.
//! - `signals`: `TracerProvider::shutdown_on_signals`.
//! - `log`, `tracing`: `diagnostics::to_log` and `diagnostics::to_tracing`.

// The macros refer to this crate by name, including here.
#[allow(unused_extern_crates, reason = "only expansions use it")]
extern crate self as raaf_trace_core;

mod base;
mod call;
mod component;
mod context;
pub mod diagnostics;
mod provider;
pub mod sink;
pub mod span;

pub use base::process::PerProcess;
#[cfg(feature = "tokio")]
pub use call::task;
pub use call::{
    Async, Blocking, Call, CallInfo, CallScope, InSpan, LazyAttributes, ResultHook, TracedIter,
    TracedStream, Work,
    manual::ManualSpan,
    outcome::{
        ErrorReport, ErrorType, Failure, KnownErrorType, Outcome, PlainValue, form,
        looks_like_result, via,
    },
    traceable::Traceable,
    tracer::{SpanBuilder, Tracer, tracer},
    workflow::{Workflow, trace},
};
pub use component::Component;
pub use context::{
    AttachToken, Context, InContext, WithContext, current_span, current_trace_id,
    in_current_context, is_traced,
    parent::{IntoParent, Parent},
};
pub use inventory::submit;
pub use provider::{
    BuildError, ByName, FlushError, GlobalOverride, InCode, SinkFailure, TracerProvider,
    TracerProviderBuilder, TracingGuard,
    clock::{Anchor, Clock, ManualClock, Ticks},
    init, override_global_provider, provider,
    random_ids::RandomIds,
    set_global_provider, settings,
    settings::Settings,
};
pub use raaf_trace_macros::{ErrorType, Traceable, traced, traced_block};
pub use raaf_trace_model::{
    Kind, NamePattern, NamePatternError, NameTemplate, OtherKind, Redactor,
    attributes::{
        AttributeEntry, AttributeLosses, Attributes, IntoValue, Key, SpanLimits, Value, ValueRef,
    },
    environment::{Environment, SettingsError},
    filter::{Sampler, SpanFilter, wildcard_matches},
    id::{IdFault, IdGenerator, IdText, ParseIdError, SequentialIds, SpanId, TraceId},
    keys, propagation,
    propagation::SpanContext,
    short_type_name,
    sink::{registry, stats},
    time,
    time::Rfc3339,
};
pub use sink::{
    BatchConfig, BatchProcessor, ExportError, Flush, IntoSink, MemoryExporter, Offload, Overflow,
    ProcessorError, SimpleProcessor, SpanExporter, SpanProcessor, is_helping, stats::Stats,
};
pub use span::{
    Event, FinishedSpan, FinishedSpanBuilder, Link, LocalRoot, Score, Span, SpanAttributes,
    SpanError, StartedSpan, Status, TraceInfo,
};

/// Expansion of the macros. Not part of the public API: it may change in any release.
#[doc(hidden)]
pub mod __private {
    pub use crate::call::outcome::probe;
    pub use crate::call::{begin, look_at, prepared};
}
