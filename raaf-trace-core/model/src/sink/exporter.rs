//! The contract of a sink that receives finished spans in batches.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::span::FinishedSpan;

/// Receives finished spans in batches, on a worker thread of its own, and may block.
///
/// Put one behind a `BatchProcessor` (production) or a
/// `SimpleProcessor` (tests, short tools).
///
/// Calls are never made for spans that the exporter itself would create: while it runs, tracing is
/// off in its thread.
pub trait SpanExporter: Send + Sync + 'static {
    /// The name that statistics, errors and diagnostics use, for example `file`.
    fn name(&self) -> &str;

    /// Delivers one batch. It is delivered whole or not at all: after an error that
    /// [can be retried](ExportError::retryable) the same batch is offered again.
    ///
    /// Called by one thread at a time unless [`overflow`](Self::overflow) says
    /// [`Overflow::Help`].
    ///
    /// # Errors
    ///
    /// Says whether trying again can help; see [`ExportError`].
    fn export(&self, batch: &[FinishedSpan]) -> Result<(), ExportError>;

    /// Makes what was exported so far durable (a file's buffer, a connection).
    ///
    /// # Errors
    ///
    /// When that failed; the flush then reports it under this exporter's name.
    fn force_flush(&self) -> Result<(), ExportError> {
        Ok(())
    }

    /// Releases what the exporter holds. Called once, after the last batch.
    ///
    /// # Errors
    ///
    /// When that failed; the shutdown then reports it under this exporter's name.
    fn shutdown(&self) -> Result<(), ExportError> {
        Ok(())
    }

    /// What happens to spans when as many as allowed are already waiting.
    fn overflow(&self) -> Overflow {
        Overflow::Drop
    }
}

macro_rules! exporter_behind {
    ($($pointer:ty),*) => {$(
        /// The exporter behind it.
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

/// What to do with a span that comes when as many as allowed are waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// Drop and count it at once: right for a network sink, which may hang.
    #[default]
    Drop,
    /// Let the thread that ended the span export waiting batches itself, for at most 5 ms, and
    /// drop and count only then. Right for a local sink; its
    /// [`export`](SpanExporter::export) must allow calls from several threads at once, and must not
    /// wait for long in such a thread: `is_helping` tells.
    Help,
}

/// Why a batch was not delivered, and whether trying again can help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportError {
    message: String,
    retry: Option<Retry>,
    /// How many spans of the batch were not taken; all, where nothing is said.
    rejected: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Retry {
    after: Option<Duration>,
}

impl ExportError {
    /// A failure that may pass: a refused connection, a timeout, HTTP 408, 409, 429 and 5xx.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: Some(Retry { after: None }), rejected: None }
    }

    /// A failure that will not pass: the batch is dropped and counted.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: None, rejected: None }
    }

    /// The batch was taken but for so many of its spans, which will not be taken by another try
    /// either: they are counted as dropped, the others as delivered.
    ///
    /// ```
    /// # use raaf_trace_core::ExportError;
    /// let error = ExportError::partial(2, "too old");
    /// assert!(!error.is_retryable());
    /// assert_eq!(error.rejected_of(50), 2);
    /// assert_eq!(ExportError::permanent("no such place").rejected_of(50), 50);
    /// ```
    pub fn partial(rejected: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), retry: None, rejected: Some(rejected) }
    }

    /// The server's own word on when to try again (`Retry-After`); makes the error retryable.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.retry = Some(Retry { after: Some(delay) });
        self.rejected = None;
        self
    }

    /// Whether trying again can help.
    pub fn is_retryable(&self) -> bool {
        self.retry.is_some()
    }

    /// How many spans of a batch of that size it means: all of them, unless only a part was
    /// [rejected](Self::partial).
    pub fn rejected_of(&self, batch: usize) -> usize {
        self.rejected.map_or(batch, |rejected| rejected.min(batch))
    }

    /// When the server asked to be tried again, if it said so.
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
