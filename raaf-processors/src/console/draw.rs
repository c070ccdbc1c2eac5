//! Drawings of traces that have been read from elsewhere.

use raaf_trace_model::span::FinishedSpan;

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
        let mut out = String::new();
        let paint = Paint { color: self.color };
        Tree::new(spans).draw(Describe { paint, detailed: self.detailed }, &mut out);
        out
    }
}
