//! Calls of sinks, guarded against forks.

use std::fmt::Display;

use crate::{
    base::process::{Calls, CutOff},
    diagnostics::{self, Category},
};

/// Calls the sink called `name`, unless a fork interrupted such a call; the first refusal is
/// reported.
pub(crate) fn make<R, N: Display>(
    calls: &Calls,
    name: impl FnOnce() -> N,
    call: impl FnOnce() -> R,
) -> Result<R, CutOff> {
    calls.make(call).inspect_err(|cut_off| {
        if cut_off.first {
            diagnostics::warn(
                Category::Export,
                format_args!(
                    "`{}` receives no spans in this process: {cut_off}; fork while no traced \
                     call runs, or initialise tracing after the fork",
                    name()
                ),
            );
        }
    })
}
