//! Values that are sent but never shown.

use std::fmt;

use raaf_trace_model::Redactor;

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
    let secrets: Vec<_> = secrets.iter().map(|secret| secret.reveal()).collect();
    Redactor::without_values(&String::from_utf8_lossy(words), &secrets)
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
    fn a_reply_that_repeats_a_secret_loses_it() {
        let secrets = [&Secret::new("sk-1"), &Secret::new("")];
        assert_eq!(without(b"bad key sk-1 (sk-1)", &secrets), "bad key [REDACTED] ([REDACTED])");
        assert_eq!(without(br"bad key \u0073k-1", &secrets), "bad key [REDACTED]");
    }
}
