//! Errors of models.

use std::{error::Error, time::Duration};

use raaf_trace_core::diagnostics::Escaped;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::errors::with_causes;

/// Failure of a model call. No variant contains an API key or a header, and messages are shown
/// [escaped](Escaped).
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModelError {
    /// The API key is missing, wrong, or lacks a permission (401, 403).
    #[error("the model server refused the API key (HTTP {status}): {}", Escaped(.message))]
    Authentication {
        /// The HTTP status code.
        status: u16,
        /// The server's message.
        message: String,
    },
    /// The rate limit or the quota is exceeded (429). Retry later.
    #[error("rate limit of the model server exceeded: {}", Escaped(.message))]
    RateLimited {
        /// The server's message.
        message: String,
        /// The delay that the server asked for.
        retry_after: Option<Duration>,
    },
    /// The request is invalid (other 4xx): a wrong parameter, or a conversation that is too long.
    #[error("the model server rejected the request (HTTP {status}): {}", Escaped(.message))]
    Rejected {
        /// The HTTP status code.
        status: u16,
        /// The server's message.
        message: String,
    },
    /// The server failed (5xx, 408, 409). Retry.
    #[error("the model server failed (HTTP {status}): {}", Escaped(.message))]
    Server {
        /// The HTTP status code.
        status: u16,
        /// The server's message.
        message: String,
        /// The delay that the server asked for.
        retry_after: Option<Duration>,
    },
    /// The server could not be reached, or the connection was lost. Retry.
    #[error("connection to the model server failed: {}", Escaped(.message))]
    Connection {
        /// The error and its causes.
        message: String,
    },
    /// The model exceeded the time limit. Retry, or raise the limit.
    #[error("no response from the model within {} s", after.as_secs_f64())]
    Timeout {
        /// The time limit.
        after: Duration,
    },
    /// The response violates the protocol.
    #[error("malformed model response: {}", Escaped(.message))]
    Malformed {
        /// The violation.
        message: String,
    },
    /// Another failure.
    #[error("{}", Escaped(.message))]
    Other {
        /// The error and its causes.
        message: String,
        /// True if a retry may succeed.
        retryable: bool,
    },
}

impl ModelError {
    /// Creates an error that is not retryable from an error and its causes.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other { message: with_causes(&*error.into()), retryable: false }
    }

    /// Returns whether a retry of the same request may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Server { .. }
            | Self::Connection { .. }
            | Self::Timeout { .. } => true,
            Self::Authentication { .. } | Self::Rejected { .. } | Self::Malformed { .. } => false,
            Self::Other { retryable, .. } => *retryable,
        }
    }

    /// Returns the variant as a lower-case word, such as `rate_limited`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Authentication { .. } => "authentication",
            Self::RateLimited { .. } => "rate_limited",
            Self::Rejected { .. } => "rejected",
            Self::Server { .. } => "server",
            Self::Connection { .. } => "connection",
            Self::Timeout { .. } => "timeout",
            Self::Malformed { .. } => "malformed",
            Self::Other { .. } => "other",
        }
    }

    /// Returns the HTTP status code, if known.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::RateLimited { .. } => Some(429),
            Self::Authentication { status, .. }
            | Self::Rejected { status, .. }
            | Self::Server { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns the delay that the server asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Server { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_tell_whether_to_retry() {
        let message = String::new();
        let limited = ModelError::RateLimited {
            message: message.clone(),
            retry_after: Some(Duration::from_secs(3)),
        };
        assert!(limited.is_retryable());
        assert_eq!(limited.retry_after(), Some(Duration::from_secs(3)));
        assert!(!ModelError::Authentication { status: 401, message }.is_retryable());
        assert!(!ModelError::other("no").is_retryable());
    }

    #[test]
    fn errors_survive_json() {
        let error = ModelError::Timeout { after: Duration::from_millis(1500) };
        let json = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<ModelError>(&json).unwrap(), error);
        assert_eq!(error.to_string(), "no response from the model within 1.5 s");
    }
}
