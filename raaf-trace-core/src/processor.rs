//! The contract of a sink that receives each span's start and end in line.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    BatchProcessor, FinishedSpan, Span,
    stats::{ProcessorStats, StatsReader},
};

/// Receives span starts and ends in the span's own thread, in configured order.
///
/// Every method has a default: implement what you need. None may block; put a sink that may
/// behind [`offload`](crate::ProcessorExt::offload), or write a [`SpanExporter`](crate::SpanExporter) instead.
///
/// A panic in any method is caught, counted and reported, and harms neither the traced program nor
/// the other processors. Spans made inside a processor are not traced.
pub trait SpanProcessor: Send + Sync + 'static {
    /// The name that statistics, errors and diagnostics use.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }

    /// Whether [`on_start`](Self::on_start) wants to be called at all. Asked once, when the
    /// processor is added; `false` spares every span the call.
    fn wants_start(&self) -> bool {
        true
    }

    /// It was added to a provider, before the first span comes. A processor that reports what
    /// becomes of spans, in the other processors too, keeps a clone of `stats`; it is read on
    /// demand, never in the thread of a span. A wrapper passes the call on.
    fn on_added(&self, stats: &StatsReader) {
        let _ = stats;
    }

    /// A span began; the user's code in it has not run yet.
    fn on_start(&self, span: &Span) {
        let _ = span;
    }

    /// A span ended. Called exactly once a span.
    fn on_end(&self, span: &FinishedSpan) {
        let _ = span;
    }

    /// As [`on_end`](Self::on_end), for a processor that keeps the span: it is handed over instead
    /// of lent when no other processor comes after this one.
    fn on_end_owned(&self, span: FinishedSpan) {
        self.on_end(&span);
    }

    /// Whether calls only queue what they are given, keep their timeouts and never panic, so that
    /// they need no watching. For this crate's own processors.
    #[doc(hidden)]
    fn queues_only(&self) -> bool {
        false
    }

    /// The batching processor that this is, whose queue a provider may fill without calling it,
    /// and with spans whose secrets are still there. Only this crate can answer.
    #[doc(hidden)]
    fn batch(&self, _: Ours) -> Option<&BatchProcessor> {
        None
    }

    /// The last span of a trace in this process has ended, and what waits is to be delivered. For
    /// those that only queue; a wrapper passes the call on.
    #[doc(hidden)]
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

    /// What this processor counted itself: a batching one knows what waits and what was dropped.
    /// The provider adds what it counts for every processor.
    fn stats(&self) -> ProcessorStats {
        ProcessorStats::default()
    }
}

/// Has no name outside of this crate: a method that takes it can be neither written nor called
/// there.
///
/// ```compile_fail
/// use raaf_trace_core::{BatchProcessor, SpanProcessor};
///
/// struct Wrapper(BatchProcessor);
///
/// impl SpanProcessor for Wrapper {
///     fn batch(&self) -> Option<&BatchProcessor> {
///         Some(&self.0)
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Ours;

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
            fn on_start(&self, span: &Span) {
                (**self).on_start(span);
            }
            fn on_end(&self, span: &FinishedSpan) {
                (**self).on_end(span);
            }
            fn on_end_owned(&self, span: FinishedSpan) {
                (**self).on_end_owned(span);
            }
            fn queues_only(&self) -> bool {
                (**self).queues_only()
            }
            fn batch(&self, ours: Ours) -> Option<&BatchProcessor> {
                (**self).batch(ours)
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

/// Why a processor did not flush or shut down.
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
    /// The processor or its exporter said no.
    #[error("{message}")]
    Failed {
        /// What it said.
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
