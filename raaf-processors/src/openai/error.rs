//! Errors of building the sink.

use raaf_trace_model::{environment::SettingsError, escape::Escaped};

use super::builder;

/// Error of building an [`OpenAiSink`](crate::OpenAiSink).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenAiSinkError {
    /// The base URL is invalid. The message shows it without parts that may be secret.
    #[error("`{}` is not a base URL; expected {expected}", Escaped(.0), expected = builder::EXPECTED)]
    BaseUrl(String),
    /// The key, the organization or the project contains characters that are not allowed in a
    /// header, such as a line feed. The message does not show the value.
    #[error("the {0} contains characters that are not allowed in a header")]
    Header(&'static str),
    /// An environment variable, or a value given in code, cannot be used. Correct it.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}
