//! The end of the main thread, for programs that keep no guard.

use std::{cell::Cell, thread, time::Duration};

use crate::provider::global;

/// How long the end of the main thread may be held up.
const TIMEOUT: Duration = Duration::from_secs(2);

thread_local! {
    static AT_END: Cell<Option<AtEnd>> = const { Cell::new(None) };
}

/// Flushes the global provider when the main thread ends. It is the most that can be done without
/// a guard: the platform may not run it, and it only works if the main thread itself is where the
/// global provider was first needed.
pub(super) fn watch() {
    if thread::current().name() == Some("main") {
        let _ = AT_END.try_with(|at_end| at_end.set(Some(AtEnd)));
    }
}

struct AtEnd;

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(provider) = global::existing() {
            let _ = provider.force_flush(TIMEOUT);
        }
    }
}
