//! Sinks for `raaf-trace-core`.
//!
//! `raaf-trace-core` makes the spans of an agent workflow; this crate delivers them. Each sink is a
//! feature and a module of its own, registered by name.
//!
//! # Choosing sinks
//!
//! By name, in the environment. A crate that the program never refers to is not linked, so refer
//! to it:
//!
//! ```
//! use raaf_processors as _;
//!
//! // RAAF_TRACE_PROCESSORS=console,file RAAF_TRACE_FILE=/tmp/traces.jsonl ./program
//! let guard = raaf_trace_core::init()?;
//! # drop(guard);
//! # Ok::<(), raaf_trace_core::BuildError>(())
//! ```
//!
//! Or in code, which has more settings than the environment:
//!
//! ```
//! # #[cfg(all(feature = "console", feature = "file"))] {
//! use raaf_processors::{ConsoleSink, FileSink};
//! use raaf_trace_core::TracerProvider;
//!
//! let provider = TracerProvider::builder()
//!     .with(ConsoleSink::builder().detailed(true).stderr().build())
//!     .with(FileSink::new("traces.jsonl"))
//!     .build();
//! assert_eq!(provider.processor_count(), 2);
//! # }
//! ```
//!
//! # The sinks
//!
//! | name | type | output | guarantees | cost | failures |
//! | --- | --- | --- | --- | --- | --- |
//! | `console` | [`ConsoleSink`] | a tree when a root ends, or lines for starts and ends, on standard output; running spans, with the feature `live`, on a terminal | each tree is complete and written at once; control characters are escaped | a short lock per span; a thread draws; at most 10,000 spans held | a closed pipe ends the output quietly; other failures are counted and named by the flush |
//! | `file` | [`FileSink`] | JSON lines in `RAAF_TRACE_FILE`, else `traces.jsonl` | whole lines, also from several processes that rotate the file; written lines survive the program's end | a push per span; a worker writes, and traced threads if it falls behind | counted, named by the flush, reported on standard error at intervals; a full disk is retried |
//! | `memory` | [`MemoryExporter`](raaf_trace_core::MemoryExporter), and `memory` for the one that runs by name | the last finished spans, for tests and queries | the last 10,000 unless set otherwise; gone with the process | a copy of each span, on a worker | none; evicted spans are counted |
//! | `openai` | `OpenAiSink` | traces in OpenAI's dashboard, through its ingest API | each batch is delivered at least once, or counted; a 429 or 5xx loses none while it is retried | a worker sends; the ids of 10,000 traces | retried with backoff; refused spans are counted, and the reply reported without the key |
//! | `otlp` | `OtlpSink` | protobuf over HTTP, or gRPC with the feature `otlp-grpc`, to a collector or a backend, configured by `OTEL_EXPORTER_OTLP_…` | a span is sent once it has ended, and again only without a reply or at the server's request | a push per span; a worker encodes and sends | retried where the protocol allows it, else dropped and counted; the flush has the server's reply |
//! | `prometheus` | `PrometheusSink` | spans, durations, tokens and other sinks' losses, at `RAAF_TRACE_PROMETHEUS_ADDR`, else `127.0.0.1:9464` | every ended span is counted; the number of label values is bounded | a look-up and some atomic additions per span; a thread serves | an address in use is reported and retried; everything else continues |
//!
//! Each type's documentation has details. No sink panics, and none prints anything but its output.
//!
//! # Features
//!
//! `console`, `file` and `memory` are on by default; `openai`, `otlp` and `prometheus` are not.
//! `live` adds a mode to the console, `otlp-grpc` gRPC to `otlp`. [`wrap`] (filters, tail sampling and redaction for any
//! sink) is always available.

mod absent;
#[cfg(feature = "console")]
mod console;
#[cfg(feature = "conventions")]
pub mod conventions;
#[cfg(feature = "file")]
mod file;
#[cfg(any(feature = "openai", feature = "otlp"))]
mod http;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(feature = "openai")]
mod openai;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(feature = "otlp")]
mod protobuf;
#[cfg(any(feature = "otlp", feature = "prometheus"))]
mod resource;
pub mod wrap;

#[cfg(feature = "console")]
pub use console::{ConsoleBuilder, ConsoleMode, ConsoleSink, Drawing, HumanDuration};
#[cfg(feature = "otlp")]
pub use conventions::OtlpNames;
#[cfg(feature = "file")]
pub use file::{FileSink, FileSinkBuilder, FileSinkWithStarts, FileSync, read};
#[cfg(feature = "openai")]
pub use openai::{OpenAiBuilder, OpenAiSink, OpenAiSinkError};
#[cfg(feature = "otlp")]
pub use otlp::{OtlpBuilder, OtlpError, OtlpProtocol, OtlpSink, otlp_request};
#[cfg(feature = "prometheus")]
pub use prometheus::{PrometheusBuilder, PrometheusError, PrometheusHandle, PrometheusSink};
