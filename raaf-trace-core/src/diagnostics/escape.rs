//! Escaping of text for terminals.

use std::fmt::{self, Write};

use raaf_trace_model::escape::is_unsafe;

/// Maximum length of a line in bytes; values of a span can be whole documents.
const LONGEST: usize = 4_096;

/// Collects text with escaped control characters, up to the maximum length of a line.
#[derive(Default)]
pub(super) struct EscapedLine(String);

impl EscapedLine {
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

impl Write for EscapedLine {
    /// Fails once the line is full, to end the formatting.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.0.len() >= LONGEST {
                self.0.push('…');
                return Err(fmt::Error);
            }
            if is_unsafe(character) {
                self.0.extend(character.escape_default());
            } else {
                self.0.push(character);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut line = EscapedLine::default();
        let _ = line.write_str(text);
        line.into_string()
    }

    #[test]
    fn what_drives_a_terminal_is_escaped() {
        assert_eq!(escaped("a\u{1b}[31m\r\nb\u{9b}\u{7}"), "a\\u{1b}[31m\\r\\nb\\u{9b}\\u{7}");
        assert_eq!(escaped("\u{202e}x"), "\\u{202e}x");
        assert_eq!(escaped("naïve 日本 \"x\" \\"), "naïve 日本 \"x\" \\");
    }

    #[test]
    fn a_line_has_an_end() {
        let line = escaped(&"ä".repeat(100_000));
        assert!(line.len() <= LONGEST + 16);
        assert!(line.ends_with("ä…"));
    }
}
