//! Suggests corrections of misspelled words.

use strsim::osa_distance;
use syn::{Error, parse::ParseStream};

/// The word that a misspelled one is closest to, if one is close.
pub(crate) fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|known| (osa_distance(word, known), *known));
    near.filter(|(far, known)| *far <= known.len().div_ceil(4)).min().map(|(_, known)| known)
}

/// The question whether that was meant, or nothing.
pub(crate) fn did_you_mean(word: &str, known: &[&str]) -> String {
    closest(word, known).map(|known| format!("; did you mean `{known}`?")).unwrap_or_default()
}

/// An error that is told of the end of what was written.
pub(crate) fn at_end(input: ParseStream<'_>, hint: &str) -> Error {
    Error::new(input.span(), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelled_words_are_recognised() {
        let known = ["ok", "error", "cancelled", "in_any_order"];
        assert_eq!(closest("in_any_ordr", &known), Some("in_any_order"));
        assert_eq!(closest("any_order", &known), Some("in_any_order"));
        assert_eq!(closest("errro", &known), Some("error"));
        assert_eq!(closest("canceled", &known), Some("cancelled"));
        assert_eq!(closest("failed", &known), None);
        assert_eq!(closest("agent", &known), None);
    }
}
