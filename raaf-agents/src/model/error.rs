//! Errors of models.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use raaf_trace_core::{ErrorType, call::KnownErrorType, diagnostics::Escaped};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::errors::with_causes;

/// Failure of a model call. No variant contains an API key or a header, and messages are shown
/// [escaped](Escaped).
///
/// [`kind`](Self::kind), [`status`](Self::status) and [`tries`](Self::tries) work for every variant. In a
/// trace, the model's span has them as `error.type`, `http.response.status_code` and `retry.count`, even
/// without sensitive data.
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
    /// The rate limit is exceeded (429). Retry later.
    #[error("rate limit of the model server exceeded: {}", Escaped(.message))]
    RateLimited {
        /// The server's message.
        message: String,
        /// The delay that the server asked for.
        retry_after: Option<Duration>,
    },
    /// The account's quota or credit is used up (402, and some 429). Retries do not help.
    #[error("the quota of the model server is used up (HTTP {status}): {}", Escaped(.message))]
    QuotaExceeded {
        /// The HTTP status code.
        status: u16,
        /// The server's message.
        message: String,
    },
    /// The conversation is longer than the model's context. Shorten it.
    #[error(
        "the conversation is too long for the model{}: {}",
        sizes(*tokens, *limit), Escaped(.message)
    )]
    ContextOverflow {
        /// The HTTP status code.
        status: u16,
        /// The server's message.
        message: String,
        /// The tokens of the conversation, if the server reports them.
        tokens: Option<u64>,
        /// The tokens that the model accepts, if the server reports them.
        limit: Option<u64>,
    },
    /// The provider's content filter refused the request. Change the content; retries do not help.
    #[error("the provider's content filter refused the request (HTTP {status}): {}", Escaped(.message))]
    ContentFiltered {
        /// The HTTP status code.
        status: u16,
        /// The server's message.
        message: String,
    },
    /// The request is invalid (other 4xx), such as a parameter that is unknown to the server.
    #[error("the model server rejected the request (HTTP {status}): {}", Escaped(.message))]
    Rejected {
        /// The HTTP status code.
        status: u16,
        /// The server's message.
        message: String,
    },
    /// The request was not sent, because the server's protocol cannot carry a part of it, such as an image
    /// that is given by the id of a file.
    #[error("the request cannot be sent: {}", Escaped(.message))]
    Unsupported {
        /// Name of the part that cannot be sent, with the remedy.
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
    /// The server could not be reached, or the connection was lost before the response. Retry.
    #[error("connection to the model server failed: {}", Escaped(.message))]
    Connection {
        /// The error and its causes.
        message: String,
    },
    /// The connection was lost during the response. Retry.
    #[error("the model server's response broke off{}: {}", After(*.pieces), Escaped(.message))]
    Interrupted {
        /// The number of [chunks](crate::ModelChunk) received; 0 for a response that is not streamed.
        pieces: u64,
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
    /// All attempts of a call failed; see [`RetryingModel`](crate::RetryingModel).
    #[error("{last} ({tries} tries)")]
    Retried {
        /// The number of attempts, at least 2.
        tries: u32,
        /// The failure of the last one.
        last: Box<ModelError>,
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

    /// Returns the failure of the last attempt, which is the error itself unless it is
    /// [`Retried`](Self::Retried).
    pub fn last_try(&self) -> &Self {
        let mut error = self;
        while let Self::Retried { last, .. } = error {
            error = last;
        }
        error
    }

    /// Returns the number of attempts: 1 unless it is [`Retried`](Self::Retried).
    pub fn tries(&self) -> u32 {
        match self {
            Self::Retried { tries, .. } => *tries,
            _ => 1,
        }
    }

    /// Returns the error of a call that failed after this many attempts.
    pub(super) fn after(self, tries: u32) -> Self {
        let last = match self {
            Self::Retried { last, .. } => last,
            error => Box::new(error),
        };
        if tries > 1 { Self::Retried { tries, last } } else { *last }
    }

    /// Returns whether a retry of the same request may succeed.
    pub fn is_retryable(&self) -> bool {
        match self.last_try() {
            Self::RateLimited { .. }
            | Self::Server { .. }
            | Self::Connection { .. }
            | Self::Interrupted { .. }
            | Self::Timeout { .. } => true,
            Self::Other { retryable, .. } => *retryable,
            _ => false,
        }
    }

    /// Returns the variant as a lower-case word, such as `rate_limited`: the `error.type` of spans.
    /// For [`Retried`](Self::Retried), that of the last attempt.
    pub fn kind(&self) -> &'static str {
        match self.last_try() {
            Self::Authentication { .. } => "authentication",
            Self::RateLimited { .. } => "rate_limited",
            Self::QuotaExceeded { .. } => "quota_exceeded",
            Self::ContextOverflow { .. } => "context_overflow",
            Self::ContentFiltered { .. } => "content_filtered",
            Self::Rejected { .. } => "rejected",
            Self::Unsupported { .. } => "unsupported",
            Self::Server { .. } => "server",
            Self::Connection { .. } => "connection",
            Self::Timeout { .. } => "timeout",
            Self::Interrupted { .. } => "interrupted",
            Self::Malformed { .. } => "malformed",
            Self::Retried { .. } | Self::Other { .. } => "other",
        }
    }

    /// Returns the HTTP status code, if known; of the last attempt.
    pub fn status(&self) -> Option<u16> {
        match self.last_try() {
            Self::RateLimited { .. } => Some(429),
            Self::Authentication { status, .. }
            | Self::QuotaExceeded { status, .. }
            | Self::ContextOverflow { status, .. }
            | Self::ContentFiltered { status, .. }
            | Self::Rejected { status, .. }
            | Self::Server { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns the delay that the server asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.last_try() {
            Self::RateLimited { retry_after, .. } | Self::Server { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }
}

/// Formats the sizes of a conversation and of a context.
fn sizes(tokens: Option<u64>, limit: Option<u64>) -> String {
    match (tokens, limit) {
        (Some(tokens), Some(limit)) => format!(" ({tokens} tokens of at most {limit})"),
        (Some(tokens), None) => format!(" ({tokens} tokens)"),
        (None, Some(limit)) => format!(" (at most {limit} tokens)"),
        (None, None) => String::new(),
    }
}

/// The [kind](ModelError::kind).
impl ErrorType for ModelError {
    fn error_type(&self) -> Cow<'static, str> {
        self.kind().into()
    }
}

raaf_trace_core::submit! { KnownErrorType::new::<ModelError>() }

/// Shows after how many pieces a response broke off.
struct After(u64);

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            1 => f.write_str(" after 1 piece"),
            pieces => write!(f, " after {pieces} pieces"),
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
        let error = error.after(3);
        let json = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<ModelError>(&json).unwrap(), error);
    }

    #[test]
    fn an_error_of_several_attempts_answers_as_the_last_one() {
        let message = "slow down".to_owned();
        let limited = ModelError::RateLimited { message, retry_after: Some(Duration::ZERO) };
        assert_eq!((limited.tries(), limited.clone().after(1)), (1, limited.clone()));
        let error = limited.clone().after(2).after(3);
        assert_eq!(
            error.to_string(),
            "rate limit of the model server exceeded: slow down (3 tries)"
        );
        assert_eq!((error.kind(), error.status(), error.tries()), ("rate_limited", Some(429), 3));
        assert!(error.is_retryable());
        assert_eq!((error.retry_after(), error.last_try()), (Some(Duration::ZERO), &limited));
    }

    #[test]
    fn a_response_that_broke_off_says_after_how_many_pieces() {
        let text =
            |pieces| ModelError::Interrupted { pieces, message: "reset".to_owned() }.to_string();
        let prefix = "the model server's response broke off";
        assert_eq!(text(0), format!("{prefix}: reset"));
        assert_eq!(text(1), format!("{prefix} after 1 piece: reset"));
        assert_eq!(text(2), format!("{prefix} after 2 pieces: reset"));
    }
}
