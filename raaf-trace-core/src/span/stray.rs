//! Detection of stray roots, whose tasks were spawned without the context of their run.

use crate::{
    component::Component,
    context::flow::Current,
    diagnostics::{self, Category},
    provider::Inner,
};
use raaf_trace_model::{Kind, attributes::Key};

/// Returns true if a root of `component` that starts in `current` has no context. False for
/// workflows, which are runs of their own wherever they start.
pub(super) fn is_without_context(component: &Component, current: &Current) -> bool {
    !current.innermost.is_some() && current.home().is_none() && *component.kind() != Kind::Trace
}

/// Records the start of a root, and reports it if it was probably meant to be a child.
pub(super) fn root_started(
    provider: &Inner,
    component: &Component,
    method: &Key,
    without_context: bool,
) {
    // FNV-1a: collisions are harmless.
    let operation = || {
        let bytes = component.name().bytes().chain(method.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        hash ^ hash >> 32
    };
    if provider.open_roots().started(operation, || without_context && is_in_task()) {
        diagnostics::debug(
            Category::Context,
            format_args!(
                "`{}.{}` starts a trace of its own in a tokio task without a context, while another \
                 run is open. If it belongs to that run, spawn the task with `task::spawn_traced`, \
                 or its future with `.in_current_context()`",
                component.name(),
                &**method
            ),
        );
    }
}

fn is_in_task() -> bool {
    #[cfg(feature = "tokio")]
    return tokio::task::try_id().is_some();
    #[cfg(not(feature = "tokio"))]
    false
}
