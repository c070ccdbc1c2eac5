//! Shutdown on signals.

use std::{
    ffi::c_int,
    fs, io,
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::Duration,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag,
    iterator::Signals,
    low_level,
};

use crate::provider::TracerProvider;

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
        let ignored = Ignored::read();
        let handled = |signal: &c_int| !ignored.contains(*signal);
        let mut signals = Signals::new(INSISTENT.iter().chain(&[SIGHUP]).filter(|s| handled(s)))?;
        let has_begun = Arc::new(AtomicBool::new(false));
        for signal in INSISTENT.into_iter().filter(handled) {
            // In this order: the first signal must not see the flag that it sets.
            flag::register_conditional_default(signal, Arc::clone(&has_begun))?;
            flag::register(signal, Arc::clone(&has_begun))?;
        }
        let inner = Arc::downgrade(self.inner());
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

/// Signals that the process ignores, one bit each, from signal 1 on.
struct Ignored(u64);

impl Ignored {
    /// Reads the signals from Linux's `/proc`. Where there is none, assumes SIGHUP.
    fn read() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
        Self(ignored.unwrap_or(1 << (SIGHUP - 1)))
    }

    fn contains(&self, signal: c_int) -> bool {
        self.0 & 1 << (signal - 1) != 0
    }
}
