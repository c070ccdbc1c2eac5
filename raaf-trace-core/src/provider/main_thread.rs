//! Flush at the end of the main thread, for programs without a guard.

use std::{cell::Cell, thread, time::Duration};

use crate::provider::global;

/// Maximum delay of the main thread's end.
const TIMEOUT: Duration = Duration::from_secs(2);

thread_local! {
    static AT_END: Cell<Option<AtEnd>> = const { Cell::new(None) };
}

/// Flushes the global provider when the main thread ends. A best effort without a guard: the
/// platform may not run it, and it requires that the main thread was the first to use the global
/// provider.
pub(super) fn watch() {
    if thread::current().name() == Some("main") {
        let _ = AT_END.try_with(|at_end| at_end.set(Some(AtEnd)));
    }
}

struct AtEnd;

impl Drop for AtEnd {
    fn drop(&mut self) {
        // A shutdown has had its own timeout; one in another thread gets what is left of this.
        if let Some(provider) = global::existing().filter(|one| !one.inner().is_closed()) {
            let _ = provider.force_flush(TIMEOUT);
        }
    }
}
