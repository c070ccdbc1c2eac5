//! Shutdown on signals.

use std::{io, thread, time::Duration};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
    low_level,
};

use crate::provider::TracerProvider;

impl TracerProvider {
    /// Shuts this provider down within `timeout` on ctrl-c or SIGTERM, and then lets the signal
    /// have its usual effect. Programs that handle these signals themselves should call
    /// [`shutdown`](Self::shutdown) instead.
    ///
    /// # Errors
    ///
    /// Returns an error if the handlers cannot be registered, or no thread can be started.
    pub fn shutdown_on_signals(&self, timeout: Duration) -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let inner = std::sync::Arc::downgrade(self.inner());
        thread::Builder::new().name("raaf-signals".to_owned()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                if let Some(inner) = inner.upgrade() {
                    inner.shutdown_reporting(timeout);
                }
                let _ = low_level::emulate_default_handler(signal);
            }
        })?;
        Ok(())
    }
}
