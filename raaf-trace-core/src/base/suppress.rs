//! Keeps an exporter from tracing itself: inside a scope, its thread makes no spans.

use std::cell::Cell;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Runs `f` with tracing off in this thread; scopes nest, and a panic leaves them too.
pub(crate) fn scope<R>(f: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            let _ = DEPTH.try_with(|depth| depth.set(depth.get().saturating_sub(1)));
        }
    }
    // Without thread-locals (the thread is ending) `active` answers from the same place.
    let entered = DEPTH.try_with(|depth| depth.set(depth.get() + 1)).is_ok();
    let _leave = entered.then_some(Leave);
    f()
}

/// Whether tracing is off in this thread.
pub(crate) fn active() -> bool {
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
