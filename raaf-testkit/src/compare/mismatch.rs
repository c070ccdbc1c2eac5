//! The failure message.

use std::fmt;

use anstyle::Style;

use super::fold::fold;
use crate::tree::{Mark, NOTHING_FOUND, Row, draw_in};

/// Difference between captured spans and the expected trees.
///
/// Shown, it draws both, and marks what is missing (`-`), extra (`+`), different (`~`), misplaced
/// (`>`) or duplicated (`!`). The text is the same in each run.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Capture, span_tree};
/// use raaf_trace_core::{Component, Traceable as _};
///
/// let capture = Capture::new();
/// capture.run(|| Component::agent("Planner").in_span("run", || ()));
/// let mismatch = span_tree! { agent "Planner" > llm * }.check(&capture.spans()).unwrap_err();
/// assert_eq!(
///     mismatch.to_string(),
///     "\
/// the spans make another tree: 1 missing
///
/// expected:
///     agent \"Planner\"
///   - └── llm *
///
/// found:
///     agent \"Planner\"
///
/// - missing
/// ",
/// );
/// ```
#[derive(Clone)]
pub struct Mismatch {
    pub(super) expected: Vec<Row>,
    pub(super) found: Vec<Row>,
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f, false)
    }
}

impl Mismatch {
    /// Returns the message with the escape sequences that colour it on a terminal.
    pub fn to_ansi(&self) -> String {
        struct Coloured<'a>(&'a Mismatch);
        impl fmt::Display for Coloured<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.show(f, true)
            }
        }
        Coloured(self).to_string()
    }

    // Two trees, and not one with lines taken out and put in: where the test says `..`,
    // `in_any_order`, `*` or a count, one line of it stands for many spans or for none in
    // particular, and one looks for the line in the test as one wrote it.
    fn show(&self, f: &mut fmt::Formatter<'_>, colour: bool) -> fmt::Result {
        writeln!(f, "the spans make another tree: {}", self.summary())?;
        for (title, rows) in [("expected", &self.expected), ("found", &self.found)] {
            writeln!(f, "\n{title}:")?;
            if rows.is_empty() {
                writeln!(f, "    no spans")?;
            }
            if rows.is_empty() && title == "found" {
                write!(f, "\n{NOTHING_FOUND}")?;
            }
            draw_in(f, "  ", &fold(rows), colour)?;
        }
        f.write_str("\n")?;
        let marks: Vec<_> = Mark::ALL
            .into_iter()
            .filter(|mark| self.count(*mark) > 0)
            .map(|mark| {
                let style = if colour { mark.style() } else { Style::new() };
                format!("{style}{} {}{style:#}", mark.sign(), mark.word())
            })
            .collect();
        if !marks.is_empty() {
            writeln!(f, "{}", marks.join("  "))?;
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let counts: Vec<_> = Mark::ALL
            .into_iter()
            .map(|mark| (self.count(mark), mark))
            .filter(|(count, _)| *count > 0)
            .map(|(count, mark)| format!("{count} {}", mark.word()))
            .collect();
        if counts.is_empty() {
            // Each span has a partner, and still no arrangement gives each node its share.
            return "all parts are there, but not together".to_owned();
        }
        counts.join(", ")
    }

    /// Counts the spans with a mark; missing ones are only in the expected tree.
    fn count(&self, mark: Mark) -> usize {
        let rows = if mark == Mark::Missing { &self.expected } else { &self.found };
        rows.iter().filter(|row| row.mark == mark).count()
    }
}

impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
