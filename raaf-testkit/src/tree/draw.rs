//! Drawing trees as text.

use std::fmt::{self, Write};

/// What is to be said of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is as it should be.
    #[default]
    None,
    /// Expected, and not found.
    Missing,
    /// Found, and not expected.
    Extra,
    /// Found with other properties.
    Different,
    /// Found elsewhere.
    Misplaced,
}

impl Mark {
    fn sign(self) -> char {
        match self {
            Self::None => ' ',
            Self::Missing => '-',
            Self::Extra => '+',
            Self::Different => '~',
            Self::Misplaced => '>',
        }
    }
}

/// One line of a drawing. Lines stand in the order in which the tree is walked, so that a tree of
/// any depth is drawn without recursion.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) depth: usize,
    pub(crate) mark: Mark,
    pub(crate) text: String,
    pub(crate) note: Option<String>,
}

/// Draws `rows`, each line after `margin`. In a margin that is not empty marks are shown.
pub(crate) fn draw(out: &mut impl Write, margin: &str, rows: &[Row]) -> fmt::Result {
    let last = last_siblings(rows);
    let mut enclosing: Vec<bool> = Vec::new();
    for (row, &last) in rows.iter().zip(&last) {
        enclosing.truncate(row.depth);
        out.write_str(margin)?;
        if !margin.is_empty() {
            write!(out, "{} ", row.mark.sign())?;
        }
        // Roots stand at the margin, and draw no line to each other.
        for &ended in enclosing.iter().skip(1) {
            out.write_str(if ended { "    " } else { "│   " })?;
        }
        if row.depth > 0 {
            out.write_str(if last { "└── " } else { "├── " })?;
        }
        out.write_str(&row.text)?;
        if let Some(note) = &row.note {
            write!(out, "  <- {note}")?;
        }
        out.write_char('\n')?;
        enclosing.push(last);
    }
    Ok(())
}

/// Which rows have no later sibling.
fn last_siblings(rows: &[Row]) -> Vec<bool> {
    let mut last = vec![true; rows.len()];
    let mut later: Vec<bool> = Vec::new();
    for (row, last) in rows.iter().zip(&mut last).rev() {
        later.truncate(row.depth + 1);
        later.resize(row.depth + 1, false);
        *last = !std::mem::replace(&mut later[row.depth], true);
    }
    last
}
