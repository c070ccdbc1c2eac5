//! One tree with the crate [`tracing`]: a [`Layer`](tracing_subscriber::Layer) that turns its spans
//! and events into spans and events of `raaf-trace-core`.
//!
//! A program that uses `tracing`, or libraries that do, adds the layer to its subscriber:
//!
//! ```
//! use raaf_trace_core::{Component, Traceable as _};
//! use tracing_subscriber::prelude::*;
//!
//! #[tracing::instrument]
//! fn load_orders(customer: u64) -> usize {
//!     tracing::info!(rows = 3, "loaded");
//!     3
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let _tracing = raaf_trace_core::init()?;
//!     tracing_subscriber::registry().with(raaf_tracing::layer()).init();
//!
//!     // `load_orders` is a child of the agent, and `loaded` an event of `load_orders`.
//!     Component::agent("Clerk").in_span("run", || load_orders(7));
//!     Ok(())
//! }
//! ```
//!
//! Both nest in each other at any depth: `#[traced]` in `#[instrument]` and `#[instrument]` in
//! `#[traced]`, in synchronous and asynchronous code and in tasks with `.instrument(…)`.
//!
//! | of `tracing` | here |
//! | --- | --- |
//! | a span | a span of kind `component`; the component is its target, the method its name, the status `unset` |
//! | its parent | the explicit parent; otherwise the current span, of either library. `Span::current()` as the explicit parent is the same as none |
//! | `parent: None` | the same; a root only with [`Builder::new_traces_for_roots`] |
//! | its end | the last time it was left; it is delivered when it is closed |
//! | `gen_ai.operation.name` | kind `agent`, `tool`, `llm` or `transcription`; the component is the agent, tool or model |
//! | `gen_ai.*` of several conventions, `input.value`, `output.value` | one [key](raaf_trace_core::keys) for each fact; messages, instructions, arguments and results are content |
//! | `otel.name`, `otel.status_code`, `otel.status_description` | name, status and error of the span |
//! | `otel.kind` | an attribute of that name, from which the `otlp` sink takes OpenTelemetry's kind |
//! | other fields | attributes of the same name and type; `Debug` and `Display` values are strings |
//! | `follows_from` | a link |
//! | an event | an event of its explicit parent, otherwise of the current span, with level, target, fields, and its message as content; with `parent: None`, or a parent that is not recorded, nothing |
//! | an event or span with the field `error` | an event `exception`; see [`Failures`] |
//! | a span that is closed by a panic | a span that failed with the type `panic` |
//!
//! # Recorded spans and events
//!
//! Spans and events from level INFO up, except those of RAAF's own crates and of transports: the crates
//! `h2`, `hyper`, `hyper_util`, `mio`, `rustls`, `tokio`, `ureq` and `ureq_proto`. The variable
//! `RAAF_TRACE_TRACING`, or [`Builder::filter`], adds directives to these, in the syntax of
//! [`EnvFilter`](tracing_subscriber::EnvFilter): `debug`, `sqlx=debug,hyper=info`, `off`. A span below
//! INFO is recorded inside a trace, but does not begin one ([`Builder::roots_from`]).
//!
//! Code that runs inside a sink is not recorded, so that a sink that logs never feeds itself.
//! Inside a trace that is not sampled, spans and events of `tracing` cost no allocation.
//!
//! # Finished spans as events
//!
//! [`ToTracing`] passes finished spans of `raaf-trace-core` to the subscribers of `tracing`, so that
//! the output of `tracing_subscriber::fmt` shows them.

mod bridged;
mod builder;
mod callsite;
mod entered;
mod event;
mod fields;
mod filter;
mod layer;
mod names;
mod outgoing;
mod settings;

use tracing::Subscriber;
use tracing_subscriber::registry::LookupSpan;

pub use builder::{Builder, FilteredLayer};
pub use filter::Directives;
pub use layer::TraceLayer;
pub use outgoing::ToTracing;
pub use settings::Failures;

/// Creates a layer with the default settings and the directives of `RAAF_TRACE_TRACING`.
///
/// An invalid value of the variable is reported, and the default applies. [`Builder::from_env`]
/// returns it as an error.
///
/// # Examples
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let subscriber = tracing_subscriber::registry().with(raaf_tracing::layer());
/// tracing::subscriber::with_default(subscriber, || tracing::info_span!("job").in_scope(|| ()));
/// ```
pub fn layer<S>() -> FilteredLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    Builder::from_env_or_default().build()
}
