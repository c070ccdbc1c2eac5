//! Converts names of components and models to label values.

use std::sync::Arc;

/// Longest label value, in bytes.
const LONGEST: usize = 120;

/// Returns the part of a name that is used; the rest has neither cost nor effect.
pub(super) fn head(word: &str) -> &str {
    let mut end = word.len().min(LONGEST);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    &word[..end]
}

/// Returns the label value for the [`head`] of a name. Control characters become `\u{fffd}`, and
/// `\` becomes `/`, because the text format does not distinguish labels that differ in backslashes
/// only.
pub(super) fn value(head: &str) -> Arc<str> {
    if head.is_empty() {
        // Prometheus treats an empty label value as a missing label.
        return "unnamed".into();
    }
    let fit = |letter: char| match letter {
        '\\' => '/',
        control if control.is_control() || is_separator(control) => '\u{fffd}',
        letter => letter,
    };
    head.chars().map(fit).collect::<String>().into()
}

/// Returns true for line and paragraph separators, and marks that change the text direction.
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
