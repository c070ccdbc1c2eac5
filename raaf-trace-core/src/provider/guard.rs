//! The guard that shuts tracing down.

use std::time::Duration;

use crate::provider::{FlushError, TracerProvider, global};

/// Guard that shuts tracing down when it is dropped: delivers all spans within a timeout. Keep it
/// in `main` while the program traces.
#[derive(Debug)]
#[must_use = "tracing ends when the guard is dropped: keep it in a variable"]
pub struct TracingGuard {
    provider: TracerProvider,
    timeout: Duration,
    done: bool,
}

impl TracingGuard {
    pub(super) fn new(provider: TracerProvider) -> Self {
        Self { provider, timeout: Duration::from_secs(5), done: false }
    }

    /// Sets the timeout for dropping the guard; 5 seconds by default.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Returns the provider.
    pub fn provider(&self) -> &TracerProvider {
        &self.provider
    }

    /// Shuts tracing down now, and returns the result.
    ///
    /// # Errors
    ///
    /// Returns an error if processors did not deliver all spans; the error names them.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{MemoryExporter, TracerProvider, trace};
    ///
    /// let memory = MemoryExporter::new();
    /// let tracing = TracerProvider::builder().with(memory.clone()).init()?;
    /// trace("nightly import").in_span(|| ());
    /// tracing.shutdown()?; // delivers the batch
    /// assert_eq!(memory.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shutdown(mut self) -> Result<(), FlushError> {
        self.done = true;
        let result = self.provider.shutdown(self.timeout);
        global::is_over(&self.provider);
        result
    }
}

impl Drop for TracingGuard {
    fn drop(&mut self) {
        if !self.done {
            self.provider.inner().shutdown_reporting(self.timeout);
            global::is_over(&self.provider);
        }
    }
}
