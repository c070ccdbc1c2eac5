//! Suggests corrections of misspelled words.

use syn::{Error, parse::ParseStream};

/// The word that a misspelled one is closest to, if one is close.
pub(crate) fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|known| (distance(word, known), *known));
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

/// Returns the edit distance, with transpositions.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, letter) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, wanted) in other.iter().enumerate() {
            let replaced = last[j] + usize::from(letter != wanted);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == other[j - 1] && one[i - 1] == *wanted {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[other.len()]
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
