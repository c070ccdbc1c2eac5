//! Why a sink could not be made.

use raaf_trace_core::SettingsError;

use super::builder;

/// Why an [`OpenAiSink`](crate::OpenAiSink) could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenAiSinkError {
    /// The base URL is none. The text shows it without what may be secret in it.
    #[error("`{0}` is no base URL; expected {expected}", expected = builder::EXPECTED)]
    BaseUrl(String),
    /// The key, the organization or the project holds characters that no header can carry, such as
    /// a line feed. The text does not show the value.
    #[error("the {0} holds characters that cannot be sent in a header")]
    Header(&'static str),
    /// A variable of the environment cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}
