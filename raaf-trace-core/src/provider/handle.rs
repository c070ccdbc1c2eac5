//! Handles of providers.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use crate::{
    provider::{FlushError, Inner, TracerProviderBuilder, bounded},
    sink::{IntoSink, Receiver},
};
use raaf_trace_model::sink::{BatchConfig, SpanProcessor, stats::Stats};

/// Maximum time that dropping the last handle waits for delivery.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// A provider: its processors, and the settings of its spans. Clones refer to the same provider.
///
/// Most programs have one, created by [`init`](crate::init). Tests, and libraries that must not use
/// the global one, build their own. Dropping the last handle shuts the provider down.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{Component, MemoryExporter, TracerProvider, Traceable as _};
///
/// let memory = MemoryExporter::new();
/// let provider = TracerProvider::builder().with(memory.clone()).build();
///
/// provider.run(|| Component::agent("Planner").in_span("run", || "a plan"));
///
/// provider.force_flush(std::time::Duration::from_secs(5))?;
/// assert_eq!(memory.spans()[0].name(), "run.workflow.agent.Planner");
/// # Ok::<(), raaf_trace_core::provider::FlushError>(())
/// ```
#[derive(Clone)]
pub struct TracerProvider {
    handle: Arc<Handle>,
}

struct Handle {
    inner: Arc<Inner>,
}

impl TracerProvider {
    /// Returns a builder for a provider without processors, which reads nothing from the
    /// environment.
    pub fn builder() -> TracerProviderBuilder {
        TracerProviderBuilder::new()
    }

    pub(crate) fn from_inner(inner: Arc<Inner>) -> Self {
        Self { handle: Arc::new(Handle { inner }) }
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.handle.inner
    }

