//! Dispositions of signals, and a warning for programs that leave SIGTERM to its default.

use std::{fs, sync::Arc, thread, time::Duration};

use crate::{
    diagnostics::{self, Category},
    provider::TracerProvider,
};
use raaf_trace_model::sink::Overflow;

const SIGTERM: i32 = 15;

/// Time after `init` in which a program may still install its own handler.
const GRACE: Duration = Duration::from_secs(1);

/// Signals, one bit each, from signal 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SignalSet(u64);

impl SignalSet {
    pub(super) fn contains(self, signal: i32) -> bool {
        self.0 & 1 << (signal - 1) != 0
    }

    #[cfg(feature = "signals")]
    pub(super) fn of(signal: i32) -> Self {
        Self(1 << (signal - 1))
    }

    /// Reads a set from Linux's `/proc/self/status`, such as `SigIgn`; `None` where there is none.
    fn parse(status: &str, name: &str) -> Option<Self> {
        let bits = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        u64::from_str_radix(bits.trim(), 16).ok().map(Self)
    }
}

fn status() -> String {
    fs::read_to_string("/proc/self/status").unwrap_or_default()
}

/// Returns the signals that the process ignores; `None` where the system does not show them.
#[cfg(feature = "signals")]
pub(super) fn ignored() -> Option<SignalSet> {
    SignalSet::parse(&status(), "SigIgn")
}

/// Warns, a second from now, that a SIGTERM would lose spans, unless a handler is installed by then.
///
/// Handling it by default instead would break programs whose own handler comes later: both would
/// run, and neither can see the other.
pub(super) fn warn_of_sigterm(provider: &TracerProvider) {
    // Local sinks have all but the last 100 ms.
    let waits = |overflow| overflow == Overflow::Drop;
    let slots = provider.inner().processors().list();
    let sinks: Vec<_> = slots
        .iter()
        .filter(|slot| slot.batch().is_some_and(|batch| waits(batch.overflow())))
        .map(|slot| slot.name())
        .collect();
    if sinks.is_empty() || !cfg!(target_os = "linux") {
        return;
    }
    let inner = Arc::downgrade(provider.inner());
    // If no thread can be started, there is no warning.
    let _ = thread::Builder::new().name("raaf-signals".to_owned()).spawn(move || {
        thread::sleep(GRACE);
        if inner.strong_count() > 0 && is_default(&status()) {
            diagnostics::warn(
                Category::Tracing,
                format_args!(
                    "SIGTERM is not handled: it would end the program without the spans that wait \
                     for `{}`; call `shutdown_on_signals` of the provider (feature `signals`), or \
                     handle the signal and drop the guard",
                    sinks.join("`, `")
                ),
            );
        }
    });
}

/// Returns whether SIGTERM ends the process at once: it is neither handled nor ignored.
fn is_default(status: &str) -> bool {
    let sets = ["SigCgt", "SigIgn"].map(|name| SignalSet::parse(status, name));
    sets.iter().all(|set| set.is_some_and(|set| !set.contains(SIGTERM)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d2_a_signal_without_a_handler_is_told_from_others() {
        let status = |ignored: u64, caught: u64| {
            format!("Name:\tx\nSigIgn:\t{ignored:016x}\nSigCgt:\t{caught:016x}\n")
        };
        let sigterm = 1 << 14;
        assert!(is_default(&status(1, !sigterm)));
        assert!(!is_default(&status(sigterm, 0)));
        assert!(!is_default(&status(0, sigterm)));
        assert!(!is_default(""), "unknown");
    }
}
