//! The contract of a sink that receives each span's start and end in line.

use std::{fmt, sync::Arc, time::Duration};

use super::stats::{ProcessorStats, StatsReader};
use crate::span::{FinishedSpan, StartedSpan};

/// Receives span starts and ends in the span's own thread, in configured order.
///
/// Every method has a default: implement what you need. None may block; put a processor that may
/// behind an `Offload`, or write a [`SpanExporter`](super::SpanExporter) instead.
///
/// A panic in any method is caught, counted and reported, and harms neither the traced program nor
/// the other processors. Spans made inside a processor are not traced.
///
/// # Wrappers
///
/// A processor that wraps another one passes on every call that it does not answer itself. Of
/// these a forgotten one goes unnoticed at first: [`on_added`](Self::on_added) (the inner one never
/// sees statistics), [`on_root_end`](Self::on_root_end) (spans wait for their flush interval),
/// [`wants_start`](Self::wants_start) (starts are made for nobody, or missing) and
/// [`stats`](Self::stats). The conformance suite of `raaf-testkit` finds all of them.
pub trait SpanProcessor: Send + Sync + 'static {
    /// Returns the name that statistics, errors and diagnostics use.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }

    /// Returns whether [`on_start`](Self::on_start) is to be called at all. Asked once, when the
    /// processor is added; `false` spares every span the call.
    fn wants_start(&self) -> bool {
        true
    }

    /// Called when the processor was added to a provider, before the first span. A processor that
    /// reports what becomes of spans keeps a clone of `stats`, to be read on demand and never in the
    /// thread of a span.
    fn on_added(&self, stats: &StatsReader) {
        let _ = stats;
    }

    /// Called when a span began, before the traced work runs. What it sets on `span` is an
    /// attribute of the span.
    fn on_start(&self, span: &mut StartedSpan) {
        let _ = span;
    }

    /// Called when a span ended, exactly once a span.
    fn on_end(&self, span: &FinishedSpan) {
        let _ = span;
    }

    /// Called in place of [`on_end`](Self::on_end) for the last processor, which receives the span
    /// itself: for one that keeps spans.
    fn on_end_owned(&self, span: FinishedSpan) {
        self.on_end(&span);
    }

    /// Called when the last span of a trace in this process has ended, where the provider delivers
    /// at each root's end (`flush_after_root`): begin to deliver what waits, without waiting for it.
    fn on_root_end(&self) {}

    /// Delivers everything that ended before the call.
    ///
    /// # Errors
    ///
    /// When something could not be delivered within `timeout`.
    fn force_flush(&self, timeout: Duration) -> Result<(), ProcessorError> {
        let _ = timeout;
        Ok(())
    }

    /// Delivers everything, then releases what the processor holds. Called once.
    ///
    /// # Errors
    ///
    /// When something could not be delivered within `timeout`.
    fn shutdown(&self, timeout: Duration) -> Result<(), ProcessorError> {
        self.force_flush(timeout)
    }

    /// Returns what this processor counted itself: a batching one knows what waits and what was
    /// dropped. The provider adds what it counts for every processor.
    fn stats(&self) -> ProcessorStats {
        ProcessorStats::default()
    }
}

macro_rules! processor_behind {
    ($($pointer:ty),*) => {$(
        /// The processor behind it: keep one pointer to read it, and hand over the other.
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
            fn on_root_end(&self) {
                (**self).on_root_end();
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

/// The error of a flush or a shutdown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessorError {
    /// The time ran out; `pending` spans were not delivered by then. They are not lost: delivery
    /// goes on in the background while the process lives.
    #[error("timed out with {pending} spans not yet delivered")]
    Timeout {
        /// How many spans were waiting or in flight.
        pending: u64,
    },
    /// The processor or its exporter failed.
    #[error("{message}")]
    Failed {
        /// The error's message.
        message: String,
        /// How many spans were given up since the last flush.
        dropped: u64,
    },
    /// The processor panicked.
    #[error("panicked: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
}

impl fmt::Debug for dyn SpanProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanProcessor").field("name", &self.name()).finish_non_exhaustive()
    }
}
