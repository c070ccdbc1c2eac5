//! Suggestions for misspelt names.

use strsim::levenshtein;

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
    let distances = known.into_iter().map(|known| (levenshtein(name, known), known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= near).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_not_near_everything() {
        assert_eq!(nearest("otpl", ["file", "otlp"]), Some("otlp"));
        assert_eq!(nearest("s3", ["csv", "file", "otlp"]), None);
        assert_eq!(nearest("", ["csv"]), None);
        assert_eq!(nearest("csv", []), None);
    }
}
