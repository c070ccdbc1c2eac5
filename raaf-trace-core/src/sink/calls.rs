//! Calls of sinks, which a forked child may have to do without.

use std::fmt::Display;

use crate::{
    base::process::{Calls, CutOff},
    diagnostics::{self, Category},
};

/// Makes a call of the sink that `name` names, unless a fork came between; the first such call is
/// reported.
pub(crate) fn make<R, N: Display>(
    calls: &Calls,
    name: impl FnOnce() -> N,
    call: impl FnOnce() -> R,
) -> Result<R, CutOff> {
    calls.make(call).inspect_err(|cut_off| {
        if cut_off.first {
            diagnostics::warn(
                Category::Tracing,
                format_args!(
                    "`{}` receives no spans in this process: {cut_off}; fork while nothing is \
                     traced, or initialise tracing after the fork",
                    name()
                ),
            );
        }
    })
}
