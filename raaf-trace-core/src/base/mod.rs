//! Shared primitives: locks, counters and thread-local marks.

pub(crate) mod counters;
pub(crate) mod gate;
pub(crate) mod panics;
pub(crate) mod process;
pub(crate) mod suppress;
pub(crate) mod sync;
pub(crate) mod thread_index;