    /// Returns whether `other` is the same provider.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.handle.inner, &other.handle.inner)
    }

    /// Adds a processor after the others. It receives the ends of running spans, but not their
    /// starts.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, TracerProvider, sink::SimpleProcessor, trace};
    ///
    /// let (first, second) = (MemoryExporter::new(), MemoryExporter::new());
    /// let provider = TracerProvider::builder().with(SimpleProcessor::new(first.clone())).build();
    /// provider.run(|| {
    ///     trace("nightly import").in_span(|| {
    ///         provider.add_processor(SimpleProcessor::new(second.clone()));
    ///     });
    /// });
    /// assert_eq!((first.len(), second.len()), (1, 1));
    /// ```
    pub fn add_processor<Via>(&self, sink: impl IntoSink<Via>) {
        self.inner().add_processor(sink.into_sink().receiver(&BatchConfig::default(), None));
    }

    /// Replaces the processors. The previous ones are flushed and shut down; spans that end from
    /// now on go to the new ones only.
    ///
    /// # Errors
    ///
    /// Returns an error if a previous processor did not deliver all spans within `timeout`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use raaf_trace_core::{MemoryExporter, TracerProvider, sink::BatchProcessor, trace};
    ///
    /// let (old, new) = (MemoryExporter::new(), MemoryExporter::new());
    /// let provider = TracerProvider::builder().with(old.clone()).build();
    /// provider.run(|| trace("before").in_span(|| ()));
    /// let batching = Box::new(BatchProcessor::new(new.clone()));
    /// provider.set_processors(vec![batching], Duration::from_secs(5))?; // flushes the old one
    /// assert_eq!((old.len(), new.len()), (1, 0));
    /// # Ok::<(), raaf_trace_core::provider::FlushError>(())
    /// ```
    pub fn set_processors(
        &self,
        processors: Vec<Box<dyn SpanProcessor>>,
        timeout: Duration,
    ) -> Result<(), FlushError> {
        let receiver = |processor: Box<dyn SpanProcessor>| Receiver::Processor(processor.into());
        self.inner().set_processors(processors.into_iter().map(receiver).collect(), timeout)
    }

    /// Returns the number of processors.
    pub fn processor_count(&self) -> usize {
        self.inner().processors().len()
    }

    /// Stops creating spans. Code runs as before, and spans already started are still delivered.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, TracerProvider, sink::SimpleProcessor, trace};
    ///
    /// let memory = MemoryExporter::new();
    /// let provider =
    ///     TracerProvider::builder().with(SimpleProcessor::new(memory.clone())).build();
    /// provider.disable();
    /// assert_eq!(provider.run(|| trace("off").in_span(|| 1)), 1); // the work runs all the same
    /// provider.enable();
    /// provider.run(|| trace("on").in_span(|| ()));
    /// assert_eq!(memory.len(), 1);
    /// ```
    pub fn disable(&self) {
        self.inner().set_enabled(false);
    }

    /// Reverts [`disable`](Self::disable). Keeps the processors, including those added since.
    pub fn enable(&self) {
        self.inner().set_enabled(true);
    }

    /// Returns whether the provider is disabled, in code or by the environment.
    pub fn is_disabled(&self) -> bool {
        !self.inner().is_enabled()
    }

    /// Delivers all spans that ended before the call, in any thread. Returns within about
    /// `timeout`, even when an exporter hangs.
    ///
    /// # Errors
    ///
    /// Returns an error if processors did not deliver all spans; the error names them and the
    /// number of spans left.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use raaf_trace_core::{MemoryExporter, TracerProvider, trace};
    ///
    /// let memory = MemoryExporter::new();
    /// let provider = TracerProvider::builder().with(memory.clone()).build();
    /// provider.run(|| trace("nightly import").in_span(|| ()));
    /// // An exporter receives batches from a worker thread: without a flush it may have no span yet.
    /// provider.force_flush(Duration::from_secs(5))?;
    /// assert_eq!(memory.len(), 1);
    /// # Ok::<(), raaf_trace_core::provider::FlushError>(())
    /// ```
    pub fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.inner().force_flush(timeout)
    }

    /// Flushes like [`force_flush`](Self::force_flush) without blocking the thread. Needs no
    /// particular runtime.
    ///
    /// # Errors
    ///
    /// Those of `force_flush`.
    pub fn force_flush_async(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), FlushError>> + Send + use<> {
        let inner = Arc::clone(self.inner());
        bounded::off_thread(move || inner.force_flush(timeout))
    }

    /// Delivers all spans, then stops permanently. Does nothing when called again.
    ///
    /// # Errors
    ///
    /// Returns an error if processors did not deliver all spans; the error names them and the
    /// number of spans left.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use raaf_trace_core::{MemoryExporter, TracerProvider, trace};
    ///
    /// let memory = MemoryExporter::new();
    /// let provider = TracerProvider::builder().with(memory.clone()).build();
    /// provider.run(|| trace("nightly import").in_span(|| ()));
    /// provider.shutdown(Duration::from_secs(5))?;
    /// provider.run(|| trace("too late").in_span(|| ())); // runs, but is not recorded
    /// assert_eq!(memory.len(), 1);
    /// # Ok::<(), raaf_trace_core::provider::FlushError>(())
    /// ```
    pub fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        self.inner().shutdown(timeout)
    }

    /// Shuts down like [`shutdown`](Self::shutdown) without blocking the thread.
    ///
    /// # Errors
    ///
    /// Those of `shutdown`.
    pub fn shutdown_async(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), FlushError>> + Send + use<> {
        let inner = Arc::clone(self.inner());
        bounded::off_thread(move || inner.shutdown(timeout))
    }

    /// Delivers manual spans that have been open for too long as stale, as the cleaner does
    /// periodically. Returns their number.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use raaf_trace_core::{
    ///     MemoryExporter, Status, TracerProvider, clock::ManualClock, sink::SimpleProcessor,
    /// };
    ///
    /// let (memory, clock) = (MemoryExporter::new(), ManualClock::new());
    /// let provider = TracerProvider::builder()
    ///     .with(SimpleProcessor::new(memory.clone()))
    ///     .clock(clock.clock())
    ///     .stale_after(Some(Duration::from_secs(60)))
    ///     .build();
    /// let forgotten = provider.tracer().start_span("never finished");
    /// clock.advance(Duration::from_secs(61));
    /// assert_eq!(provider.cleanup(), 1);
    /// assert_eq!(memory.spans()[0].status(), Status::Stale);
    /// forgotten.finish(); // too late: ignored
    /// assert_eq!(memory.len(), 1);
    /// ```
    pub fn cleanup(&self) -> usize {
        self.inner().cleaner().clean()
    }

    /// Returns the counters of all spans.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, TracerProvider, sink::SimpleProcessor, trace};
    ///
    /// let processor = SimpleProcessor::new(MemoryExporter::new());
    /// let provider = TracerProvider::builder().with(processor).build();
    /// provider.run(|| trace("nightly import").in_span(|| ()));
    /// let stats = provider.stats();
    /// assert_eq!((stats.started, stats.ended, stats.dropped()), (1, 1, 0));
    /// ```
    pub fn stats(&self) -> Stats {
        self.inner().stats()
    }
}

impl fmt::Debug for TracerProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> =
            self.inner().processors().list().iter().map(|slot| slot.name()).collect();
        f.debug_struct("TracerProvider")
            .field("processors", &names)
            .field("enabled", &self.inner().is_enabled())
            .finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.inner.shutdown_reporting(DROP_TIMEOUT);
    }
}
