//! The handle by which a provider is held.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use crate::{
    provider::{FlushError, Inner, TracerProviderBuilder, bounded},
    sink::{IntoSink, Receiver},
};
use raaf_trace_model::sink::{BatchConfig, SpanProcessor, stats::Stats};

/// How long dropping the last handle waits for spans to be delivered.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// Where spans go, and by which rules. Clones are the same provider.
///
/// Most programs have one, made by [`init`](crate::init); tests and libraries that must not touch
/// the global one build their own. When the last handle is dropped, the provider is shut down.
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
/// # Ok::<(), raaf_trace_core::FlushError>(())
/// ```
#[derive(Clone)]
pub struct TracerProvider {
    handle: Arc<Handle>,
}

struct Handle {
    inner: Arc<Inner>,
}

impl TracerProvider {
    /// Starts building a provider. It has no processors, and takes nothing from the environment.
    pub fn builder() -> TracerProviderBuilder {
        TracerProviderBuilder::new()
    }

    pub(crate) fn from_inner(inner: Arc<Inner>) -> Self {
        Self { handle: Arc::new(Handle { inner }) }
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.handle.inner
    }

    /// Whether `other` is this very provider.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.handle.inner, &other.handle.inner)
    }

    /// Adds a processor behind the others. It gets the ends of spans that run now, but not their
    /// starts.
    pub fn add_processor<Via>(&self, sink: impl IntoSink<Via>) {
        self.inner().add_processor(sink.into_sink().receiver(&BatchConfig::default()));
    }

    /// Puts other processors in the place of the present ones, which are drained, flushed and shut
    /// down. Only the new ones receive what ends from now on.
    ///
    /// # Errors
    ///
    /// When an old one did not deliver everything within `timeout`.
    pub fn set_processors(
        &self,
        processors: Vec<Box<dyn SpanProcessor>>,
        timeout: Duration,
    ) -> Result<(), FlushError> {
        let receiver = |processor: Box<dyn SpanProcessor>| Receiver::Processor(processor.into());
        self.inner().set_processors(processors.into_iter().map(receiver).collect(), timeout)
    }

    /// How many processors there are.
    pub fn processor_count(&self) -> usize {
        self.inner().processors().len()
    }

    /// From now on makes no spans; code runs as before, and spans already started are still
    /// delivered.
    pub fn disable(&self) {
        self.inner().set_enabled(false);
    }

    /// Undoes [`disable`](Self::disable): the processors are those it had, and those added since.
    pub fn enable(&self) {
        self.inner().set_enabled(true);
    }

    /// Whether it has been disabled, in code or by the environment.
    pub fn is_disabled(&self) -> bool {
        !self.inner().is_enabled()
    }

    /// Delivers every span that ended before, in any thread. Returns within about `timeout`, even
    /// when an exporter hangs.
    ///
    /// # Errors
    ///
    /// Names the processors that did not deliver everything, and how much is left.
    pub fn force_flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.inner().force_flush(timeout)
    }

    /// As [`force_flush`](Self::force_flush), without blocking the thread; needs no particular
    /// runtime.
    ///
    /// # Errors
    ///
    /// As those of `force_flush`.
    pub fn force_flush_async(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), FlushError>> + Send + use<> {
        let inner = Arc::clone(self.inner());
        bounded::off_thread(move || inner.force_flush(timeout))
    }

    /// Delivers everything, then stops for good. The second time it does nothing.
    ///
    /// # Errors
    ///
    /// Names the processors that did not deliver everything, and how much is left.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        self.inner().shutdown(timeout)
    }

    /// As [`shutdown`](Self::shutdown), without blocking the thread.
    ///
    /// # Errors
    ///
    /// As those of `shutdown`.
    pub fn shutdown_async(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), FlushError>> + Send + use<> {
        let inner = Arc::clone(self.inner());
        bounded::off_thread(move || inner.shutdown(timeout))
    }

    /// Delivers manual spans that have been open for too long as stale, now; it also happens by
    /// itself. Returns how many there were.
    pub fn cleanup(&self) -> usize {
        self.inner().cleaner().clean()
    }

    /// What became of every span.
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
