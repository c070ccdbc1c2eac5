//! Escapes and truncates text for a terminal.

use std::fmt;

use raaf_trace_model::escape::is_unsafe;
use unicode_width::UnicodeWidthChar as _;

/// Largest number of zero-width characters shown after a visible one. Accents and joiners come in
/// small numbers; the limit bounds hostile text.
const MARKS: usize = 8;

/// Collects text, escapes what could control a terminal, and stops at a width.
///
/// Widths are columns on a terminal, where a wide character takes two.
pub(super) struct Fitted<'a> {
    out: &'a mut String,
    room: usize,
    /// Characters without a width since the last one that has a width.
    marks: usize,
    /// Position at which to cut if the text does not fit; leaves space for the ellipsis.
    cut_at: usize,
    is_cut: bool,
}

impl<'a> Fitted<'a> {
    /// Creates a writer that appends to `out`, at most `columns` wide.
    pub(super) fn new(out: &'a mut String, columns: usize) -> Self {
        let cut_at = out.len();
        Self { out, room: columns, marks: 0, cut_at, is_cut: false }
    }

    fn push(&mut self, character: char) -> fmt::Result {
        let columns = character.width().unwrap_or(0);
        self.marks = if columns == 0 { self.marks + 1 } else { 0 };
        if columns > self.room || self.marks > MARKS {
            self.out.truncate(self.cut_at);
            self.out.push('…');
            self.is_cut = true;
            return Err(fmt::Error);
        }
        self.room -= columns;
        self.out.push(character);
        if self.room > 0 {
            self.cut_at = self.out.len();
        }
        Ok(())
    }
}

impl fmt::Write for Fitted<'_> {
    /// Fails once the text is cut, which ends the formatting.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.is_cut {
            return Err(fmt::Error);
        }
        for character in text.chars() {
            if is_unsafe(character) {
                character.escape_default().try_for_each(|escaped| self.push(escaped))?;
            } else {
                self.push(character)?;
            }
        }
        Ok(())
    }
}

/// Appends `text` to `out`, escaped and at most `columns` wide. Returns an upper bound of its
/// width.
pub(super) fn push_fitted(out: &mut String, columns: usize, text: impl fmt::Display) -> usize {
    let mut fitted = Fitted::new(out, columns);
    // Fails when the text is cut; the part that fits has been written.
    let _ = fmt::write(&mut fitted, format_args!("{text}"));
    if fitted.is_cut { columns } else { columns - fitted.room }
}

/// Returns whether the text is at most `columns` wide, escaped.
pub(super) fn fits(text: &str, columns: usize) -> bool {
    // One more column distinguishes a text that fits from one that is cut.
    push_fitted(&mut String::new(), columns.saturating_add(1), text) <= columns
}

/// Breaks a text into at most this many lines, each at most `columns` wide if it is escaped, at spaces
/// where it has any. The last line has the rest, whatever its width.
pub(super) fn broken(text: &str, columns: usize, lines: usize) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = text.trim();
    while all.len() + 1 < lines && !fits(rest, columns) {
        let ends = rest.char_indices().map(|(at, character)| at + character.len_utf8());
        let Some(end) = ends.take_while(|end| fits(&rest[..*end], columns)).last() else { break };
        let at_space = rest[..end].rfind(' ').filter(|at| *at > 0 && !rest[end..].starts_with(' '));
        let at = at_space.unwrap_or(end);
        all.push(rest[..at].trim_end());
        rest = rest[at..].trim_start();
    }
    all.push(rest);
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn a_text_is_broken_at_spaces_or_where_it_must_be() {
        assert_eq!(broken("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(broken("one two three", 7, 1), ["one two three"]);
        assert_eq!(broken("abcdefgh ij", 4, 9), ["abcd", "efgh", "ij"]);
        assert_eq!(broken("", 4, 9), [""]);
        assert_eq!(broken("\u{1b}\u{1b}", 4, 9), ["\u{1b}\u{1b}"], "nothing fits");
    }

    proptest! {
        #[test]
        fn broken_lines_fit_and_have_all_words(text in ".{0,200}", columns in 8_usize..40) {
            let lines = broken(&text, columns, usize::MAX);
            for line in &lines {
                prop_assert!(fits(line, columns), "{line:?}");
            }
            let dense = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(dense(&lines.concat()), dense(&text));
        }
    }

    fn fitted(text: &str, columns: usize) -> String {
        let mut out = String::new();
        push_fitted(&mut out, columns, text);
        out
    }

    #[test]
    fn what_drives_a_terminal_is_shown_escaped() {
        assert_eq!(fitted("a\u{1b}[2J\r\nb\u{9b}", 80), "a\\u{1b}[2J\\r\\nb\\u{9b}");
        assert_eq!(fitted("\u{202e}cod.exe\u{200b}", 80), "\\u{202e}cod.exe\\u{200b}");
        assert_eq!(fitted("naïve 日本 👩‍🔬 \"x\" \\", 80), "naïve 日本 👩‍🔬 \"x\" \\");
    }

    #[test]
    fn wide_characters_are_cut_by_their_width() {
        assert_eq!(fitted("abcdef", 6), "abcdef");
        assert_eq!(fitted("abcdefg", 6), "abcde…");
        assert_eq!(fitted("日本語", 6), "日本語");
        assert_eq!(fitted("日本語で", 6), "日本…");
        assert_eq!(fitted("abc", 0), "…");
    }

    #[test]
    fn a_heap_of_marks_without_a_width_is_cut() {
        let marks = |count| ["e", &"\u{301}".repeat(count)].concat();
        assert_eq!(fitted(&marks(8), 80), marks(8));
        assert!(fitted(&marks(1_000_000), 80).len() < 40);
    }

    proptest! {
        #[test]
        fn any_text_keeps_within_its_width(
            characters in prop::collection::vec(any::<char>(), 0..60),
            columns in 1_usize..40,
        ) {
            let text = String::from_iter(characters);
            let shown = fitted(&text, columns);
            prop_assert!(shown.width() <= columns, "{shown:?}");
            prop_assert!(!shown.chars().any(is_unsafe), "{shown:?}");
        }
    }
}
