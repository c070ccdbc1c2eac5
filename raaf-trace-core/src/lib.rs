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
//! The root has what most programs name. The rest is in modules: [`attributes`], [`call`] and
//! [`context`] for instrumentation, [`provider`], [`settings`], [`environment`], [`clock`] and
//! [`id`] for configuration, [`sink`], [`registry`], [`stats`], [`span`], [`filter`], [`keys`],
//! [`kind`], [`naming`], [`prices`] and [`time`] for sinks. Data comes from the crate `raaf-trace-model`.
//!
//! # Features
//!
//! - `tokio`: `task::spawn_traced` and similar functions.
//! - `signals`: `TracerProvider::shutdown_on_signals`.
//! - `http`: `http::HeaderMap` as a carrier of [`Context::inject`] and [`Context::extract`].
//! - `log`, `tracing`: `diagnostics::to_log` and `diagnostics::to_tracing`.

// The macros refer to this crate by name, including here.
#[allow(unused_extern_crates, reason = "only expansions use it")]
extern crate self as raaf_trace_core;

mod base;
pub mod call;
mod component;
pub mod context;
pub mod diagnostics;
pub mod provider;
pub mod sink;
pub mod span;

/// Ids of traces and spans, and their generators.
pub mod id {
    pub use crate::provider::random_ids::RandomIds;
    pub use raaf_trace_model::id::*;
}

#[cfg(feature = "tokio")]
pub use call::task;
pub use call::{
    outcome::ErrorType,
    traceable::Traceable,
    tracer::{Tracer, tracer},
    workflow::{Workflow, trace},
};
pub use component::Component;
pub use context::{
    Context, InContext, current_span, current_trace_id, in_current_context, is_traced,
    set_attribute,
};
pub use inventory::submit;
pub use provider::{
    BuildError, TracerProvider, TracerProviderBuilder, TracingGuard, clock, init, settings,
};
pub use raaf_trace_macros::{ErrorType, Traceable, traced, traced_block};
pub use raaf_trace_model::{
    Kind, Redactor, attributes,
    attributes::{Attributes, Key, Value},
    environment, escape, filter,
    filter::{Sampler, SpanFilter},
    id::{SpanId, TraceId},
    keys, kind, naming, prices, propagation,
    propagation::SpanContext,
    sink::{registry, stats},
    time,
};
pub use sink::{BatchConfig, MemoryExporter, SpanExporter, SpanProcessor};
pub use span::{FinishedSpan, Span, StartedSpan, Status};

// Shared by the sinks and bridges that speak gRPC.
#[doc(hidden)]
pub use raaf_trace_model::grpc;

/// Expansion of the macros. Not part of the public API: it may change in any release.
#[doc(hidden)]
pub mod __private {
    pub use crate::call::outcome::{lazy, probe};
    pub use crate::call::{begin, look_at, owned, prepared};
}
