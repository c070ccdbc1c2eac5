//! Suppression of tracing: within a scope, its thread creates no spans. Keeps exporters from
//! tracing themselves.

use std::cell::Cell;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Runs `f` with tracing suppressed in this thread. Scopes nest, and end on panics as well.
pub(crate) fn scope<R>(f: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            let _ = DEPTH.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
        }
    }
    // Without thread-locals (the thread is ending), `active` reports suppression as well.
    let entered = DEPTH.try_with(|depth| depth.set(depth.get() + 1)).is_ok();
    let _leave = entered.then_some(Leave);
    f()
}

/// Returns whether this thread runs a sink, a diagnostic handler or another part of the library that
/// calls foreign code: spans that start here are not recorded, so that no sink traces itself.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::{FinishedSpan, SpanProcessor, TracerProvider, sink, trace};
///
/// struct Checks;
///
/// impl SpanProcessor for Checks {
///     fn on_end(&self, _: &FinishedSpan) {
///         assert!(sink::runs_here());
///     }
/// }
///
/// let provider = TracerProvider::builder().with(Checks).build();
/// provider.run(|| trace("request").in_span(|| assert!(!sink::runs_here())));
/// ```
#[inline]
pub fn active() -> bool {
    DEPTH.try_with(|depth| depth.get() > 0).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d4_scopes_nest_and_a_panic_leaves_them() {
        assert!(!active());
        scope(|| {
            let panicked = std::panic::catch_unwind(|| scope(|| panic!("inside")));
            assert!(panicked.is_err());
            assert!(active());
        });
        assert!(!active());
    }
}
