//! The contract of sinks that receive finished spans in batches.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::{escape::Escaped, span::FinishedSpan};

/// A sink that receives finished spans in batches, on a worker thread of its own, and may block.
///
/// Put it behind a `BatchProcessor` (production) or a `SimpleProcessor` (tests, short tools).
///
/// Tracing is disabled in the exporter's thread while it runs, so it never receives spans of its
/// own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `SpanExporter`",
    note = "a `SpanProcessor` needs no queue in front of it; put one that may block behind \
            `Offload::new(processor)`"
)]
pub trait SpanExporter: Send + Sync + 'static {
    /// Returns the name for statistics, errors and diagnostics, such as `file`.
    fn name(&self) -> &str;

    /// Exports one batch, entirely or not at all: after a [retryable error](ExportError::retryable)
    /// the same batch is exported again.
    ///
    /// Called by one thread at a time.
    ///
    /// # Errors
    ///
    /// Returns an error if the batch was not delivered. The error states whether a retry can
    /// succeed; see [`ExportError`].
    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError>;

    /// Makes exported spans durable (a file's buffer, a connection).
    ///
    /// # Errors
    ///
    /// Returns an error if that failed. The flush reports the error under this exporter's name.
    fn force_flush(&self) -> Result<(), ExportError> {
        Ok(())
    }

    /// Releases the exporter's resources. Called once, after the last batch.
    ///
    /// # Errors
    ///
    /// Returns an error if that failed. The shutdown reports the error under this exporter's name.
    fn shutdown(&self) -> Result<(), ExportError> {
        Ok(())
    }

    /// Returns the handling of spans that end while the queue is full.
    fn overflow(&self) -> Overflow {
        Overflow::Drop
    }
}

macro_rules! exporter_behind {
    ($($pointer:ty),*) => {$(
        /// Forwards to the exporter behind the pointer.
        impl<E: SpanExporter + ?Sized> SpanExporter for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }
            fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError> {
                (**self).export(batch)
            }
            fn force_flush(&self) -> Result<(), ExportError> {
                (**self).force_flush()
            }
            fn shutdown(&self) -> Result<(), ExportError> {
                (**self).shutdown()
            }
            fn overflow(&self) -> Overflow {
                (**self).overflow()
            }
        }
    )*};
}

exporter_behind!(Box<E>, Arc<E>);

/// Handling of a span that ends while the queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// Drops and counts the span at once. For network sinks, which may hang.
    #[default]
    Drop,
    /// Lets the thread that ended the span wait for capacity, at most
    /// [`max_wait`](super::BatchConfig::max_wait), and drops and counts the span only after that.
    /// For local sinks. If such a wait is in vain, no thread waits until the exporter makes
    /// progress.
    Wait,
}

/// Error of exporting a batch: the reason, and whether a retry can succeed.
///
/// The reason is shown [escaped](crate::escape::Escaped), since it often comes from a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportError {
    message: String,
    retry: Option<Retry>,
    /// Number of spans that are not delivered; `None` for the whole batch.
    rejected: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Retry {
    after: Option<Duration>,
}

impl ExportError {
    /// Creates an error for a temporary failure: a refused connection, a timeout, or a status
    /// after which the protocol allows a retry, such as HTTP 429 and 503.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::sink::ExportError;
    ///
    /// assert!(ExportError::retryable("connection refused").is_retryable());
    /// assert!(!ExportError::permanent("invalid key").is_retryable());
    /// ```
    pub fn retryable(message: impl Into<String>) -> Self {
        Self::new(message, Some(Retry { after: None }), None)
    }

    /// Creates an error for a permanent failure: the batch is dropped and counted.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(message, None, None)
    }

    /// Creates an error for a batch that was accepted except for `rejected` spans, which a retry
    /// would not deliver either. They count as dropped, the others as delivered.
    ///
    /// ```
    /// # use raaf_trace_core::sink::ExportError;
    /// let error = ExportError::partial(2, "too old");
    /// assert!(!error.is_retryable());
    /// assert_eq!(error.rejected_of(50), 2);
    /// assert_eq!(ExportError::permanent("no such place").rejected_of(50), 50);
    /// ```
    pub fn partial(rejected: usize, message: impl Into<String>) -> Self {
        Self::new(message, None, Some(rejected))
    }

    fn new(message: impl Into<String>, retry: Option<Retry>, rejected: Option<usize>) -> Self {
        Self { message: Escaped(message.into()).to_string(), retry, rejected }
    }

    /// Sets the delay that the server requested (`Retry-After`), and makes the error retryable.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use raaf_trace_core::sink::ExportError;
    ///
    /// let error = ExportError::permanent("too many requests").after(Duration::from_secs(7));
    /// assert!(error.is_retryable());
    /// assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    /// ```
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.retry = Some(Retry { after: Some(delay) });
        self.rejected = None;
        self
    }

    /// Sets how many spans of the batch are not delivered, where others are: the exporter sends only
    /// these when it is called again with the batch, and only these count as dropped if the batch is
    /// given up.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::sink::ExportError;
    ///
    /// let error = ExportError::retryable("busy").undelivered(20);
    /// assert!(error.is_retryable());
    /// assert_eq!(error.rejected_of(50), 20);
    /// ```
    #[must_use]
    pub fn undelivered(mut self, spans: usize) -> Self {
        self.rejected = Some(spans);
        self
    }

    /// Returns whether a retry can succeed.
    pub fn is_retryable(&self) -> bool {
        self.retry.is_some()
    }

    /// Returns the number of spans of a batch of this size that are lost without a retry: all of
    /// them, unless only a part was [rejected](Self::partial) or is [left](Self::undelivered).
    pub fn rejected_of(&self, batch: usize) -> usize {
        self.rejected.map_or(batch, |rejected| rejected.min(batch))
    }

    /// Returns the delay that the server requested.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry.and_then(|retry| retry.after)
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ExportError {}

impl fmt::Debug for dyn SpanExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanExporter").field("name", &self.name()).finish_non_exhaustive()
    }
}
