//! Errors of settings.

use std::fmt;

use thiserror::Error;

/// A setting that cannot be used, an environment variable or a value in code: its name, its value,
/// and what is expected.
///
/// Values of settings whose names include key, token, secret, password, credential or headers are
/// never printed or kept.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The setting does not accept the value. Correct it, or unset the variable.
    #[error("{variable} is {value}; expected {expected}")]
    Invalid {
        /// Name of the variable, or of the method or field in code.
        variable: String,
        /// Value of the setting, shortened and escaped, in backquotes; a placeholder for a secret.
        value: String,
        /// Description of accepted values.
        expected: String,
    },
    /// The value is not Unicode. Correct or unset it.
    #[error("{variable} is not valid Unicode; correct or unset it")]
    NotUnicode {
        /// Name of the variable.
        variable: String,
    },
}

impl SettingsError {
    /// Creates an error for a value of a variable. `expected` completes "expected …".
    ///
    /// ```
    /// # use raaf_trace_core::environment::SettingsError;
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

    /// Creates an error for a value in code, named by its method or field. `expected` completes
    /// "expected …".
    ///
    /// ```
    /// # use raaf_trace_core::environment::SettingsError;
    /// let error = SettingsError::in_code("MySink::max_size", &0, "at least 1");
    /// assert_eq!(error.to_string(), "MySink::max_size is `0`; expected at least 1");
    /// ```
    pub fn in_code(setting: &str, value: &dyn fmt::Debug, expected: &str) -> Self {
        Self::invalid(setting, &format!("{value:?}"), expected)
    }

    /// Returns the variable, or the setting in code, that cannot be used.
    pub fn variable(&self) -> &str {
        match self {
            Self::Invalid { variable, .. } | Self::NotUnicode { variable } => variable,
        }
    }
}

/// Prints the [`Display`](fmt::Display) form, because a `main` that returns this error prints its
/// `Debug` form.
impl fmt::Debug for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
