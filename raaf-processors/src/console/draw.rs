//! Drawings of traces that have been read from elsewhere.

use std::collections::BTreeSet;

use raaf_trace_model::{
    id::SpanId,
    span::{FinishedSpan, Record, SpanBody, StartedSpan},
};

use super::{describe::Describe, paint::Paint, tree::Tree};

/// Draws the spans of one trace like [`ConsoleMode::Tree`](super::ConsoleMode::Tree), for traces that
/// were read from a file.
///
/// # Examples
///
/// ```
/// use raaf_processors::Drawing;
/// use raaf_trace_core::FinishedSpan;
///
/// let span = FinishedSpan::builder("agent", "Planner").local_root(true).build();
/// let drawn = Drawing::new().color(false).draw(&[span]);
/// assert!(drawn.starts_with("Agent:Planner"), "{drawn}");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Drawing {
    detailed: bool,
    color: bool,
}

impl Drawing {
    /// Creates a drawing without colour and details.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether ids and attributes are shown.
    #[must_use]
    pub fn detailed(mut self, detailed: bool) -> Self {
        self.detailed = detailed;
        self
    }

    /// Sets whether the text has colours for a terminal.
    #[must_use]
    pub fn color(mut self, color: bool) -> Self {
        self.color = color;
        self
    }

    /// Draws the spans of one trace. Each line ends in a line feed; control characters are escaped.
    pub fn draw(&self, spans: &[FinishedSpan]) -> String {
        self.draw_with(spans, &BTreeSet::new())
    }

    /// Draws the spans of one trace as [`draw`](Self::draw) does, together with those that have not ended:
    /// they were running when the file was read, or when their program was killed.
    pub fn draw_records(&self, records: &[Record]) -> String {
        let open = records.iter().filter_map(Record::running).map(StartedSpan::span_id).collect();
        let spans = records.iter().filter_map(|record| {
            record.ended().cloned().or_else(|| record.running().map(without_end))
        });
        self.draw_with(&spans.collect::<Vec<_>>(), &open)
    }

    fn draw_with(self, spans: &[FinishedSpan], open: &BTreeSet<SpanId>) -> String {
        let mut out = String::new();
        let paint = Paint { color: self.color };
        Tree::new(spans).draw(Describe { paint, detailed: self.detailed }, open, &mut out);
        out
    }
}

/// Returns a span for the tree, of which no duration is shown.
fn without_end(start: &StartedSpan) -> FinishedSpan {
    let (head, attributes) = start.clone().into_parts();
    let end = head.start;
    FinishedSpan::from_parts(head, SpanBody { attributes, ..SpanBody::default() }, end)
}
