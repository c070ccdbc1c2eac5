//! Spans that left the process, read back: `assert_span_tree!` on what others really get.
//!
//! | what | read by |
//! | --- | --- |
//! | a file of the `file` sink, or text in its format | [`file()`], [`json_lines`] |
//! | the body of an OTLP request, as protobuf (feature `otlp`) | `otlp` |
//! | the same as JSON (feature `otlp`) | `otlp_json` |
//!
//! Unreadable parts are skipped, and [reported](ReadSpans::faults) with their place.
//!
//! ```
//! use raaf_testkit::{assert_span_tree, read};
//!
//! let lines = concat!(
//!     r#"{"v":2,"type":"span","trace_id":"trace_0af7651916cd43dd8448eb211c80319c","#,
//!     r#""span_id":"span_b7ad6b7169203331","parent_id":null,"local_root":true,"#,
//!     r#""started_at":"2026-01-01T00:00:00.001500Z","duration_ms":0.25,"status":"error","#,
//!     r#""kind":"tool","component":"Search","method":"run","workflow_name":null,"#,
//!     r#""group_id":null,"error_type":"Timeout","name":"run.workflow.tool.Search","#,
//!     r#""ended_at":"2026-01-01T00:00:00.001750Z","error_message":"no answer","#,
//!     r#""attributes":{"tool.rank":0.5},"events":[]}"#,
//!     "\nwhat a killed program left",
//! );
//! let read = read::json_lines(lines);
//! assert_span_tree!(read, {
//!     tool "Search" [status = error, "error.type" = "Timeout", "tool.rank" = 0.5]
//! });
//! assert_eq!(read.faults()[0].to_string(), "line 2: it does not end in a line feed");
//! ```

mod lines;
#[cfg(feature = "otlp")]
mod mapping;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, error::Error, fmt};

use raaf_trace_model::span::FinishedSpan;

use crate::tree::{AsSpans, Spans};
pub use lines::{file, json_lines};
#[cfg(feature = "otlp")]
pub use otlp::{otlp, otlp_json};

/// Spans that were read, and what could not be.
///
/// Assertions take it like [`Spans`], whatever faults there are; to hold that there are none, use
/// [`without_faults`](Self::without_faults).
#[derive(Clone, Debug)]
pub struct ReadSpans {
    spans: Spans,
    in_order: Vec<FinishedSpan>,
    faults: Vec<Fault>,
}

impl ReadSpans {
    fn new(spans: Vec<FinishedSpan>, faults: Vec<Fault>) -> Self {
        Self { spans: Spans::new(spans.iter().cloned()), in_order: spans, faults }
    }

    /// The spans, siblings in the order in which they started.
    pub fn spans(&self) -> &Spans {
        &self.spans
    }

    /// The spans in the order in which they were written; mostly that in which they ended.
    pub fn as_written(&self) -> &[FinishedSpan] {
        &self.in_order
    }

    /// Returns the unreadable parts, in order.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The spans, all of which could be read.
    ///
    /// # Panics
    ///
    /// Panics if a part is unreadable; the message names each part and its place.
    #[track_caller]
    #[allow(clippy::panic, reason = "how a test fails")]
    pub fn without_faults(self) -> Spans {
        if self.faults.is_empty() {
            return self.spans;
        }
        let faults: Vec<_> = self.faults.iter().map(|fault| format!("\n    {fault}")).collect();
        panic!("not all spans could be read:{}", faults.concat());
    }
}

impl AsSpans for ReadSpans {
    fn as_spans(&self) -> Cow<'_, Spans> {
        Cow::Borrowed(&self.spans)
    }
}

/// Something that could not be read, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    what: &'static str,
    number: usize,
    reason: String,
}

impl Fault {
    /// Returns its number, counted from one: the line of a file, or the span of a request.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Why it could not be read.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.what, self.number, self.reason)
    }
}

impl Error for Fault {}
