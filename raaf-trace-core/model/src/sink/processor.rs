//! The contract of sinks that receive the start and end of each span inline.

use std::{fmt, sync::Arc, time::Duration};

use super::stats::{ProcessorStats, StatsReader};
use crate::{
    escape::Escaped,
    span::{FinishedSpan, StartedSpan},
};

/// A sink that receives span starts and ends in the span's own thread, in configured order.
///
/// Every method has a default: implement those you need. None may block; put a blocking processor
/// behind an `Offload`, or write a [`SpanExporter`](super::SpanExporter) instead.
///
/// A panic in any method is caught, counted and reported, and affects neither the traced program
/// nor other processors. Spans created inside a processor are not traced.
///
/// # Wrappers
///
/// A processor that wraps another one forwards every call that it does not handle itself. Missing
/// forwards of these methods are easily overlooked: [`on_added`](Self::on_added) (the inner
/// processor gets no statistics), [`wants_start`](Self::wants_start) (starts are made unnecessarily, or are missing)
/// and [`stats`](Self::stats). The conformance suite of `raaf-testkit` detects all of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `SpanProcessor`",
    note = "a `SpanExporter` becomes a processor behind a queue (`BatchProcessor::new(exporter)`, or \
            `.batch()` of `raaf_processors::wrap::WrapExporter`) or with `SimpleProcessor::new`"
)]
pub trait SpanProcessor: Send + Sync + 'static {
    /// Returns the name for statistics, errors and diagnostics.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }

    /// Returns whether to call [`on_start`](Self::on_start). Called once, when the processor is
    /// added; `false` saves a call for every span.
    fn wants_start(&self) -> bool {
        true
    }

    /// Called when the processor is added to a provider, before the first span. A processor that
    /// reports statistics keeps a clone of `stats` and reads it on demand, never in the thread of a
    /// span.
    fn on_added(&self, stats: &StatsReader) {
        let _ = stats;
    }

    /// Called when a span starts, before the traced work runs. Attributes set on `span` are
    /// attributes of the span.
    fn on_start(&self, span: &mut StartedSpan) {
        let _ = span;
    }

    /// Called when a span ends, exactly once for each span.
    fn on_end(&self, span: &FinishedSpan) {
        let _ = span;
    }

    /// Called instead of [`on_end`](Self::on_end) for the last processor, which receives the span
    /// by value, for processors that store spans.
    fn on_end_owned(&self, span: FinishedSpan) {
        self.on_end(&span);
    }

    /// Delivers all spans that ended before the call.
    ///
    /// # Errors
    ///
    /// Returns an error if spans could not be delivered within `timeout`.
    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        let _ = timeout;
        Ok(())
    }

    /// Delivers all spans, then releases the processor's resources. Called once.
    ///
    /// # Errors
    ///
    /// Returns an error if spans could not be delivered within `timeout`.
    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.force_flush(timeout)
    }

    /// Returns the processor's own counts, such as queued and dropped spans of a batch processor.
    /// The provider adds the counts that it keeps for every processor.
    fn stats(&self) -> ProcessorStats {
        ProcessorStats::default()
    }
}

macro_rules! processor_behind {
    ($($pointer:ty),*) => {$(
        /// Forwards to the processor behind the pointer: keep one pointer to read it, and pass on
        /// the other.
        impl<P: SpanProcessor + ?Sized> SpanProcessor for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }
            fn wants_start(&self) -> bool {
                (**self).wants_start()
            }
            fn on_added(&self, stats: &StatsReader) {
                (**self).on_added(stats);
            }
            fn on_start(&self, span: &mut StartedSpan) {
                (**self).on_start(span);
            }
            fn on_end(&self, span: &FinishedSpan) {
                (**self).on_end(span);
            }
            fn on_end_owned(&self, span: FinishedSpan) {
                (**self).on_end_owned(span);
            }
            fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
                (**self).force_flush(timeout)
            }
            fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
                (**self).shutdown(timeout)
            }
            fn stats(&self) -> ProcessorStats {
                (**self).stats()
            }
        }
    )*};
}

processor_behind!(Box<P>, Arc<P>);

/// Error of a flush or a shutdown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessorError {
    /// The timeout expired before `pending` spans were delivered. They are not lost: delivery
    /// continues in the background while the process runs.
    #[error("timed out with {pending} spans not yet delivered")]
    Timeout {
        /// Number of spans that were waiting or in flight.
        pending: u64,
    },
    /// Everything that waited was tried once, and `pending` spans were not delivered. They are not
    /// lost: retries continue in the background while the process runs.
    #[error("{pending} spans are not delivered yet: {}", Escaped(.message))]
    Undelivered {
        /// Number of spans that wait for a retry.
        pending: u64,
        /// Message of the last error.
        message: String,
    },
    /// The processor or its exporter failed.
    #[error("{}", Escaped(.message))]
    Failed {
        /// Message of the error.
        message: String,
        /// Number of spans that were dropped since the last flush.
        dropped: u64,
    },
    /// The processor panicked.
    #[error("panicked: {}", Escaped(.message))]
    Panicked {
        /// Message of the panic.
        message: String,
    },
}

impl fmt::Debug for dyn SpanProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanProcessor").field("name", &self.name()).finish_non_exhaustive()
    }
}
