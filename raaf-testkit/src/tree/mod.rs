//! Captured spans as trees.

mod draw;
mod label;
mod queries;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt};

use raaf_trace_model::{
    sink::MemoryExporter,
    span::{FinishedSpan, SpanTree, TreeProblem},
};

pub(crate) use draw::{Mark, NOTHING_FOUND, Row, draw, draw_in};
pub(crate) use label::{label, plain, quoted, word};

/// Finished spans, arranged as trees.
///
/// The [`Display`](std::fmt::Display) form draws the trees in the notation of
/// [`assert_span_tree!`](crate::assert_span_tree), without ids and times, so it is the same in each
/// run.
///
/// # Examples
///
/// ```
/// use raaf_testkit::Capture;
/// use raaf_trace_core::{Component, Traceable as _};
///
/// let capture = Capture::new();
/// capture.run(|| {
///     Component::pipeline("Import").in_span("run", || {
///         Component::agent("Reader").in_span("run", || ());
///         let _ = Component::agent("Checker").try_in_span("check", || "x".parse::<u8>());
///     });
/// });
///
/// let spans = capture.spans();
/// assert_eq!(
///     spans.to_string(),
///     "\
/// pipeline \"Import\"
/// ├── agent \"Reader\"
/// └── agent \"Checker\".check [status = error, \"error.type\" = \"ParseIntError\"] // invalid digit found in string
/// ",
/// );
/// assert_eq!(spans.path(spans.only("Checker")), "Import > Checker");
/// ```
#[derive(Clone)]
pub struct Spans {
    tree: SpanTree<FinishedSpan>,
}

impl Spans {
    /// Arranges spans as trees, with siblings in the order in which they started.
    pub fn new(spans: impl IntoIterator<Item = FinishedSpan>) -> Self {
        let mut spans: Vec<_> = spans.into_iter().collect();
        spans.sort_by_key(FinishedSpan::start_time);
        Self::in_order(spans)
    }

    /// Arranges spans that are already in the order of their starts.
    pub(crate) fn in_order(spans: Vec<FinishedSpan>) -> Self {
        Self { tree: SpanTree::in_order(spans) }
    }

    pub(crate) fn all(&self) -> &[FinishedSpan] {
        self.tree.spans()
    }

    pub(crate) fn tree(&self) -> &SpanTree<FinishedSpan> {
        &self.tree
    }

    /// Returns kind, component and method of a span, as they are drawn.
    pub(crate) fn label(&self, index: usize) -> String {
        let span = &self.all()[index];
        label(span.kind().as_str(), span.component_name(), span.method())
    }

    /// Returns the line of each span, in drawing order, with its notes.
    pub(crate) fn rows(&self, mut say: impl FnMut(usize) -> Said) -> Vec<Row> {
        let mut remarks = vec![""; self.len()];
        for (index, problem) in self.tree.located_problems() {
            if let (Some(index), Some(remark)) = (index, remark(problem)) {
                remarks[index] = remark;
            }
        }
        self.tree
            .walk_from(self.tree.top_indices())
            .map(|(depth, index)| {
                let said = say(index);
                let mut text = label::of_span(&self.all()[index], said.properties);
                text.push_str(remarks[index]);
                Row { mark: said.mark, notes: said.notes, ..Row::new(depth, text) }
            })
            .collect()
    }
}

/// Returns the remark after a misplaced span.
fn remark(problem: &TreeProblem) -> Option<&'static str> {
    match problem {
        TreeProblem::MissingParent { .. } => Some(" (its parent is missing)"),
        TreeProblem::Loop { .. } => Some(" (its ancestors form a cycle)"),
        _ => None,
    }
}

/// Label, properties and notes of a span.
#[derive(Clone, Default)]
pub(crate) struct Said {
    pub(crate) mark: Mark,
    pub(crate) notes: Vec<String>,
    /// Other properties shown in the brackets.
    pub(crate) properties: Vec<String>,
}

impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        draw(f, "", &self.rows(|_| Said::default()))
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Spans (")?;
        fmt::Display::fmt(self, f)?;
        f.write_str(")")
    }
}

/// Source of spans for assertions: a [`Capture`](crate::Capture) (which waits for open spans), [`Spans`], a
/// [`MemoryExporter`], or a list of finished spans.
pub trait AsSpans {
    /// Returns the spans.
    fn as_spans(&self) -> Cow<'_, Spans>;
}

impl AsSpans for Spans {
    fn as_spans(&self) -> Cow<'_, Spans> {
        Cow::Borrowed(self)
    }
}

impl AsSpans for MemoryExporter {
    fn as_spans(&self) -> Cow<'_, Spans> {
        Cow::Owned(Spans::new(self.spans()))
    }
}

impl AsSpans for [FinishedSpan] {
    fn as_spans(&self) -> Cow<'_, Spans> {
        Cow::Owned(Spans::new(self.iter().cloned()))
    }
}

impl AsSpans for Vec<FinishedSpan> {
    fn as_spans(&self) -> Cow<'_, Spans> {
        self.as_slice().as_spans()
    }
}

impl<T: AsSpans + ?Sized> AsSpans for &T {
    #[track_caller]
    fn as_spans(&self) -> Cow<'_, Spans> {
        (**self).as_spans()
    }
}
