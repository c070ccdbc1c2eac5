//! Coloured output.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};
use raaf_trace_model::span::Status;
use unicode_width::UnicodeWidthStr as _;

/// Appends to a string, with or without colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    pub(super) color: bool,
}

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
const MAGENTA: Style = AnsiColor::Magenta.on_default();

impl Paint {
    /// Runs `write` with this style around what it appends to `out`.
    pub(super) fn styled(self, out: &mut String, style: Style, write: impl FnOnce(&mut String)) {
        if !self.color || style == PLAIN {
            return write(out);
        }
        let before = out.len();
        push(out, style.render());
        let start = out.len();
        write(out);
        if out.len() == start {
            out.truncate(before);
        } else {
            push(out, style.render_reset());
        }
    }

    /// Returns the mark of a status and its style.
    pub(super) fn mark(status: Status) -> (char, Style) {
        match status {
            Status::Ok => ('✓', GREEN),
            Status::Error => ('✗', RED),
            Status::Cancelled => ('⊘', YELLOW),
            Status::Stale => ('?', MAGENTA),
            _ => ('·', DIM),
        }
    }

    /// Appends a status: its mark and its name.
    pub(super) fn status(self, out: &mut String, status: Status) {
        let (mark, style) = Self::mark(status);
        self.styled(out, style, |out| push(out, format_args!("{mark} {status}")));
    }
}

/// Returns the width of text without its colours.
pub(super) fn columns(text: &str) -> usize {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().width();
    parts
        .fold(first, |width, part| width + part.split_once('m').map_or(0, |(_, text)| text.width()))
}

/// Appends arguments whose formatting cannot fail.
pub(super) fn push(out: &mut String, shown: impl fmt::Display) {
    let _ = write!(out, "{shown}");
}
