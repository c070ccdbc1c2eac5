//! Why a setting cannot be used.

use thiserror::Error;

/// Why an environment variable cannot be used: what it is, and what would be right.
///
/// The value of a variable whose name speaks of a key, token, secret, password, credential or
/// headers is never shown or kept.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The value is not one that the variable can have. Correct or unset it.
    #[error("{variable} is {value}; expected {expected}")]
    Invalid {
        /// The variable.
        variable: String,
        /// Its value, shortened and safe to print, in backquotes; or a word in place of a secret.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// The value is not Unicode. Correct or unset it.
    #[error("{variable} is not valid Unicode")]
    NotUnicode {
        /// The variable.
        variable: String,
    },
}

impl SettingsError {
    /// An error about this value of a variable; `expected` completes "expected …".
    ///
    /// ```
    /// # use raaf_trace_core::SettingsError;
    /// let error = SettingsError::invalid("MY_SINK_PORT", "x", "a port from 1 to 65535");
    /// assert_eq!(error.to_string(), "MY_SINK_PORT is `x`; expected a port from 1 to 65535");
    /// ```
    pub fn invalid(variable: &str, value: &str, expected: &str) -> Self {
        let value = if is_secret(variable) { "set (not shown)".to_owned() } else { shown(value) };
        Self::Invalid { variable: variable.to_owned(), value, expected: expected.to_owned() }
    }

    pub(super) fn not_unicode(variable: &str) -> Self {
        Self::NotUnicode { variable: variable.to_owned() }
    }

    /// The variable that cannot be used.
    pub fn variable(&self) -> &str {
        match self {
            Self::Invalid { variable, .. } | Self::NotUnicode { variable } => variable,
        }
    }
}

fn is_secret(variable: &str) -> bool {
    let name = variable.to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "HEADERS", "AUTH"]
        .iter()
        .any(|word| name.contains(word))
}

fn shown(value: &str) -> String {
    const LONGEST: usize = 100;
    let mut start = value.chars();
    let cut: String = start.by_ref().take(LONGEST).flat_map(char::escape_debug).collect();
    let rest = if start.next().is_some() { "…" } else { "" };
    format!("`{cut}{rest}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        for variable in ["OPENAI_API_KEY", "OTEL_EXPORTER_OTLP_HEADERS", "my_sink_token"] {
            let error = SettingsError::invalid(variable, "hunter2", "something else");
            assert!(!format!("{error:?} {error}").contains("hunter2"));
            assert_eq!(
                error.to_string(),
                format!("{variable} is set (not shown); expected something else")
            );
        }
    }

    #[test]
    fn a_value_is_shortened_and_escaped() {
        let long = format!("\u{1b}[2J\n{}", "x".repeat(1_000));
        let text = SettingsError::invalid("NAME", &long, "less").to_string();
        assert!(text.starts_with("NAME is `\\u{1b}[2J\\nxxx"), "{text}");
        assert!(text.ends_with("x…`; expected less"), "{text}");
        assert!(text.len() < 150);
    }

    #[test]
    fn the_variable_can_be_asked() {
        assert_eq!(SettingsError::invalid("A", "b", "c").variable(), "A");
        assert_eq!(SettingsError::not_unicode("B").variable(), "B");
    }
}
