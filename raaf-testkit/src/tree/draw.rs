//! Draws trees as text.

use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};

/// Depth beyond which lines are not indented further and state their depth instead: the drawing of
/// a long chain would otherwise grow with the square of its length.
const DEEPEST: usize = 40;

/// Note with the usual reasons for an empty capture.
pub(crate) const NOTHING_FOUND: &str = "    \
    nothing was captured: was the traced code run by the capture, and a future by `run_async` or
    `captured_async` (`run` only makes it)? Does a spawned task or thread have its context
    (`task::spawn_traced`, `Context::run`)?
";

/// Mark of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The line matches.
    #[default]
    None,
    /// Expected, but not found.
    Missing,
    /// Found, but not expected.
    Extra,
    /// Found with other properties.
    Different,
    /// Found elsewhere.
    Misplaced,
    /// Found more often than expected.
    Duplicated,
}

impl Mark {
    pub(crate) const ALL: [Self; 5] =
        [Self::Missing, Self::Extra, Self::Different, Self::Misplaced, Self::Duplicated];

    pub(crate) fn sign(self) -> char {
        match self {
            Self::None => ' ',
            Self::Missing => '-',
            Self::Extra => '+',
            Self::Different => '~',
            Self::Misplaced => '>',
            Self::Duplicated => '!',
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::None => "as expected",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Different => "different",
            Self::Misplaced => "misplaced",
            Self::Duplicated => "duplicated",
        }
    }

    pub(crate) fn style(self) -> Style {
        match self {
            Self::None => Style::new(),
            Self::Missing => AnsiColor::Red.on_default(),
            Self::Extra => AnsiColor::Green.on_default(),
            Self::Different => AnsiColor::Yellow.on_default(),
            Self::Misplaced => AnsiColor::Cyan.on_default(),
            Self::Duplicated => AnsiColor::Magenta.on_default(),
        }
    }
}

/// One line of a drawing. Lines are in the order of a depth-first walk, so that a tree of any depth
/// is drawn without recursion.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) depth: usize,
    pub(crate) mark: Mark,
    pub(crate) text: String,
    /// Notes: a single one follows the line, several are below it.
    pub(crate) notes: Vec<String>,
    /// True if the line is a span, rather than `..` or the like.
    pub(crate) is_span: bool,
}

impl Row {
    /// Creates the line of a span without mark and notes.
    pub(crate) fn new(depth: usize, text: String) -> Self {
        Self { depth, mark: Mark::None, text, notes: Vec::new(), is_span: true }
    }
}

/// Draws `rows`.
pub(crate) fn draw(out: &mut impl Write, margin: &str, rows: &[Row]) -> fmt::Result {
    draw_in(out, margin, rows, false)
}

/// Draws `rows` with `margin` before each line. Marks are shown only in a margin that is not empty.
pub(crate) fn draw_in(
    out: &mut impl Write,
    margin: &str,
    rows: &[Row],
    colour: bool,
) -> fmt::Result {
    let last = last_siblings(rows);
    let mut enclosing: Vec<bool> = Vec::new();
    for (at, (row, &last)) in rows.iter().zip(&last).enumerate() {
        enclosing.truncate(row.depth);
        let style = if colour { row.mark.style() } else { Style::new() };
        let gutter = |out: &mut _| gutter(out, margin, row.mark, style, &enclosing);
        gutter(out)?;
        if row.depth > 0 {
            out.write_str(if last { "└── " } else { "├── " })?;
        }
        write!(out, "{style}")?;
        if row.depth > DEEPEST {
            write!(out, "(depth {}) ", row.depth)?;
        }
        out.write_str(&row.text)?;
        if let [note] = &row.notes[..] {
            write!(out, "  <- {note}")?;
        }
        writeln!(out, "{style:#}")?;
        if row.notes.len() > 1 {
            let has_children = rows.get(at + 1).is_some_and(|next| next.depth > row.depth);
            for note in &row.notes {
                gutter(out)?;
                if row.depth > 0 {
                    out.write_str(if last { "    " } else { "│   " })?;
                }
                out.write_str(if has_children { "│   " } else { "    " })?;
                writeln!(out, "{style}<- {note}{style:#}")?;
            }
        }
        enclosing.push(last);
    }
    Ok(())
}

/// Writes the part before a span: margin, mark, and the lines of the outer siblings.
fn gutter(
    out: &mut impl Write,
    margin: &str,
    mark: Mark,
    style: Style,
    enclosing: &[bool],
) -> fmt::Result {
    out.write_str(margin)?;
    if !margin.is_empty() {
        write!(out, "{style}{}{style:#} ", mark.sign())?;
    }
    // Roots are at the margin, without a line between them.
    for &ended in enclosing.iter().take(DEEPEST).skip(1) {
        out.write_str(if ended { "    " } else { "│   " })?;
    }
    Ok(())
}

/// Marks the rows without a later sibling.
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
