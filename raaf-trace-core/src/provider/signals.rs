//! Shutdown on signals.

use std::{
    ffi::c_int,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag,
    iterator::Signals,
    low_level,
};

use crate::provider::{
    TracerProvider,
    disposition::{self, SignalSet},
};

/// Signals of which a second one ends the program at once. SIGHUP is none of them: a closing
/// terminal sends it more than once, and service managers send it together with SIGTERM.
const INSISTENT: [c_int; 3] = [SIGINT, SIGTERM, SIGQUIT];

impl TracerProvider {
    /// Shuts this provider down within `timeout` on SIGTERM, SIGINT (ctrl-c), SIGQUIT or SIGHUP (a
    /// closed terminal), and then lets the signal have its default effect. Programs that handle
    /// these signals themselves should call [`shutdown`](Self::shutdown) instead.
    ///
    /// A second SIGTERM, SIGINT or SIGQUIT during the shutdown has its default effect at once.
    ///
    /// Signals that the process ignores, such as SIGHUP under `nohup`, remain ignored. Only Linux
    /// shows which those are: elsewhere SIGHUP is left alone, and the others are handled.
    ///
    /// # Errors
    ///
    /// Returns an error if the handlers cannot be registered, or no thread can be started.
    pub fn shutdown_on_signals(&self, timeout: Duration) -> io::Result<()> {
        // Systems that do not show the ignored signals: SIGHUP is left alone.
        let ignored = disposition::ignored().unwrap_or(SignalSet::of(SIGHUP));
        let handled = |signal: &c_int| !ignored.contains(*signal);
        let mut signals = Signals::new(INSISTENT.iter().chain(&[SIGHUP]).filter(|s| handled(s)))?;
        let has_begun = Arc::new(AtomicBool::new(false));
        for signal in INSISTENT.into_iter().filter(handled) {
            // In this order: the first signal must not see the flag that it sets.
            flag::register_conditional_default(signal, Arc::clone(&has_begun))?;
            flag::register(signal, Arc::clone(&has_begun))?;
        }
        let inner = Arc::downgrade(self.inner());
        let noted = Arc::clone(&has_begun);
        thread::Builder::new().name("raaf-signals".to_owned()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                // Its handler wakes this thread before it sets the flag, which a second signal needs.
                while INSISTENT.contains(&signal) && !noted.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
                if let Some(inner) = inner.upgrade() {
                    inner.shutdown_reporting(timeout);
                }
                let _ = low_level::emulate_default_handler(signal);
            }
        })?;
        Ok(())
    }
}
