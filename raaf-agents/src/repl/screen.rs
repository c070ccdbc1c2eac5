//! Output of a chat.

use std::io::{self, Write};

use raaf_trace_core::diagnostics::Escaped;

/// Maximum number of characters of a line about a call or its result.
const MAX_CHARS: usize = 200;

/// Writer that escapes what models and tools wrote.
pub(super) struct Screen {
    out: Box<dyn Write + Send>,
    /// True if the last line has no end yet.
    is_open: bool,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, is_open: false }
    }

    /// Shows a piece of a longer text.
    pub(super) fn piece(&mut self, text: &str) -> io::Result<()> {
        let text = text.replace('\r', "").replace('\t', "    ");
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                writeln!(self.out)?;
                self.is_open = false;
            }
            if !line.is_empty() {
                write!(self.out, "{}", Escaped(line))?;
                self.is_open = true;
            }
        }
        self.out.flush()
    }

    /// Shows a text as a line of its own.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        self.end_line()?;
        writeln!(self.out, "{}", Escaped(text))?;
        self.out.flush()
    }

    /// Shows the beginning of a text as a line of its own.
    pub(super) fn short_line(&mut self, text: &str) -> io::Result<()> {
        match text.char_indices().nth(MAX_CHARS) {
            Some((end, _)) => self.line(&format!("{}…", &text[..end])),
            None => self.line(text),
        }
    }

    /// Ends a turn with an empty line.
    pub(super) fn end_turn(&mut self) -> io::Result<()> {
        self.end_line()?;
        writeln!(self.out)?;
        self.out.flush()
    }

    /// Ends the line of a text, if it is open.
    pub(super) fn end_line(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_open) { writeln!(self.out) } else { Ok(()) }
    }
}
