//! Keeping tracing alive, and ending it well.

use std::time::Duration;

use crate::provider::{FlushError, TracerProvider, global};

/// Ends tracing when it is dropped: delivers everything within a timeout and shuts down. Keep it
/// in `main` for as long as the program traces.
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

    /// How long dropping the guard may take; 5 seconds unless set.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The provider that is kept.
    pub fn provider(&self) -> &TracerProvider {
        &self.provider
    }

    /// Ends tracing now, and says how that went.
    ///
    /// # Errors
    ///
    /// Names the processors that did not deliver everything.
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
