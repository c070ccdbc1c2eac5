//! Wildcard matching.

/// Returns whether `text` matches `pattern`, in which each `*` matches any string, including an
/// empty one.
///
/// ```
/// # use raaf_trace_core::filter::wildcard_matches;
/// assert!(wildcard_matches("Load*", "Loader"));
/// assert!(!wildcard_matches("Load", "Loader"));
/// ```
pub fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(text) = text.strip_prefix(start).and_then(|text| text.strip_suffix(end)) else {
        return false;
    };
    // Each part between two stars matches at its first occurrence: a later one leaves less for the
    // remaining parts.
    let mut left = text;
    middle.split('*').all(|part| match left.find(part) {
        Some(at) => {
            left = &left[at + part.len()..];
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::wildcard_matches;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a"),
            ("Load*", "Load"),
            ("Load*", "Loader"),
            ("*er", "Loader"),
            ("L*r", "Loader"),
            ("*oa*", "Loader"),
            ("a*b*c", "a b c b c"),
            ("**", "x"),
            ("a*a", "aa"),
        ] {
            assert!(wildcard_matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("Load*", "load"), ("a*a", "a"), ("*b*b*", "ab"), ("a*b*c", "acb"), ("", "a")]
        {
            assert!(!wildcard_matches(pattern, text), "{pattern} {text}");
        }
    }
}
