//! The failure text.

use std::fmt;

use crate::tree::{Mark, Row, draw};

/// How captured spans differ from the expected trees.
///
/// Shown, it draws both, and marks what is missing (`-`), extra (`+`), different (`~`) or
/// misplaced (`>`).
#[derive(Clone)]
pub struct Mismatch {
    pub(super) expected: Vec<Row>,
    pub(super) found: Vec<Row>,
}

impl std::error::Error for Mismatch {}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the spans make another tree: {}", self.summary())?;
        for (title, rows) in [("expected", &self.expected), ("found", &self.found)] {
            writeln!(f, "\n{title}:")?;
            if rows.is_empty() {
                writeln!(f, "    no spans")?;
            }
            draw(f, "  ", rows)?;
        }
        f.write_str("\n- missing  + extra  ~ different  > misplaced\n")
    }
}

impl Mismatch {
    fn summary(&self) -> String {
        let count = |rows: &[Row], mark| rows.iter().filter(|row| row.mark == mark).count();
        [
            (count(&self.expected, Mark::Missing), "missing"),
            (count(&self.found, Mark::Extra), "extra"),
            (count(&self.found, Mark::Different), "different"),
            (count(&self.found, Mark::Misplaced), "misplaced"),
        ]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect::<Vec<_>>()
        .join(", ")
    }
}

impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
