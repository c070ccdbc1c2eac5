//! Reserved attribute keys.

/// Returns whether a key is reserved for the library: `component.*`, `success`, `duration_ms` and
/// `error.*`.
#[inline]
pub(crate) fn is_reserved(key: &str) -> bool {
    match key.as_bytes().first() {
        Some(b'c') => key.starts_with("component."),
        Some(b's') => key == "success",
        Some(b'd') => key == "duration_ms",
        Some(b'e') => key.starts_with("error."),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a3_exactly_these_keys_are_reserved() {
        for key in ["component.type", "component.", "success", "duration_ms", "error.type"] {
            assert!(is_reserved(key), "{key}");
        }
        for key in ["", "component", "successes", "result.success", "duration", "error", "errors.x"]
        {
            assert!(!is_reserved(key), "{key}");
        }
    }
}
