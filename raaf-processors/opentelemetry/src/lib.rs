//! `raaf-trace-core` and OpenTelemetry's SDK in one trace.
//!
//! A program that uses OpenTelemetry has spans of its own around and below our agents. This crate joins
//! them, in both directions, and sends both through one pipeline.
//!
//! | to | use |
//! | --- | --- |
//! | continue OpenTelemetry's trace | [`run_in_otel_parent`], [`OtelFuture::in_otel_parent`], [`otel_parent`] |
//! | let instrumented clients join ours | [`run_in_otel_context`], [`OtelFuture::in_otel_context`], [`otel_context`] |
//! | do both without calls in the code between | [`active_otel_span`], [`Joined`] |
//! | pass baggage on | [`to_otel_baggage`], [`from_otel_baggage`] |
//! | send our spans through OpenTelemetry's processors | [`OtelProcessor`] |
//!
//! Code that does not use these pays nothing for them. A sampling decision holds on both sides.
//!
//! # Examples
//!
//! ```
//! use opentelemetry::trace::{Tracer as _, TracerProvider as _};
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! # use opentelemetry_sdk::trace::{InMemorySpanExporter, SimpleSpanProcessor};
//! use raaf_opentelemetry::{OtelProcessor, run_in_otel_context, run_in_otel_parent};
//! use raaf_trace_core::{Component, Traceable as _, TracerProvider};
//!
//! # let exporter = InMemorySpanExporter::default();
//! # let processor = SimpleSpanProcessor::new(exporter.clone());
//! // `processor` is a `BatchSpanProcessor` with an exporter, for example.
//! let processor = OtelProcessor::new(processor);
//! let theirs = SdkTracerProvider::builder().with_span_processor(processor.clone()).build();
//! let ours = TracerProvider::builder().with(processor).build();
//!
//! let tracer = theirs.tracer("shop");
//! let agent = Component::agent("Clerk");
//! ours.run(|| {
//!     tracer.in_span("request", |_| {
//!         run_in_otel_parent(|| {
//!             agent.in_span("run", || run_in_otel_context(|| tracer.in_span("query", |_| ())));
//!         });
//!     });
//! });
//! // One trace: request, Clerk, query.
//! # ours.shutdown(std::time::Duration::from_secs(5))?;
//! # let spans = exporter.get_finished_spans().unwrap();
//! # let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
//! # let (request, clerk, query) = (named("request"), named("invoke_agent Clerk"), named("query"));
//! # assert_eq!(clerk.parent_span_id, request.span_context.span_id());
//! # assert_eq!(query.parent_span_id, clerk.span_context.span_id());
//! # Ok::<(), raaf_trace_core::provider::FlushError>(())
//! ```

mod baggage;
mod context;
mod convert;
mod data;
mod inside;
mod joined;
mod processor;

pub use baggage::{from_otel_baggage, to_otel_baggage};
pub use context::{
    OtelFuture, active_otel_span, otel_context, otel_parent, run_in_otel_context,
    run_in_otel_parent,
};
pub use joined::{Joined, JoinedSpan, JoinedTracer};
pub use processor::OtelProcessor;
