//! Makes names of the user and of models fit for label values.

use std::sync::Arc;

/// Longest label value, in bytes.
const LONGEST: usize = 120;

/// The part of a word that is looked at: what comes after it costs nothing and changes nothing.
pub(super) fn head(word: &str) -> &str {
    let mut end = word.len().min(LONGEST);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    &word[..end]
}

/// The value of a label, from the [`head`] of a word. Control characters become `\u{fffd}`, and `\`
/// becomes `/`: the text format would take two labels for one that differ in backslashes alone.
pub(super) fn value(head: &str) -> Arc<str> {
    if head.is_empty() {
        // The same as no label at all, for Prometheus.
        return "unnamed".into();
    }
    let fit = |letter: char| match letter {
        '\\' => '/',
        control if control.is_control() || is_separator(control) => '\u{fffd}',
        letter => letter,
    };
    head.chars().map(fit).collect::<String>().into()
}

/// Line and paragraph separators, and marks that turn the direction of what follows.
fn is_separator(letter: char) -> bool {
    matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_cut_between_characters() {
        let long = "é".repeat(5_000_000);
        assert_eq!(head(&long), "é".repeat(60));
        let odd = format!("x{long}");
        assert_eq!(head(&odd).len(), 119);
        assert_eq!(head("short"), "short");
    }

    #[test]
    fn what_could_break_a_line_or_a_quote_is_gone_or_left_to_the_text_format() {
        assert_eq!(&*value("a\nb\0c\u{1b}[2J\u{2028}"), "a\u{fffd}b\u{fffd}c\u{fffd}[2J\u{fffd}");
        assert_eq!(&*value(r"C:\agents\x"), "C:/agents/x");
        assert_eq!(&*value(r#"say "hi""#), r#"say "hi""#);
        assert_eq!(&*value(""), "unnamed");
    }
}
