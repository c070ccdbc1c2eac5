//! Converts names of components and models to label values.

use std::{borrow::Cow, fmt::Write as _, sync::Arc};

/// Longest label value that is not cut, in bytes.
const LONGEST: usize = 120;

/// Label value for all values beyond a limit.
pub(super) const OTHER: &str = "__other__";

/// Label value of an empty name: Prometheus treats an empty label value as a missing label.
const UNNAMED: &str = "__unnamed__";

/// Returns the name itself, or the beginning of a long one with a hash of the whole, which tells
/// long names with the same beginning apart.
pub(super) fn head(word: &str) -> Cow<'_, str> {
    if word.len() <= LONGEST {
        return Cow::Borrowed(word);
    }
    let mut end = LONGEST;
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    // The value is longer than any name that is not cut, so it differs from all of them.
    Cow::Owned(format!("{}…{:016x}", &word[..end], hash(word)))
}

/// Returns the FNV-1a hash, which is the same in every process and version.
fn hash(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Returns the label value for the [`head`] of a name; different names have different values.
///
/// A control character becomes its escape, `\u{7f}`, because scrapers and terminals interpret some
/// of them. A name that contains such an escape, or equals a value with a meaning of its own, gets
/// its first ambiguous character escaped.
pub(super) fn value(head: &str) -> Arc<str> {
    if head.is_empty() {
        return UNNAMED.into();
    }
    let reserved = head == OTHER || head == UNNAMED;
    let mut value = String::with_capacity(head.len());
    for (place, letter) in head.char_indices() {
        let escape = letter.is_control()
            || is_invisible(letter)
            || (letter == '\\' && head[place..].starts_with("\\u{"))
            || (reserved && place == 0);
        if escape {
            let _ = write!(value, "\\u{{{:x}}}", u32::from(letter));
        } else {
            value.push(letter);
        }
    }
    value.into()
}

/// Returns the label value for the [`head`] of a name that may be absent, which is empty.
pub(super) fn optional(head: &str) -> Arc<str> {
    if head.is_empty() { Arc::default() } else { value(head) }
}

/// Returns true for line and paragraph separators, and marks that change the text direction.
fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_long_word_is_cut_between_characters_and_keeps_its_own_value() {
        let long = "é".repeat(5_000_000);
        assert!(head(&long).starts_with(&format!("{}…", "é".repeat(60))));
        assert!(head(&format!("x{long}")).starts_with(&format!("x{}…", "é".repeat(59))));
        assert_eq!(head("short"), "short");
        assert_ne!(head(&long), head(&format!("{long}!")));
        assert_eq!(head(&"a".repeat(120)), "a".repeat(120));
    }

    #[test]
    fn control_characters_are_escaped_and_other_characters_are_kept() {
        assert_eq!(&*value("a\nb\0c\u{1b}[2J\u{2028}"), r"a\u{a}b\u{0}c\u{1b}[2J\u{2028}");
        assert_eq!(&*value(r"C:\agents\x"), r"C:\agents\x");
        assert_eq!(&*value(r#"say "hi""#), r#"say "hi""#);
        assert_eq!(&*value(""), "__unnamed__");
        assert_eq!(&*value("other"), "other");
        assert_eq!(&*value("__other__"), r"\u{5f}_other__");
    }

    #[test]
    fn different_words_have_different_values() {
        let words = [
            "",
            "__unnamed__",
            "unnamed",
            r"\u{5f}_unnamed__",
            "__other__",
            "other",
            r"\u{5f}_other__",
            "\n",
            "\r",
            "\u{7f}",
            "\u{fffd}",
            "\u{2028}",
            "/n",
            r"\n",
            r"\\n",
            r"\u{a}",
            r"\u{5c}u{a}",
            "\\\n",
            r"\",
            r"\\",
            "/",
            "C:/a",
            r"C:\a",
            r"C:\\a",
            "\"",
            "\\\"",
            "\\\\\"",
        ];
        let values: HashSet<_> = words.iter().map(|word| value(&head(word))).collect();
        assert_eq!(values.len(), words.len(), "{values:?}");
    }
}
