//! Detection of stray roots, whose tasks were spawned without the context of their run.

use crate::{
    component::Component,
    context::current::Current,
    diagnostics::{self, Category},
    provider::running_trace::RunningTrace,
};
use raaf_trace_model::{Kind, attributes::Key};

/// Returns true if a root of `component` that starts in `current` has no context. False for
/// workflows, which are runs of their own wherever they start.
pub(super) fn is_without_context(component: &Component, current: &Current) -> bool {
    !current.innermost.is_some() && current.home().is_none() && *component.kind() != Kind::Trace
}

/// Records the start of a root, and reports it if it was probably meant to be a child.
pub(super) fn root_started(
    trace: &RunningTrace,
    (component, method): (&Component, &Key),
    without_context: bool,
) {
    let (component, method) = (component.name(), method.as_str());
    let hash = digest(component).rotate_left(32) ^ digest(method);
    let operation = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    let is_bare = || without_context && is_in_task();
    let roots = trace.provider.open_roots();
    if let Some(times) = roots.started(trace.root, operation, is_bare) {
        diagnostics::debug(
            Category::Context,
            format_args!(
                "`{component}.{method}` starts a trace of its own in a tokio task without a context, \
                 while another run is open; {times} such roots so far. If it belongs to that run, \
                 spawn the task with `task::spawn_traced` or `task::spawn_blocking_traced`; a \
                 context passed on by hand has to be captured inside the run"
            ),
        );
    }
}

/// Returns a hash of the first and last 8 bytes of a name and its length. Collisions are harmless.
fn digest(name: &str) -> u64 {
    let name = name.as_bytes();
    let ends = match (name.first_chunk(), name.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(24)
        }
        _ => name.iter().fold(0, |ends, byte| ends << 8 | u64::from(*byte)),
    };
    ends ^ name.len() as u64
}

fn is_in_task() -> bool {
    #[cfg(feature = "tokio")]
    return tokio::task::try_id().is_some();
    #[cfg(not(feature = "tokio"))]
    false
}
