//! Checks that captured spans are one well-formed tree.

mod problem;

use std::fmt;

use crate::{
    compare::{fold, use_colour},
    expected::Pattern,
    tree::{AsSpans, Mark, NOTHING_FOUND, Row, Said, Spans, draw_in},
};
use problem::Problem;

/// Asserts that spans are one coherent trace.
///
/// A coherent trace has one trace id and one root, every parent is present, there is no cycle and
/// no duplicate id, and each parent covers its children. A child must not start before its parent,
/// and must not end after it unless the parent's status is cancelled or stale, or the parent has
/// [paused](raaf_trace_core::keys::PAUSED) and the child goes on with its work.
///
/// The first argument is a [`Capture`](crate::Capture), [`Spans`], a `MemoryExporter` or a list of
/// finished spans. Optionally, `may_outlive "flush*"` follows, which allows background work to
/// outlive its parent; `*` stands for any text.
///
/// # Panics
///
/// If the spans are not one coherent trace. The message counts the problems and draws the tree,
/// with a mark and a description at each span that has one.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Capture, assert_coherent};
/// use raaf_trace_core::{Component, Context, Traceable as _, trace};
///
/// let capture = Capture::new();
/// capture.run(|| trace("nightly").in_span(|| trace("import").in_span(|| ())));
/// assert_coherent!(capture);
///
/// // A background job.
/// let capture = Capture::new();
/// let inside = capture.run(|| trace("nightly").in_span(Context::current));
/// inside.run(|| Component::agent("Sweeper").in_span("run", || ()));
/// assert_coherent!(capture, may_outlive "Sweeper");
/// ```
///
/// ```should_panic
/// # use raaf_testkit::{Capture, assert_coherent};
/// # use raaf_trace_core::trace;
/// # let capture = Capture::new();
/// capture.run(|| trace("one").in_span(|| ()));
/// capture.run(|| trace("another").in_span(|| ()));
/// assert_coherent!(capture); // there are 2 traces; there are 2 roots
/// ```
#[macro_export]
macro_rules! assert_coherent {
    ($spans:expr $(, may_outlive $component:expr)* $(,)?) => {
        $crate::__private::assert_coherent(
            &$spans,
            &$crate::Coherence::new()$(.may_outlive($crate::Pattern::like($component)))*,
        )
    };
}

/// Definition of a coherent trace, with exceptions; see
/// [`assert_coherent!`](crate::assert_coherent).
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Capture, Coherence, Pattern};
/// use raaf_trace_core::trace;
///
/// let capture = Capture::new();
/// capture.run(|| trace("nightly").in_span(|| ()));
/// let coherence = Coherence::new().may_outlive(Pattern::like("flush*"));
/// assert!(coherence.check(&capture.spans()).is_ok());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Coherence {
    outliving: Vec<Pattern>,
}

impl Coherence {
    /// Requires everything that makes a trace coherent.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows spans of these components to end after their parents.
    #[must_use]
    pub fn may_outlive(mut self, component: impl Into<Pattern>) -> Self {
        self.outliving.push(component.into());
        self
    }

    /// Checks that the spans are one coherent trace.
    ///
    /// # Errors
    ///
    /// If they are not; the error lists every problem.
    pub fn check(&self, spans: &Spans) -> Result<(), Incoherent> {
        let may_outlive = |index: usize| {
            let component = spans.all()[index].component_name();
            self.outliving.iter().any(|pattern| pattern.matches(component))
        };
        let problems = problem::all(spans, may_outlive);
        if problems.is_empty() { Ok(()) } else { Err(Incoherent::new(spans, &problems)) }
    }
}

impl Spans {
    /// Checks that the spans are one coherent trace; see
    /// [`assert_coherent!`](crate::assert_coherent).
    ///
    /// # Errors
    ///
    /// If they are not; the error lists every problem.
    pub fn check_coherent(&self) -> Result<(), Incoherent> {
        Coherence::new().check(self)
    }
}

/// Reasons why spans are not one coherent trace.
#[derive(Clone)]
pub struct Incoherent {
    problems: Vec<String>,
    /// Problems that belong to no single span.
    general: Vec<String>,
    rows: Vec<Row>,
}

impl Incoherent {
    fn new(spans: &Spans, problems: &[Problem]) -> Self {
        let mut said = vec![Said::default(); spans.len()];
        for problem in problems {
            if let Some(span) = problem.span {
                said[span].mark = problem.mark;
                // The line of a misplaced span has its own remark.
                if problem.mark != Mark::Misplaced {
                    said[span].notes.push(problem.text.clone());
                }
            }
        }
        let rows = spans.rows(|index| std::mem::take(&mut said[index]));
        let words = |problem: &Problem| match problem.span {
            Some(span) => format!("{}: {}", spans.label(span), problem.text),
            None => problem.text.clone(),
        };
        let general = problems.iter().filter(|problem| problem.span.is_none());
        Self {
            problems: problems.iter().map(words).collect(),
            general: general.map(|problem| problem.text.clone()).collect(),
            rows,
        }
    }

    /// Returns a description of each problem.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Returns the message with the escape sequences that colour it on a terminal.
    pub fn to_ansi(&self) -> String {
        let mut text = String::new();
        let written = self.show(&mut text, true);
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
        text
    }

    fn show(&self, out: &mut impl fmt::Write, colour: bool) -> fmt::Result {
        let (count, s) = (self.problems.len(), if self.problems.len() == 1 { "" } else { "s" });
        writeln!(out, "the spans are not one coherent trace: {count} problem{s}\n")?;
        for problem in &self.general {
            writeln!(out, "  {problem}")?;
        }
        if !self.general.is_empty() {
            writeln!(out)?;
        }
        if self.rows.is_empty() {
            out.write_str(NOTHING_FOUND)?;
        }
        draw_in(out, "  ", &fold(&self.rows), colour)
    }
}

impl std::error::Error for Incoherent {}

impl fmt::Display for Incoherent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f, false)
    }
}

impl fmt::Debug for Incoherent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Implements the macro.
///
/// # Panics
///
/// If the spans are not one coherent trace.
#[doc(hidden)]
#[track_caller]
#[allow(clippy::panic, reason = "how a test fails")]
pub fn assert_coherent(spans: &(impl AsSpans + ?Sized), coherence: &Coherence) {
    if let Err(incoherent) = coherence.check(&spans.as_spans()) {
        let text = if use_colour() { incoherent.to_ansi() } else { incoherent.to_string() };
        panic!("{text}");
    }
}
