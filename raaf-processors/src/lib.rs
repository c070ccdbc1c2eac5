//! Sinks for `raaf-trace-core`: where the spans of an agent workflow go.
//!
//! `raaf-trace-core` makes spans and knows no sink. This crate has some, each a feature and a
//! module of its own, each registered under a name.
//!
//! # Choosing sinks
//!
//! From outside, once the crate is linked. A crate that is never named in code is not linked, so
//! name it:
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
//! Or in code, which also reaches what the environment cannot say:
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
//! | name | type | what it gives | guarantees | costs | when things go wrong |
//! | --- | --- | --- | --- | --- | --- |
//! | `console` | [`ConsoleSink`] | a tree when a root ends, or a line a start and end, on standard output; what is running, with feature `live` on a terminal | a tree is whole and in one piece; nothing in it drives the terminal | a short lock a span; a thread draws; at most 1,000 spans held | a closed pipe is quiet; other failures are counted and named by the flush |
//! | `file` | [`FileSink`] | JSON lines in `RAAF_TRACE_FILE`, else `traces.jsonl` | whole lines, also from several processes that rotate it; what was written survives the program's end | a push a span; a thread, and those that help it, write | counted, named by the flush, reported once in a while on standard error; a full disk is tried again |
//! | `memory` | [`MemoryExporter`](raaf_trace_core::MemoryExporter), and `memory` for the one that runs by name | the last finished spans, for tests, queries and pages of your own | the last 10,000 unless told otherwise; gone with the process | a copy of each span, on a worker | cannot fail; what it forgets is counted |
//! | `openai` | `OpenAiSink` | traces in the dashboard of OpenAI, through its ingest API | each batch at least once, or counted; a 429 or 5xx loses none while it is retried | a worker sends; the ids of 10,000 traces | retried with backoff; what the server refuses is counted, and its reply reported without the key |
//! | `otlp` | `OtlpSink` | protobuf over HTTP to a collector or a backend, set up by `OTEL_EXPORTER_OTLP_…` | a span is sent once it has ended; again only where no reply came, or one that asks for it | a push a span; a thread encodes and sends | tried again where that can help, else dropped; counted, and named by the flush in the server's words |
//! | `prometheus` | `PrometheusSink` | spans, durations, tokens and other sinks' losses, at `RAAF_TRACE_PROMETHEUS_ADDR`, else `127.0.0.1:9464` | every span that ended is counted; a bounded number of labels | a look-up and some atomic additions a span; a thread serves | an address that is taken is reported and tried again; all else goes on |
//!
//! Each type's page says more. No sink panics, and none prints anything but what it is for.
//!
//! # Features
//!
//! `console`, `file` and `memory`, on by default; the others when asked for. `live` adds a mode to
//! the console. [`wrap`] is always there: filters, sampling by whole traces, redaction and what else
//! can go around a sink.

#[cfg(feature = "console")]
mod console;
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
pub mod wrap;

#[cfg(feature = "console")]
pub use console::{ConsoleBuilder, ConsoleMode, ConsoleSink};
#[cfg(feature = "file")]
pub use file::{FileSink, FileSinkBuilder, FileSinkWithStarts, FileSync, read};
#[cfg(feature = "openai")]
pub use openai::{OpenAiBuilder, OpenAiSink, OpenAiSinkError};
#[cfg(feature = "otlp")]
pub use otlp::{OtlpBuilder, OtlpError, OtlpNames, OtlpSink};
#[cfg(feature = "prometheus")]
pub use prometheus::{PrometheusBuilder, PrometheusError, PrometheusHandle, PrometheusSink};
