//! Values that are sent but never shown.

use std::{cmp::Reverse, fmt};

use super::refusal::origin;

/// Replacement text for a secret.
const HIDDEN: &str = "[REDACTED]";

/// Key or header value that is sent to a server and never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Secret(String);

impl Secret {
    /// Wraps `value`.
    pub(crate) fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the value, to be sent.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Removes secrets from a server's message, because some servers repeat what they were sent.
pub(super) fn without(words: &[u8], secrets: &[&Secret]) -> String {
    let mut text = String::from_utf8_lossy(words).into_owned();
    let mut secrets: Vec<_> = secrets.iter().filter(|secret| !secret.0.is_empty()).collect();
    // Longest first: a short secret may be a part of a long one, of which the rest would remain.
    secrets.sort_by_key(|secret| Reverse(secret.0.len()));
    for secret in secrets {
        text = text.replace(&secret.0, HIDDEN);
    }
    text
}

/// Removes secrets from the path and the query of a URL.
pub(super) fn url_without(url: &str, secrets: &[&Secret]) -> String {
    let origin = origin(url);
    let rest = url.strip_prefix(&*origin).unwrap_or_default();
    format!("{origin}{}", without(rest.as_bytes(), secrets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("sk-1")), "[REDACTED]");
    }

    #[test]
    fn a_secret_within_another_leaves_nothing_of_that() {
        let secrets = [&Secret::new("abc"), &Secret::new("abcdef")];
        assert_eq!(without(b"abcdef, abc", &secrets), "[REDACTED], [REDACTED]");
    }

    #[test]
    fn a_reply_that_repeats_a_secret_loses_it() {
        let secrets = [&Secret::new("sk-1"), &Secret::new("")];
        assert_eq!(without(b"bad key sk-1 (sk-1)", &secrets), "bad key [REDACTED] ([REDACTED])");
    }
}
