//! Tests of span trees: run some code, and compare its spans with a tree in the notation of a
//! drawing.
//!
//! # A first test
//!
//! A [`Capture`] collects the spans of one test, and [`assert_span_tree!`] compares them with a
//! tree: each span by the kind and the name of its component, with its children in braces.
//!
//! ```
//! use raaf_testkit::{Capture, assert_span_tree};
//! use raaf_trace_core::{Component, Traceable, traced};
//!
//! #[derive(Traceable)]
//! struct Pipeline {
//!     component: Component,
//!     parser: Parser,
//! }
//!
//! #[derive(Traceable)]
//! struct Parser {
//!     component: Component,
//! }
//!
//! impl Pipeline {
//!     #[traced]
//!     fn run(&self, lines: &[&str]) -> i64 {
//!         lines.iter().filter_map(|line| self.parser.parse(line).ok()).sum()
//!     }
//! }
//!
//! impl Parser {
//!     #[traced(with(line))]
//!     fn parse(&self, line: &str) -> Result<i64, std::num::ParseIntError> {
//!         line.parse()
//!     }
//! }
//!
//! let pipeline = Pipeline {
//!     component: Component::pipeline("Sum"),
//!     parser: Parser { component: Component::tool("Parser") },
//! };
//!
//! let capture = Capture::new();
//! assert_eq!(capture.run(|| pipeline.run(&["1", "two", "3"])), 4);
//!
//! assert_span_tree!(capture, {
//!     pipeline "Sum" {
//!         tool "Parser".parse [line = "1"]
//!         tool "Parser".parse [status = error, "error.type" = "ParseIntError"]
//!         tool "Parser".parse
//!     }
//! });
//! ```
//!
//! # Failures
//!
//! A failure draws both trees in the notation of the test, and marks the differences.
//!
//! ```
//! # use raaf_testkit::{Capture, span_tree};
//! # use raaf_trace_core::{Component, Traceable as _};
//! # let capture = Capture::new();
//! # capture.run(|| Component::pipeline("Sum").in_span("run", || {
//! #     let parser = Component::tool("Parser");
//! #     let _ = parser.try_in_span("parse", || "two".parse::<i64>());
//! #     parser.in_span("parse", || ());
//! # }));
//! # let spans = capture.spans();
//! let expected = span_tree! {
//!     pipeline "Sum" { tool "Parser".parse [status = ok]  llm "gpt" }
//! };
//! # let mismatch = expected.check(&spans).unwrap_err();
//! # assert_eq!(mismatch.to_string(), "\
//! # the spans make another tree: 1 missing, 1 extra
//! #
//! # expected:
//! #     pipeline \"Sum\"
//! #     ├── tool \"Parser\".parse [status = ok]
//! #   - └── llm \"gpt\"
//! #
//! # found:
//! #     pipeline \"Sum\"
//! #   + ├── tool \"Parser\".parse [status = error, \"error.type\" = \"ParseIntError\"] // invalid digit found in string
//! #     └── tool \"Parser\".parse
//! #
//! # - missing  + extra
//! # ");
//! ```
//!
//! ```text
//! the spans make another tree: 1 missing, 1 extra
//!
//! expected:
//!     pipeline "Sum"
//!     ├── tool "Parser".parse [status = ok]
//!   - └── llm "gpt"
//!
//! found:
//!     pipeline "Sum"
//!   + ├── tool "Parser".parse [status = error, "error.type" = "ParseIntError"] // invalid digit found in string
//!     └── tool "Parser".parse
//!
//! - missing  + extra
//! ```
//!
//! # Where to look
//!
//! | to | see |
//! | --- | --- |
//! | capture spans, in sync and async tests | [`Capture`] |
//! | learn the notation: any order, any others, counts, attributes, events, durations | [`span_tree!`] |
//! | query the captured spans | [`Spans`] |
//! | check that a trace is well-formed | [`assert_coherent!`] |
//! | check that there are no spans, or none that match | [`assert_no_spans!`] |
//! | capture the whole process, or make ids and times repeatable | [`Capture::global`], [`Capture::deterministic`] |
//! | compare with a snapshot, as text or JSON | [`Spans::to_snapshot`] |
//! | build traces without running code | [`build`] |
//! | read trace files and OTLP requests | [`read`] |
//! | check a processor or an exporter against its contract | [`conformance`] |
//! | test with random text, values and traces | [`strategy`] |
//! | test with random workflows, each with its expected tree | [`workflow`] |
//!
//! # Features
//!
//! - `otlp`: `read::otlp` and `read::otlp_json`, which read OTLP requests.

pub mod build;
mod capture;
mod coherent;
mod compare;
pub mod conformance;
mod expected;
mod hostile;
pub mod read;
mod snapshot;
pub mod strategy;
mod tree;
pub mod workflow;

pub use capture::{Capture, CaptureBuilder, GlobalCapture, SeededIds, captured, captured_async};
pub use coherent::{Coherence, Incoherent};
pub use compare::Mismatch;
pub use expected::{Count, Expected, ExpectedEvent, Matcher, Node, Pattern, Siblings};
pub use snapshot::Snapshot;
pub use tree::{AsSpans, Spans};

/// Targets of the macros' expansions. Not part of the API; may change with any release.
#[doc(hidden)]
pub mod __private {
    pub use crate::coherent::assert_coherent;
    pub use crate::compare::{assert_matches, assert_no_spans, assert_none_like};
    pub use raaf_testkit_macros::{assert_no_spans, assert_span_tree, span_tree};
    pub use raaf_trace_model::span::Status;
    pub use std::time::Duration;
}
