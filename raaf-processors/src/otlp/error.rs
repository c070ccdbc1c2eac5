//! Errors of building the sink.

use std::fmt;

use raaf_trace_model::{environment::SettingsError, escape::Escaped};

use super::endpoint;

/// Error of building an [`OtlpSink`](super::OtlpSink).
///
/// No message contains a header's value.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The address given in code cannot be used. Correct it.
    #[error("the endpoint is `{}`; expected {expected}", Escaped(.shown), expected = endpoint::EXPECTED)]
    Endpoint {
        /// The address, unless it may contain a secret.
        shown: String,
    },
    /// A header given in code has a name that HTTP does not allow or a value that is not printable
    /// ASCII, or is a header about the body. Correct it.
    #[error(
        "the header `{name}` cannot be sent; expected a name that HTTP allows, other than \
             those of the body, such as `content-length`, and a value of printable ASCII"
    )]
    Header {
        /// The header's name, safe to print.
        name: String,
    },
    /// A certificate or key given in code cannot be used. Correct it.
    #[error("the {what} cannot be used; expected PEM, for a client's certificate with its key")]
    Certificate {
        /// The setting.
        what: &'static str,
    },
    /// An environment variable, or a value given in code, cannot be used. Correct it.
    #[error(transparent)]
    Setting(#[from] SettingsError),
}

/// Prints the [`Display`](fmt::Display) form, because a `main` that returns this error prints its
/// `Debug` form.
impl fmt::Debug for OtlpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
