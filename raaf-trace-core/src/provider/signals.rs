//! Delivering spans when the process is told to end.

use std::{io, thread, time::Duration};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
    low_level,
};

use crate::provider::TracerProvider;

impl TracerProvider {
    /// On ctrl-c or SIGTERM, shuts this provider down within `timeout` and then lets the signal do
    /// what it would have done. For programs that handle these signals themselves,
    /// [`shutdown`](Self::shutdown) is the better choice.
    ///
    /// # Errors
    ///
    /// When the handlers cannot be registered, or there is no thread to be had.
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
