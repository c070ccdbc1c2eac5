//! Why a model did not answer.

use std::{error::Error, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a model did not answer. No variant holds a key or a header.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ModelError {
    /// The key is missing, wrong, or not allowed to do this (401, 403). Correct it.
    #[error("the model's server refused the key: {message}")]
    Authentication {
        /// What the server said.
        message: String,
    },
    /// Too many requests or tokens (429). Try again later.
    #[error("the model's rate limit is reached: {message}")]
    RateLimited {
        /// What the server said.
        message: String,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// The request itself is at fault (other 4xx): a wrong parameter, too long a conversation.
    #[error("the model's server rejected the request ({status}): {message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: String,
    },
    /// The server failed (5xx, 408, 409). Try again.
    #[error("the model's server failed ({status}): {message}")]
    Server {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: String,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// The server was not reached, or the connection broke. Try again.
    #[error("the model's server could not be reached: {message}")]
    Connection {
        /// What went wrong, with its causes.
        message: String,
    },
    /// No answer within the time allowed. Try again, or allow more.
    #[error("the model did not answer within {}", seconds(*after))]
    Timeout {
        /// The time allowed.
        after: Duration,
    },
    /// The answer is not what the protocol promises.
    #[error("the model's answer cannot be read: {message}")]
    Malformed {
        /// What is wrong with it.
        message: String,
    },
    /// Any other reason.
    #[error("{message}")]
    Other {
        /// The reason.
        message: String,
        /// Whether another try can help.
        retryable: bool,
    },
}

impl ModelError {
    /// An error for which no other variant fits and no retry helps, with its causes.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other { message: with_causes(&*error.into()), retryable: false }
    }

    /// Whether the same request may succeed at another try.
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

    /// Which kind of error it is, in a word, without what the server said.
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

    /// The HTTP status, where it is known.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::RateLimited { .. } => Some(429),
            Self::Rejected { status, .. } | Self::Server { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// How long the server asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Server { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }
}

/// An error and what lies behind it, in one line.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| (**cause).source());
    // A wrapper whose text is its cause's would say it twice.
    causes.take(16).fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.ends_with(&cause) { text } else { format!("{text}: {cause}") }
    })
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_whether_a_retry_helps() {
        let message = String::new();
        let limited = ModelError::RateLimited {
            message: message.clone(),
            retry_after: Some(Duration::from_secs(3)),
        };
        assert!(limited.is_retryable());
        assert_eq!(limited.retry_after(), Some(Duration::from_secs(3)));
        assert!(!ModelError::Authentication { message }.is_retryable());
        assert!(!ModelError::other("no").is_retryable());
    }

    #[test]
    fn causes_are_told_once() {
        #[derive(Debug, Error)]
        #[error("outer")]
        struct Outer(#[source] std::num::ParseIntError);
        let inner = "x".parse::<u8>().unwrap_err();
        assert_eq!(with_causes(&Outer(inner)), "outer: invalid digit found in string");
    }

    #[test]
    fn errors_survive_json() {
        let error = ModelError::Timeout { after: Duration::from_millis(1500) };
        let json = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<ModelError>(&json).unwrap(), error);
        assert_eq!(error.to_string(), "the model did not answer within 1.5 s");
    }
}
