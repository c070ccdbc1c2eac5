//! Standard output of programs that speak a protocol on it.

use std::sync::atomic::{AtomicBool, Ordering};

static RESERVED: AtomicBool = AtomicBool::new(false);

/// Reserves standard output for the program, until the process ends: sinks that would write to it write
/// to standard error instead. For programs whose standard output is a protocol, such as an MCP server's.
///
/// ```
/// use raaf_trace_core::sink;
///
/// sink::reserve_stdout();
/// assert!(sink::stdout_is_reserved());
/// ```
pub fn reserve_stdout() {
    RESERVED.store(true, Ordering::Relaxed);
}

/// Returns whether standard output is reserved for the program.
///
/// A sink that writes to standard output must check this before each write.
pub fn stdout_is_reserved() -> bool {
    RESERVED.load(Ordering::Relaxed)
}
