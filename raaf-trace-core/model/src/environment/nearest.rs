//! Suggestions for misspelt names.

/// Maximum edit distance of a suggestion.
const NEAR: usize = 4;

/// Returns the known name that is most like `name`, if at most half of its characters differ, and
/// at most four.
///
/// ```
/// use raaf_trace_core::environment::nearest;
///
/// assert_eq!(nearest("flie", ["console", "file"]), Some("file"));
/// assert_eq!(nearest("zipkin", ["console", "file"]), None);
/// ```
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = name.chars().count().div_ceil(2).min(NEAR);
    let distances = known.into_iter().map(|known| (distance(name, known), known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= near).then_some(nearest)
}

/// Returns the number of characters to insert, delete or replace (Levenshtein distance).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, from) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, to) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, expected) in
            [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn short_names_are_not_near_everything() {
        assert_eq!(nearest("otpl", ["file", "otlp"]), Some("otlp"));
        assert_eq!(nearest("s3", ["csv", "file", "otlp"]), None);
        assert_eq!(nearest("", ["csv"]), None);
        assert_eq!(nearest("csv", []), None);
    }
}
