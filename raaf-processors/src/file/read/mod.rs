//! Readers of trace files: records, spans and trees.
//!
//! [`TraceReader`] reads a file, or a file and its rotated predecessors, record by record in
//! bounded memory. [`TraceReader::traces`] assembles the records into trees.
//!
//! ```
//! use std::time::Duration;
//!
//! use raaf_processors::{FileSink, read::TraceReader};
//! use raaf_trace_core::{StartedSpan, TracerProvider};
//!
//! let directory = tempfile::tempdir()?;
//! let path = directory.path().join("traces.jsonl");
//! let provider = TracerProvider::builder().with(FileSink::new(&path)).build();
//! provider.run(|| {
//!     let tracer = provider.tracer();
//!     tracer.pipeline_span("Report").in_span(|| tracer.agent_span("Planner").in_span(|| ()));
//! });
//! provider.shutdown(Duration::from_secs(5))?;
//!
//! let (traces, faults) = TraceReader::open(&path)?.traces();
//! assert!(faults.is_empty());
//! for (depth, node) in traces[0].walk() {
//!     println!("{:indent$}{} {:?}", "", node.component_name(), node.status(), indent = 2 * depth);
//! }
//! # let shown: Vec<_> = traces[0].walk().map(|(depth, node)| (depth, node.component_name())).collect();
//! # assert_eq!(shown, [(0, "Report"), (1, "Planner")]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod reader;

pub use raaf_trace_model::span::{LineError, Record, SpanTree, StartedSpan, TreeProblem};
/// Tree of the records of one trace.
pub type Trace = SpanTree<Record>;

pub use reader::{LineFault, ReadError, TraceReader, files};
